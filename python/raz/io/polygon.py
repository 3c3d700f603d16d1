"""Which points of a Result lie inside a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from raz.io.formats.values import located

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["inside_polygon"]


def inside_polygon(
    result: Result, polygon: Sequence[Sequence[float]] | npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Tell which points lie inside: bool [N]; see :meth:`raz.Result.count_in` for the rule."""
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(
            f"polygon has shape {list(corners.shape)}; it must be [M, 2] with M at least 3"
        )
    if not np.isfinite(corners).all():
        raise ValueError("polygon has a corner that is not finite")
    size = np.asarray(result.image_size, dtype=np.float64)
    points, _ = located(result)
    x, y = np.where(points == size, np.nextafter(size, 0), points).T
    inside = np.zeros(len(points), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Always from the smaller y to the greater: two polygons that share an edge then
        # compute the same side, bit for bit, and no point falls between them.
        (xa, ya), (xb, yb) = (a, b) if a[1] <= b[1] else (b, a)
        spans = (ya <= y) & (y < yb)
        inside ^= spans & ((x - xa) * (yb - ya) < (y - ya) * (xb - xa))
    return inside
