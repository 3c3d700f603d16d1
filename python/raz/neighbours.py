"""Which points lie near which others, and how far a head's own neighbours are. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.errors import ResourceError

__all__ = ["Pairs", "mean_neighbour_distance", "pairs_within"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_CHUNK = 1 << 21
"""Most candidates held at once."""

_MOST_PAIRS = 1 << 25
"""Of one image, some 2 GB. Of 100,000 heads 5 pixels apart 28 million pairs are within 47."""

_SLANT = np.array([np.cos(1.0), np.sin(1.0)])
"""Direction of length 1 along which few heads of a row, a column or a grid are at one place."""

_MARGIN = 1e-9
"""Relative widening of a search, so that rounding never loses a pair."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a prediction and a head, by prediction and then by head.

    Attributes:
        point, head: int64 [K], their indices.
        squared: float64 [K], their squared distance in square pixels, exact for whole pixels.

    Example:
        >>> Pairs(np.array([0]), np.array([2]), np.array([25.0])).distance
        array([5.])
    """

    point: Integers
    head: Integers
    squared: Floats

    @property
    def distance(self) -> Floats:
        """float64 [K], pixels."""
        return np.sqrt(self.squared)


def pairs_within(points: Floats, heads: Floats, radii: npt.ArrayLike) -> Pairs:
    """All pairs at a distance up to the head's radius, and perhaps a few just beyond.

    The caller applies its own rule at the border.

    1. Predictions are sorted along a slanted line, on which rows and columns of them do not fall
       together; those within the radius along it are one run for each head.
    2. Of each run those are kept whose distance is within the radius.

    Args:
        points: [N, 2]. heads: [M, 2]. radii: scalar or [M]; a negative one reaches nothing.

    Raises:
        ResourceError: there are more than 33,554,432 pairs.

    Example:
        >>> pairs_within(np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[3.0, 4.0]]), 5.0).distance
        array([5.])
    """
    along, place_of = points @ _SLANT, heads @ _SLANT
    by_place = np.argsort(along, kind="stable")
    along = along[by_place]
    reach = np.broadcast_to(np.asarray(radii, dtype=np.float64), len(heads)) * (1 + _MARGIN)
    slack = np.where(reach >= 0, reach + _MARGIN * np.abs(heads).sum(axis=1), -np.inf)
    first = np.searchsorted(along, place_of - slack, side="left")
    length = np.searchsorted(along, place_of + slack, side="right") - first
    length = np.maximum(length, 0)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    pairs = 0
    for part in _chunks(length):
        head = np.repeat(part, length[part])
        start = np.cumsum(length[part]) - length[part]
        place = np.arange(len(head)) + np.repeat(first[part] - start, length[part])
        point = by_place[place]
        squared = np.square(points[point] - heads[head]).sum(axis=1)
        near = squared <= np.square(reach[head])
        found.append((point[near], head[near], squared[near]))
        pairs += len(found[-1][0])
        if pairs > _MOST_PAIRS:
            raise ResourceError(
                f"more than {_MOST_PAIRS:,} pairs of a prediction and a head are within reach"
            )
    point, head, squared = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((head, point))
    return Pairs(point[order], head[order], squared[order])


def mean_neighbour_distance(heads: Floats, neighbours: int = 3) -> Floats:
    """Mean distance to the nearest other heads, [M]; of all others where there are fewer.

    Heads are sorted along a slanted line and compared with the next in either direction, until the
    gap along the line alone exceeds the farthest of the nearest found. Rows and columns of heads
    do not fall together there. NaN for a lone head.

    Example:
        >>> mean_neighbour_distance(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 6.0]]), 1)
        array([5., 2., 2.])
    """
    along = heads @ _SLANT
    order = np.argsort(along, kind="stable")
    ordered, along = heads[order], along[order]
    slack = _MARGIN * np.abs(heads).max(initial=0)
    nearest = np.full((len(heads), neighbours), np.inf)
    for direction in (1, -1):
        active = np.arange(len(heads))
        for step in range(1, len(heads)):
            other = active + direction * step
            active = active[(other >= 0) & (other < len(heads))]
            other = active + direction * step
            farthest = nearest[active, -1]
            within = (np.abs(along[other] - along[active]) - slack <= farthest) & (farthest > 0)
            active, other = active[within], other[within]
            if not len(active):
                break
            distance = np.sqrt(np.square(ordered[other] - ordered[active]).sum(axis=1))
            candidates = np.column_stack([nearest[active], distance])
            nearest[active] = np.sort(candidates, axis=1)[:, :neighbours]
    found = np.isfinite(nearest)
    with np.errstate(invalid="ignore"):
        mean = np.where(found, nearest, 0).sum(1) / np.where(found.any(1), found.sum(1), np.nan)
    result = np.empty(len(heads))
    result[order] = mean
    return result


def _chunks(length: Integers) -> list[Integers]:
    """Indices of heads in runs of a bounded number of candidates."""
    if not len(length):
        return []
    share = (np.cumsum(length) - length) // _CHUNK
    return np.split(np.arange(len(length)), np.flatnonzero(np.diff(share)) + 1)
