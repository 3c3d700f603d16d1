"""Areas of an image: which points lie inside, and which share of each cell of a density map.

An area is a polygon, [M, 2] corners (x, y) in pixels, or a mask, bool [H, W]. Pixels are areas:
pixel j covers [j, j + 1). A polygon that intersects itself follows the even-odd rule: what an odd
number of its edges separates from the outside is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from raz.arrays import as_floats

if TYPE_CHECKING:
    import torch

    Area = Sequence[Sequence[float]] | npt.NDArray[Any] | torch.Tensor

__all__ = ["for_each_area", "points_inside", "polygon_area", "shares_inside"]

Floats = npt.NDArray[np.float64]
Measured = TypeVar("Measured")

_BLOCK = 4_000_000
"""Numbers held at once while a polygon is laid over a map."""


_FARTHEST = 1e9
"""Most pixels from 0 to a corner (ours): up to there areas are exact to a millionth of a pixel."""


def for_each_area(areas: Any, measure: Callable[[Any], Measured]) -> Any:
    """Measure one area, each area of a list, or each area of a mapping.

    Args:
        areas: a polygon or a mask, a sequence of those, or a mapping of names to those.
        measure: called with each area.

    Returns:
        what ``measure`` returns: alone, in a list, or in a dictionary of the same names.

    Example:
        >>> square = [(0, 0), (8, 0), (8, 8), (0, 8)]
        >>> for_each_area({"square": square}, len), for_each_area([square, square], len)
        ({'square': 4}, [4, 4])
    """
    if isinstance(areas, Mapping):
        return {name: measure(area) for name, area in areas.items()}
    if _is_several(areas):
        return [measure(area) for area in areas]
    return measure(areas)


def points_inside(area: Area, points: Floats, image_size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell which points lie inside an area.

    Edges are half open, so areas that share whole edges partition the points. The image's last
    row and column edge count as inside.

    Args:
        area: a polygon or a mask.
        points: [N, 2], (x, y) in pixels.
        image_size: (width, height) in pixels.

    Returns:
        bool [N].

    Raises:
        ValueError: the area has another shape, or a corner more than 1e9 pixels from 0.

    Example:
        >>> points = np.array([(3.5, 4.5), (12.0, 6.0)])
        >>> points_inside([(0, 0), (8, 0), (8, 8), (0, 8)], points, (16, 8)).tolist()
        [True, False]
    """
    shape = _checked(area, image_size)
    size = np.asarray(image_size, dtype=np.float64)
    points = np.where(points == size, np.nextafter(size, 0), points)
    return _in_mask(shape, points) if shape.dtype == bool else _in_polygon(shape, points)


def shares_inside(area: Area, image_size: tuple[int, int], stride: int) -> Floats:
    """Compute which share of each cell of a map lies inside an area.

    A cell has ``stride`` x ``stride`` pixels. Cells of the last row and column that stick out of
    the image end at the image's edge. What lies outside the image belongs to no cell.

    Args:
        area: a polygon or a mask.
        image_size: (width, height) in pixels.
        stride: pixels along each side of a cell.

    Returns:
        float64 [ceil(H / stride), ceil(W / stride)], in 0..1. Of a polygon exact up to rounding.

    Raises:
        ValueError: the area has another shape, or a corner more than 1e9 pixels from 0.

    Example:
        >>> shares_inside([(4, 0), (16, 0), (16, 8), (4, 8)], (16, 8), stride=8).tolist()
        [[0.5, 1.0]]
    """
    shape = _checked(area, image_size)
    columns, rows = (_cell_edges(length, stride) for length in image_size)
    covered = _mask_areas if shape.dtype == bool else _polygon_areas
    whole = np.diff(rows)[:, None] * np.diff(columns)
    shares: Floats = np.clip(covered(shape, columns, rows) / whole, 0, 1)
    return shares


def polygon_area(corners: Floats) -> float:
    """Compute the area of a polygon, by the even-odd rule where it intersects itself.

    Args:
        corners: float64 [M, 2], M >= 3, (x, y).

    Returns:
        the area in the square of the corners' unit.

    Example:
        >>> polygon_area(np.array([(0.0, 0.0), (4.0, 0.0), (0.0, 4.0), (4.0, 4.0)]))
        8.0
    """
    # From a corner of the polygon: far from 0 coordinates lose digits.
    corners = corners - corners.min(axis=0)
    columns, rows = (np.array([0.0, length]) for length in corners.max(axis=0))
    if not columns[1] or not rows[1]:
        return 0.0
    return float(_polygon_areas(corners, columns, rows)[0, 0])


