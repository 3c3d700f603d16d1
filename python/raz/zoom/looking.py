"""One pass of the network over a view, whole or tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .mosaic import CellMosaic, PeakMosaic, core_of
from .tiles import Tiling
from .views import View

Look = Callable[[Tensor], dict[str, Tensor]]
"""The network on float images [B, 3, h, w]: the three maps."""


class Seen(NamedTuple):
    """What one pass saw in a view.

    Args:
        points: float32 [N, 2], peaks in pixels of the view, raster order, on the CPU.
        scores: float32 [N], on the CPU.
        attention: [h, w] in cells of the view, on the view's device.
        density: float32 [h, w] in cells, on the CPU; None where it was not asked for.
    """

    points: Tensor
    scores: Tensor
    attention: Tensor
    density: Tensor | None


def look_in_tiles(
    look: Look, view: View, tiling: Tiling, *, stride: int, floor: float, density: bool
) -> Seen:
    """Run the network over a view of any size, one tile after the other.

    Beside one tile's pass, memory is the attention map and, if asked for, the density: 4 bytes a
    cell each.

    Args:
        look: the network.
        view: what to look at.
        tiling: how to cut it; a view that it does not cut goes through whole.
        stride: pixels of the view per cell of the maps.
        floor: least score of a peak.
        density: whether the density is wanted.
    """
    size = view.size
    peaks = PeakMosaic(size, floor)
    attention = CellMosaic(size, stride, view.device)
    counted = CellMosaic(size, stride, torch.device("cpu")) if density else None
    for tile in tiling.tiles(size):
        outputs = look(view.pixels(tile.box)[None])
        peaks.add(tile, torch.sigmoid(core_of(tile, outputs["localization"][0]).float()))
        attention.add(tile, core_of(tile, outputs["attention"][0], stride))
        if counted is not None:
            counted.add(tile, core_of(tile, outputs["density"][0], stride))
    return Seen(*peaks.peaks(), attention.map, counted.map if counted is not None else None)
