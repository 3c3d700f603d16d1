"""Density after zooming: what a pass saw replaces its parent's density inside its region (ours).

A density map is a function that is constant in each cell, and it is resampled as just that: the
integral over a region is that of the enlarged crop, whatever the two grids. No head at a region's
edge counts twice. Liu et al., CVPR 2019, replace the points alone and count by the first pass.

The plane is cut into pieces wherever a map or a region has an edge; in a piece all is constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .coordinates import Box, CropGeometry, clip_box, is_empty

BLOCK = 250_000
"""Most pieces of a region that are held at once (ours): about 10 MB."""


@dataclass(frozen=True)
class DensityMap:
    """A density map and where its cells lie in the image.

    Attributes:
        values: float64 [..., h, w], persons per cell.
        x: float64 [..., w + 1], edges of the columns in pixels of the image.
        y: float64 [..., h + 1], edges of the rows.
    """

    values: Tensor
    x: Tensor
    y: Tensor

    @classmethod
    def of_crop(cls, values: Tensor, crop: CropGeometry, stride: int) -> DensityMap:
        """The map [h, w] that a pass saw; cells that stick out of the crop end at its edge.

        The persons of a reduced crop are spread over the cells that it would have at its own size.
        """
        rows, columns = values.shape
        x1, y1, x2, y2 = crop.box
        cell = stride / crop.scale
        x = cell_edges(columns, cell, x1, x2, values.device)
        seen = cls(values.double(), x, cell_edges(rows, cell, y1, y2, values.device))
        if crop.scale >= 1:
            return seen
        return seen.on_grid(
            cell_edges(math.ceil(crop.width / stride), stride, x1, x2, values.device),
            cell_edges(math.ceil(crop.height / stride), stride, y1, y2, values.device),
        )

    def on_grid(self, x: Tensor, y: Tensor) -> DensityMap:
        """A single map, summed exactly over other cells, which are not larger than its own."""
        columns = _sums_over(self.values, self.x, x)
        return DensityMap(_sums_over(columns.mT, self.y, y).mT, x, y)

    def touched(self, box: Box) -> tuple[DensityMap, tuple[slice, slice]]:
        """The part of a single map whose cells a box touches, and its rows and columns."""
        rows, columns = _span(self.y, box[1], box[3]), _span(self.x, box[0], box[2])
        x, y = (
            edges[cells.start : cells.stop + 1]
            for edges, cells in ((self.x, columns), (self.y, rows))
        )
        return DensityMap(self.values[rows, columns], x, y), (rows, columns)

    def integral(self, box: Box) -> float:
        """Persons inside a box of the image, of a single map."""
        part, _ = self.touched(box)
        rows, columns = (
            (torch.clamp(edges[1:], max=high) - torch.clamp(edges[:-1], min=low)).clamp(min=0)
            / edges.diff()
            for edges, low, high in ((part.y, box[1], box[3]), (part.x, box[0], box[2]))
        )
        return float(rows @ part.values @ columns)

    def per_area(self, x: Tensor, y: Tensor) -> Tensor:
        """Persons per square pixel of the image at places [..., m] and [..., n]: [..., n, m]."""
        density = self.values / (self.y.diff()[..., None] * self.x.diff()[..., None, :])
        rows, columns = _cells(self.y, y)[..., None], _cells(self.x, x)[..., None, :]
        return density.take_along_dim(rows, -2).take_along_dim(columns, -1)


def cell_edges(cells: int, size: float, first: float, last: float, device: torch.device) -> Tensor:
    """Edges float64 [cells + 1] of cells of a size in pixels; the last one ends at ``last``."""
    edges = first + size * torch.arange(cells + 1, dtype=torch.float64, device=device)
    return edges.clamp(max=last)


def replace_density(base: DensityMap, boxes: Sequence[Box], zoomed: Sequence[DensityMap]) -> Tensor:
    """Replace the density inside regions by that of the passes over them.

    Where regions overlap, the mean of theirs is taken. A cell of the base that an edge cuts takes
    on either side what is right there. So the map sums to the base's integral outside all regions
    plus the regions' own inside.

    Args:
        base: of the enclosing pass, a single map.
        boxes: regions in pixels of the image, each inside the base and inside its own crop.
        zoomed: the density of the pass over each, single maps.

    Returns:
        float64 [h, w], persons per cell of the base; its own values where no region is. A cell that
        is not a number stays so. Beside the map about 10 MB are used, whatever the sizes.
    """
    values = base.values.clone()
    for box, inside in zip(boxes, zoomed, strict=True):
        others = [each for each in boxes if not is_empty(clip_box(each, box))]
        regions = torch.tensor(others, dtype=torch.float64)
        edges = torch.tensor(box, dtype=torch.float64)
        x, y = piece_edges(base.touched(box)[0], inside.touched(box)[0], edges, regions)
        step = max(1, BLOCK // len(x))
        for first in range(0, len(y) - 1, step):
            some = y[first : first + step + 1]
            band = (box[0], float(some[0]), box[2], float(some[-1]))
            part, where = base.touched(band)
            values[where] += density_change(part, inside.touched(band)[0], regions, x, some)
    return values


def piece_edges(
    base: DensityMap, inside: DensityMap, box: Tensor, regions: Tensor
) -> tuple[Tensor, Tensor]:
    """Edges of the pieces into which a region is cut; some pieces may be empty.

    Args:
        base: of the enclosing pass.
        inside: of the pass over the region.
        box: [..., 4], the region in pixels of the image.
        regions: [..., K, 4], all regions that may meet it.

    Returns:
        [..., m + 1] and [..., n + 1], the columns' and the rows', ascending, within the box.
    """
    columns, rows = (
        torch.cat(
            (
                lines[0].expand(*box.shape[:-1], -1),
                lines[1].expand(*box.shape[:-1], -1),
                regions[..., axis].expand(*box.shape[:-1], -1),
                regions[..., axis + 2].expand(*box.shape[:-1], -1),
            ),
            dim=-1,
        )
        for axis, lines in enumerate(((base.x, inside.x), (base.y, inside.y)))
    )
    low_x, low_y, high_x, high_y = box[..., None].unbind(-2)
    return columns.clamp(low_x, high_x).sort().values, rows.clamp(low_y, high_y).sort().values


def density_change(
    base: DensityMap, inside: DensityMap, regions: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    """What one region changes in the base's cells, shared with the regions that overlap it.

    Args:
        base: of the enclosing pass.
        inside: of the pass over the region.
        regions: [..., K, 4], the region and all that may meet it.
        x, y: edges of the pieces, see `piece_edges`.

    Returns:
        float64 [..., h, w], persons per cell of the base.
    """
    width, height = x.diff(), y.diff()
    x, y = x[..., :-1] + width / 2, y[..., :-1] + height / 2
    change = inside.per_area(x, y) - base.per_area(x, y)
    change = change * (height[..., None] * width[..., None, :])
    x1, y1, x2, y2 = regions[..., None].unbind(-2)
    in_rows = ((y1 < y[..., None, :]) & (y[..., None, :] < y2)).double()
    in_columns = ((x1 < x[..., None, :]) & (x[..., None, :] < x2)).double()
    change = change / (in_rows.mT @ in_columns).clamp(min=1)  # an empty piece is in no region
    return _sums(_sums(change, _cells(base.x, x), base.x).mT, _cells(base.y, y), base.y).mT


def _sums_over(values: Tensor, edges: Tensor, others: Tensor) -> Tensor:
    """Sum columns [..., w] over others that are not wider, both by their edges."""
    low, high = others[:-1], others[1:]
    first = _cells(edges, low)
    second = (first + 1).clamp(max=len(edges) - 2)
    width, border = edges.diff(), edges[first + 1]
    in_first = (torch.minimum(high, border) - low) / width[first]
    in_second = (high - border).clamp(min=0) / width[second]
    return values[..., first] * in_first + values[..., second] * in_second


def _span(edges: Tensor, low: float, high: float) -> slice:
    """The cells that an interval touches, at least one."""
    ends = torch.tensor([low, high], dtype=edges.dtype, device=edges.device)
    first = int(torch.searchsorted(edges, ends[0], right=True)) - 1
    last = int(torch.searchsorted(edges, ends[1]))
    cells = len(edges) - 1
    first = min(max(first, 0), cells - 1)
    return slice(first, min(max(last, first + 1), cells))


def _cells(edges: Tensor, places: Tensor) -> Tensor:
    """Index int64 of the cell that holds each place; those outside belong to the nearest."""
    lines = edges.expand(*places.shape[:-1], -1).contiguous()
    found = torch.searchsorted(lines, places.contiguous(), right=True) - 1
    return found.clamp(0, edges.shape[-1] - 2)


def _sums(values: Tensor, cells: Tensor, edges: Tensor) -> Tensor:
    """Sum the columns [..., n, m] that lie in the same cell: [..., n, cells]."""
    sums = values.new_zeros(*values.shape[:-1], edges.shape[-1] - 1)
    return sums.scatter_add(-1, cells[..., None, :].expand(values.shape), values)
