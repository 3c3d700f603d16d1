"""Maps of a view put together from its tiles' cores, and the peaks of one never put together.

At full resolution a map takes four bytes a pixel of the view: its peaks are found while the tiles
come, and of what came before only a margin is kept. Every pixel has one value, its core's, however
the tiles overlap; so a head at a border is found once, by the same comparison of the same numbers
as in a map of one piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from raz import ops

from .coordinates import points_in_boxes, raster_order
from .tiles import Tile

MARGIN = 16
"""Pixels around a place that are known when its peaks are found (ours).

A peak needs 2: the mean over 3 x 3 pixels, and its neighbours' means. A plateau, of which one pixel
is to be reported, may reach `MARGIN` - 2 pixels beyond a border between cores; of a longer one each
side might report a pixel.
"""

Peaks = tuple[Tensor, Tensor]
"""Points float32 [N, 2] in pixels of the view and scores float32 [N]."""


class PeakStitcher:
    """Peaks of a view's map of heads, whose cores come row by row.

    The peaks found with a core are those of a zone as large, but `MARGIN` further up and left,
    where the view does not begin there: all around the zone is known then. Memory: 2 * `MARGIN`
    rows of the view and columns of a tile, float32.

    Args:
        size: (h, w) of the view.
        floor: least score of a peak.
    """

    def __init__(self, size: tuple[int, int], floor: float) -> None:
        self._size = size
        self._floor = floor
        self._above: Tensor | None = None
        self._left: Tensor | None = None
        self._found: list[Peaks] = []

    def add(self, tile: Tile, heat: Tensor) -> None:
        """Take in the next core.

        Args:
            tile: in the order of `raz.zoom.tiles.Tiling.tiles`.
            heat: float32 [h, w], the map in its core.
        """
        height, width = self._size
        left, top, right, bottom = tile.core
        margin = 2 * MARGIN
        known = heat
        if top > 0 and self._above is not None:
            known = torch.cat((self._above[:, left:right], known))
        if bottom < height:
            if self._above is None:
                self._above = heat.new_empty(margin, width)
            self._above[:, left:right] = heat[-margin:]
        if left > 0 and self._left is not None:
            known = torch.cat((self._left, known), dim=1)
        self._left = known[:, -margin:].clone() if right < width else None

        points, scores, counts = ops.find_peaks(known[None], threshold=self._floor)
        count = int(counts[0])
        points, scores = points[0, :count].cpu(), scores[0, :count].float().cpu()
        if (left, top, right, bottom) != (0, 0, width, height):
            points = points + points.new_tensor((right - known.shape[1], bottom - known.shape[0]))
            zone = (
                left - MARGIN if left > 0 else 0,
                top - MARGIN if top > 0 else 0,
                right - MARGIN if right < width else width,
                bottom - MARGIN if bottom < height else height,
            )
            inside = points_in_boxes(points, points.new_tensor([zone]))[:, 0]
            points, scores = points[inside], scores[inside]
        self._found.append((points, scores))

    def peaks(self) -> Peaks:
        """All peaks, in raster order of the view."""
        if len(self._found) == 1:
            return self._found[0]
        points = torch.cat([points for points, _ in self._found])
        scores = torch.cat([scores for _, scores in self._found])
        order = raster_order(points)
        return points[order], scores[order]


class CellStitcher:
    """A map in cells of ``stride`` pixels of a view, put together from its cores.

    Args:
        size: (h, w) of the view.
        stride: pixels of the view per cell; it divides 32.
        device: where the map is kept, float32.
    """

    def __init__(self, size: tuple[int, int], stride: int, device: torch.device) -> None:
        self._stride = stride
        rows, columns = (-(-length // stride) for length in size)
        self.map = torch.empty(rows, columns, device=device)

    def add(self, tile: Tile, cells: Tensor) -> None:
        """Take in the cells [h, w] of a tile's core."""
        row, column = tile.core[1] // self._stride, tile.core[0] // self._stride
        self.map[row : row + cells.shape[0], column : column + cells.shape[1]] = cells


def core_of(tile: Tile, values: Tensor, stride: int = 1) -> Tensor:
    """Cut a tile's core out of a map of the tile.

    Args:
        values: [h, w] in cells of ``stride`` pixels, from the tile's upper left corner.
    """
    (x, y, _, _), (left, top, right, bottom) = tile.box, tile.core
    rows = slice((top - y) // stride, -(-(bottom - y) // stride))
    columns = slice((left - x) // stride, -(-(right - x) // stride))
    return values[rows, columns]