def _is_several(areas: Any) -> bool:
    if hasattr(areas, "ndim"):
        return bool(areas.ndim > 2)
    first = areas[0] if isinstance(areas, Sequence) and len(areas) else ()
    if hasattr(first, "ndim"):
        return bool(first.ndim > 1)
    inner = first[0] if isinstance(first, Sequence) and len(first) else 0
    return isinstance(inner, Sequence) or getattr(inner, "ndim", 0) > 0


def _checked(area: Any, image_size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return a bool mask of the image's size, or the corners of a polygon as float64."""
    shape = _as_array(area)
    width, height = image_size
    if shape.dtype == bool:
        if shape.shape != (height, width):
            raise ValueError(
                f"mask has shape {list(shape.shape)}; it must be [H, W] = {[height, width]}"
            )
        return shape
    if shape.ndim != 2 or shape.shape[1] != 2 or len(shape) < 3:
        raise ValueError(
            f"polygon has shape {list(shape.shape)}; it must be [M, 2] with M at least 3, "
            "or a mask of dtype bool"
        )
    far = ~(np.abs(shape) <= _FARTHEST)  # written so that NaN is far, too
    if far.any():
        raise ValueError(
            f"polygon has a corner at {shape[far][0]:g}; "
            f"it must be within {_FARTHEST:g} pixels of 0"
        )
    return shape


def _as_array(area: Any) -> npt.NDArray[Any]:
    """Return what holds bools as it is, and numbers as float64."""
    with suppress(TypeError, ValueError, RuntimeError):  # rows of several lengths, a meta tensor
        area = area.detach().cpu() if hasattr(area, "detach") else area
        mask: npt.NDArray[Any] = np.asarray(area)
        if mask.dtype == bool:
            return mask
    return as_floats("polygon", area)


def _in_mask(mask: npt.NDArray[np.bool_], points: Floats) -> npt.NDArray[np.bool_]:
    height, width = mask.shape
    x, y = points.T
    inside: npt.NDArray[np.bool_] = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    columns, rows = np.floor(points[inside]).astype(np.int64).T
    inside[inside] = mask[rows, columns]
    return inside


def _in_polygon(corners: Floats, points: Floats) -> npt.NDArray[np.bool_]:
    x, y = points.T
    inside = np.zeros(len(points), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Always from the smaller y to the greater: two polygons that share an edge then
        # compute the same side, bit for bit, and no point falls between them.
        (xa, ya), (xb, yb) = (a, b) if a[1] <= b[1] else (b, a)
        spans = (ya <= y) & (y < yb)
        inside ^= spans & ((x - xa) * (yb - ya) < (y - ya) * (xb - xa))
    return inside


def _cell_edges(length: int, stride: int) -> Floats:
    cells = -(-length // stride)
    edges: Floats = np.minimum(np.arange(cells + 1) * float(stride), length)
    return edges


def _mask_areas(mask: npt.NDArray[np.bool_], columns: Floats, rows: Floats) -> Floats:
    """Count the pixels of each cell that a mask holds: [h, w]."""
    if not mask.size:
        return np.zeros((len(rows) - 1, len(columns) - 1))
    tall = np.add.reduceat(mask, rows[:-1].astype(np.int64), axis=0, dtype=np.float64)
    counts: Floats = np.add.reduceat(tall, columns[:-1].astype(np.int64), axis=1)
    return counts


def _polygon_areas(corners: Floats, columns: Floats, rows: Floats) -> Floats:
    """Compute the area of each cell that a polygon covers, in square pixels: [h, w].

    The image is cut into slabs at every row of cells, at every corner, and wherever two edges
    cross. Within a slab the edges keep their order from left to right, so by the even-odd rule
    what lies between the first and second, the third and fourth, and so on, is inside. What an
    edge leaves uncovered of a column is an integral of a piecewise linear function.
    """
    across, down = (_touched(lines, corners[:, k]) for k, lines in enumerate((columns, rows)))
    areas = np.zeros((len(rows) - 1, len(columns) - 1))
    columns, rows = columns[across], rows[down]
    right_of = np.zeros((len(rows), len(columns)))
    edges = _edges(corners)
    slabs = _slabs(edges, rows)
    for slab, ends in _pieces(edges, slabs):
        rank = np.arange(len(slab)) - np.searchsorted(slab, slab)
        sign = np.where(rank % 2, 1.0, -1.0)[:, None]
        height = sign * np.diff(slabs[slab])
        row = np.searchsorted(rows, slabs[slab].mean(axis=1)) - 1
        for at in _blocks(len(row), len(columns)):
            reach = _beyond(ends[at], height[at], columns)
            first = np.flatnonzero(np.diff(row[at], prepend=-1))
            right_of[row[at][first]] += np.add.reduceat(reach, first, axis=0)
    # What follows the last line of a part is no cell.
    areas[down.start : down.stop - 1, across.start : across.stop - 1] = -np.diff(right_of)[:-1]
    return areas


def _touched(lines: Floats, values: Floats) -> slice:
    """Choose the cells' edges around all values: at least one, and all that the values span."""
    first = np.searchsorted(lines, values.min(), side="right") - 1
    last = np.searchsorted(lines, values.max(), side="left")
    low = min(max(int(first), 0), len(lines) - 1)
    return slice(low, max(low + 1, min(int(last) + 1, len(lines))))


def _beyond(ends: Floats, height: Floats, columns: Floats) -> Floats:
    """Integrate, over the height of each edge's piece, how far it lies beyond each column's edge.

    Args:
        ends: [K, 2], x at both ends of a piece, between which it is straight.
        height: [K, 1].
        columns: [w + 1].

    Returns:
        [K, w + 1], square pixels.
    """
    low, high = ends.min(axis=1, keepdims=True), ends.max(axis=1, keepdims=True)
    slope = np.maximum(high - low, np.finfo(np.float64).tiny)
    partly = np.square(high - np.clip(columns, low, high)) / (2 * slope)
    beyond: Floats = height * (partly + np.maximum(low - columns, 0))
    return beyond


def _slabs(edges: Floats, rows: Floats) -> Floats:
    """Cut the image where edges begin, end or cross, and at rows of cells: [S, 2], from the top."""
    ends = np.clip(np.concatenate([edges[:, 1], edges[:, 3]]), rows[0], rows[-1])
    slabs = _between(np.concatenate([rows, ends]))
    crossings = [_crossings(slabs[s], ends) for s, ends in _turned(_pieces(edges, slabs))]
    return _between(np.concatenate([slabs.ravel(), *crossings])) if crossings else slabs


def _between(cuts: Floats) -> Floats:
    cuts = np.unique(cuts)
    return np.stack([cuts[:-1], cuts[1:]], axis=1)


def _pieces(edges: Floats, slabs: Floats) -> Iterator[tuple[npt.NDArray[np.int64], Floats]]:
    """Cut the edges at all slabs; the pieces come from the top to the bottom, left to right.

    Yields:
        of many pieces the slab [K], and [K, 2], x at its top and bottom.
    """
    for at in _blocks(len(slabs), len(edges)):
        middle = slabs[at].mean(axis=1, keepdims=True)
        slab, edge = np.nonzero((edges[:, 1] < middle) & (middle < edges[:, 3]))
        ends = _x_at(edges[edge], slabs[at][slab])
        order = np.lexsort((ends.sum(axis=1), slab))
        if len(order):
            yield slab[order] + at.start, ends[order]


def _turned(
    pieces: Iterator[tuple[npt.NDArray[np.int64], Floats]],
) -> Iterator[tuple[int, Floats]]:
    """Find the slabs in which the order of the edges changes, with the ends of their pieces."""
    for slab, ends in pieces:
        turned = (np.diff(slab) == 0) & (np.diff(ends, axis=0) < 0).any(axis=1)
        for found in np.unique(slab[1:][turned]):
            yield int(found), ends[slab == found]


def _crossings(slab: Floats, ends: Floats) -> Floats:
    """Find the rows of a slab at which two of its edges cross."""
    before, after = (x[:, None] - x for x in ends.T)
    cross = (before < 0) & (after > 0)
    rows: Floats = slab[0] + (slab[1] - slab[0]) * before[cross] / (before - after)[cross]
    return rows


def _edges(corners: Floats) -> Floats:
    """List the edges that are not level, from the smaller y to the greater: [E, 4], x, y, x, y."""
    edges = np.hstack([corners, np.roll(corners, -1, axis=0)])
    edges = np.where(edges[:, 1:2] > edges[:, 3:], edges[:, [2, 3, 0, 1]], edges)
    sloped: Floats = edges[edges[:, 1] < edges[:, 3]]
    return sloped


def _x_at(edges: Floats, y: Floats) -> Floats:
    """Compute x of edges [E, 4] at rows [E, K]: [E, K]."""
    xa, ya, xb, yb = (edges[:, k, None] for k in range(4))
    x: Floats = xa + (xb - xa) * ((y - ya) / (yb - ya))  # the share is never above 1
    return x


def _blocks(length: int, width: int) -> Iterator[slice]:
    """Cut ``length`` rows of ``width`` numbers into blocks of at most ``_BLOCK`` numbers."""
    step = max(1, _BLOCK // max(1, width))
    return (slice(start, start + step) for start in range(0, length, step))
