"""Stitch coarse maps from tiles; find full-resolution peaks without assembling the map.

A full-resolution map would take four bytes per pixel of the view. Instead, peaks are found as the
tiles arrive, and only a margin of the previous tiles is kept. Every pixel has one value, that of
the core that holds it, so a head at a border is found once, by the same comparison of the same
numbers as in a map of one piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from raz import ops

from .coordinates import points_in_boxes, raster_order
from .tiles import Tile

MARGIN = 16
"""Pixels around a place that must be known before its peaks are found (ours).

A peak needs 2: the mean over 3 x 3 pixels, and its neighbours' means. A plateau, which is one peak,
may reach `MARGIN` - 2 pixels beyond a border between cores; both sides might report a longer one.
"""

Peaks = tuple[Tensor, Tensor]
"""Points float32 [N, 2] in pixels of the view and scores float32 [N]."""


class PeakStitcher:
    """Finds the peaks of a view's localization map while its cores arrive row by row.

    Each core completes a zone of its own size, shifted up and left by `MARGIN` except at the view's
    edges: everything around the zone is known by then. Memory: 2 * `MARGIN` rows of the view and
    columns of a tile, float32.

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
        """Add the next core.

        Args:
            tile: in the order of `raz.zoom.tiles.Tiling.tiles`.
            heat: float32 [h, w], the map in the tile's core.
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
        """Return all peaks, in raster order of the view."""
        if len(self._found) == 1:
            return self._found[0]
        points = torch.cat([points for points, _ in self._found])
        scores = torch.cat([scores for _, scores in self._found])
        order = raster_order(points)
        return points[order], scores[order]


class CellStitcher:
    """Stitches a map in cells of ``stride`` pixels of a view from its cores.

    Args:
        size: (h, w) of the view.
        stride: pixels of the view per cell; it divides 32.
        device: of the map, which is float32.
    """

    def __init__(self, size: tuple[int, int], stride: int, device: torch.device) -> None:
        self._stride = stride
        rows, columns = (-(-length // stride) for length in size)
        self.map = torch.empty(rows, columns, device=device)

    def add(self, tile: Tile, cells: Tensor) -> None:
        """Add the cells [h, w] of a tile's core."""
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
