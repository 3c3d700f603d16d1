"""Region proposals from the attention map of one pass."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from raz import ops

from .coordinates import Box, CropGeometry, clip_box, is_empty

TILE = 2 / 3
"""Side of a tile of `cover` in units of the shorter edge, before tiles are made to fit (ours): that
of the larger anchors."""


@dataclass(frozen=True)
class Proposal:
    """A region to zoom into.

    Attributes:
        box: edges in original pixels, not empty, inside the region it was proposed in.
        score: mean attention inside the box, in [0, 1]; of `cover`, that of its crowded cells.
    """

    box: Box
    score: float


@dataclass(frozen=True)
class InsideRegion:
    """The cells of a pass's attention map inside its region.

    The context of a crop cannot cause a region (ours; the paper does not say how a deeper round is
    confined).

    Attributes:
        attention: float32 [h, w], in [0, 1], or -1 where nothing is proposed; it may have no cell.
        first: column and row of its first cell in the map.
        crop: of the pass in the original image.
        within: the region, in original pixels.
        stride: pixels of the pass per cell.
        centres: whether a cell belongs here by its centre; then what is left at the region's edges,
            less than half a cell, belongs to the cells there.
    """

    attention: Tensor
    first: tuple[int, int]
    crop: CropGeometry
    within: Box
    stride: int
    centres: bool = False

    @classmethod
    def of_pass(
        cls,
        attention: Tensor,
        crop: CropGeometry,
        within: Box,
        stride: int,
        *,
        centres: bool = False,
    ) -> InsideRegion:
        """Cut the map [h, w] of the pass over ``crop`` to a box in original pixels.

        Its cells lie wholly in the box; with ``centres``, their centres do. Then the cells of
        regions side by side leave no strip between them, whatever the scale.
        """
        column1, row1, column2, row2 = crop.cells_inside(within, stride, centres=centres)
        cells = attention[row1 : max(row1, row2), column1 : max(column1, column2)]
        return cls(cells.float(), (column1, row1), crop, within, stride, centres)

    def persons_in(self, cells: Tensor, density: Tensor) -> Tensor:
        """Persons per cell of the whole map [h, w], 0 outside some cells of this region.

        Args:
            cells: bool, of the shape of ``attention``.
            density: persons per cell of the whole map of the pass.
        """
        column, row = self.first
        inside = torch.zeros_like(density, dtype=torch.bool)
        inside[row : row + cells.shape[0], column : column + cells.shape[1]] = cells.to(inside)
        return density.float().clamp(min=0).where(inside, 0)

    def only(self, cells: Tensor) -> InsideRegion:
        """Propose nothing outside some cells, bool [h, w]: there the attention becomes -1."""
        return replace(self, attention=self.attention.where(cells, -1))

    def shown_in(self, other: InsideRegion) -> Tensor:
        """The attention here at the centres of another's cells, or in the cell next to one beyond.

        The other lies inside this region, but for the centres of cells that its window's edge cuts.
        """
        cells = self.stride / self.crop.scale
        places = []
        for axis, corner in enumerate((self.crop.x, self.crop.y)):
            shown, own = other.attention.shape[1 - axis], self.attention.shape[1 - axis]
            centres = other.crop.cell_centres(other.first[axis] + shown, self.stride, axis)
            cell = ((centres[other.first[axis] :] - corner) / cells).floor().long()
            places.append((cell - self.first[axis]).clamp(0, own - 1).to(self.attention.device))
        columns, rows = places
        return self.attention[rows][:, columns]

    def box(self, cells: Box) -> Box:
        """Map a box in cells of ``attention`` to original pixels."""
        column, row = self.first
        x1, y1, x2, y2 = cells
        moved = (x1 + column, y1 + row, x2 + column, y2 + row)
        box = clip_box(self.crop.cells_to_image(moved, self.stride), self.within)
        if not self.centres:
            return box
        rows, columns = self.attention.shape
        left, top, right, bottom = self.within
        return (
            left if x1 <= 0 else box[0],
            top if y1 <= 0 else box[1],
            right if x2 >= columns else box[2],
            bottom if y2 >= rows else box[3],
        )


def propose(where: InsideRegion, threshold: float, max_regions: int, seed: int) -> list[Proposal]:
    """Propose the best of many anchors, laid and scored over the cells of a region.

    For the scheme of anchors see ``raz.ops.propose_regions`` (Liu et al., CVPR 2019).

    Args:
        where: the attention map.
        threshold: least mean attention of a region.
        max_regions: most regions to return.
        seed: of the anchors' centres.

    Returns:
        Proposals by descending score, ties in the order of the anchors.
    """
    if max_regions == 0 or where.attention.numel() == 0:
        return []
    boxes, scores, counts = ops.propose_regions(
        where.attention[None], score_threshold=threshold, max_regions=max_regions, seed=seed
    )
    found = int(counts[0])
    proposals = []
    for cells, score in zip(boxes[0, :found].tolist(), scores[0, :found].tolist(), strict=True):
        box = where.box(tuple(cells))
        # An anchor may lie wholly in the part of the last cell that sticks out of the image.
        if not is_empty(box):
            proposals.append(Proposal(box, score))
    return proposals


def cover(where: InsideRegion, threshold: float, max_regions: int) -> list[Proposal]:
    """Propose regions that hold every crowded cell and do not overlap (ours).

    The map is cut into equal tiles: two along its shorter edge, and along the longer one as many of
    about `TILE` of the shorter edge as fit; fewer where there would be more than ``max_regions``.
    Each tile gives the bounding box of its crowded cells. Random anchors overlap: to cover as many
    people they enlarge twice as many pixels, and where they meet, heads are found twice.

    Args:
        where: the attention map.
        threshold: least attention of a crowded cell.
        max_regions: most regions to return.

    Returns:
        Proposals by descending score, ties from the upper left to the lower right.
    """
    attention = where.attention.cpu()
    if max_regions == 0 or attention.numel() == 0:
        return []
    rows, columns = tile_grid((attention.shape[0], attention.shape[1]), max_regions)
    proposals = []
    for band, down in _bands(attention, rows, 0):
        for tile, right in _bands(band, columns, 1):
            crowded = tile >= threshold
            if not crowded.any():
                continue
            row, column = crowded.nonzero().unbind(1)
            x1, y1 = right + int(column.min()), down + int(row.min())
            x2, y2 = right + int(column.max()) + 1, down + int(row.max()) + 1
            box = where.box((x1, y1, x2, y2))
            # Summed up in float32, the mean of cells at the threshold may fall below it.
            proposals.append(Proposal(box, float(tile[crowded].mean(dtype=torch.float64))))
    return sorted(proposals, key=lambda proposal: -proposal.score)


def tile_grid(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Number of rows and columns of tiles by which `cover` cuts a map of (h, w) cells."""
    side = TILE * min(size)
    while True:
        rows, columns = (max(1, round(length / side)) for length in size)
        if rows * columns <= most:
            return rows, columns
        side *= 1.25


def _bands(values: Tensor, count: int, axis: int) -> list[tuple[Tensor, int]]:
    """Cut a map into about equal bands along an axis, each with the index of its first row."""
    length = values.shape[axis]
    edges = [length * index // count for index in range(count + 1)]
    return [
        (values.narrow(axis, first, last - first), first)
        for first, last in itertools.pairwise(edges)
    ]
