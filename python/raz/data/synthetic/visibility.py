"""Which heads can be seen, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .canvas import NOBODY

MIN_VISIBLE = 0.2
"""A head of which less than this share of its pixels can be seen is no point."""


@dataclass
class Drawing:
    """A drawn crowd and what of it can be seen."""

    image: NDArray[np.uint8]
    owners: Array
    """[h, w] int32: index of the person whose head is seen in the pixel, or NOBODY."""
    centres: NDArray[np.float32]
    """[n, 2] head centres (x, y) of everybody drawn."""
    areas: Array
    """[n] pixels of the head inside the image, hidden or not."""
    visible: Array
    """[n] pixels of the head which are seen."""


def visible_points(drawing: Drawing) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points [n, 2] of everybody, and which of them are seen well enough to be points."""
    points = drawing.centres.copy()
    shown = drawing.visible >= np.maximum(MIN_VISIBLE * drawing.areas, 1)
    columns, rows = points.astype(np.int64).T
    covered = drawing.owners[rows, columns] != np.arange(len(points))
    moved = shown & covered
    points[moved] = _seen_centres(drawing.owners, len(points))[moved]
    return points, shown


def _seen_centres(owners: Array, count: int) -> NDArray[np.float32]:
    """Per owner [count, 2], the pixel centre nearest to its pixels' mean; NaN without any."""
    rows, columns = np.nonzero(owners != NOBODY)
    who = owners[rows, columns]
    number = np.maximum(np.bincount(who, minlength=count), 1)
    mean_row = np.bincount(who, rows, count) / number
    mean_column = np.bincount(who, columns, count) / number
    away = (rows - mean_row[who]) ** 2 + (columns - mean_column[who]) ** 2
    order = np.lexsort((away, who))
    seen, first = np.unique(who[order], return_index=True)
    best = order[first]
    centres = np.full((count, 2), np.nan, np.float32)
    centres[seen] = np.stack([columns[best] + 0.5, rows[best] + 0.5], 1)
    return centres
