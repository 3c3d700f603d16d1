"""One pass of the network over views of an image, whole or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from raz import ops

from .stitching import CellStitcher, PeakStitcher, core_of
from .tiles import Tiling
from .views import View

Look = Callable[[Tensor], dict[str, Tensor]]
"""The network on float images [B, 3, h, w]: the three maps."""


class Seen(NamedTuple):
    """What one pass saw in a view.

    Args:
        points: float32 [N, 2], peaks in pixels of the view, raster order, on the CPU.
        scores: float32 [N], on the CPU.
        cells: the maps that were asked for, "density" and "attention": [h, w] each.
    """

    points: Tensor
    scores: Tensor
    cells: dict[str, Tensor]


def look_at(
    look: Look, views: Sequence[View], *, floor: float, cells: Collection[str]
) -> list[Seen]:
    """Run the network once over several views of one size.

    Args:
        look: the network.
        views: what to look at.
        floor: least score of a peak.
        cells: names of the maps to keep.
    """
    images = [view.pixels() for view in views]
    outputs = look(torch.stack(images) if len(images) > 1 else images[0][None])
    heat = torch.sigmoid(outputs["localization"].float())
    points, scores, counts = ops.find_peaks(heat, threshold=floor)
    points, scores = points.cpu(), scores.cpu()
    return [
        Seen(
            points[index, :count],
            scores[index, :count].float(),
            {name: outputs[name][index] for name in cells},
        )
        for index, count in enumerate(counts.tolist())
    ]


def look_in_tiles(
    look: Look,
    view: View,
    tiling: Tiling,
    *,
    stride: int,
    floor: float,
    cells: Collection[str],
    stop: Callable[[], bool] = lambda: False,
) -> Seen | None:
    """Run the network over a view of any size, one tile after the other.

    Beside one tile's pass, memory is 4 bytes a cell of each map that is kept, on the view's device.

    Args:
        look: the network.
        view: what to look at.
        tiling: how to cut it.
        stride: pixels of the view per cell of the maps.
        floor: least score of a peak.
        cells: names of the maps to keep.
        stop: asked before each tile; where it says so, nothing is returned.
    """
    peaks = PeakStitcher(view.size, floor)
    maps = {name: CellStitcher(view.size, stride, view.device) for name in cells}
    for tile in tiling.tiles(view.size):
        if stop():
            return None
        outputs = look(view.pixels(tile.box)[None])
        peaks.add(tile, torch.sigmoid(core_of(tile, outputs["localization"][0]).float()))
        for name, mosaic in maps.items():
            mosaic.add(tile, core_of(tile, outputs[name][0], stride))
    points, scores = peaks.peaks()
    return Seen(points, scores, {name: mosaic.map for name, mosaic in maps.items()})
