"""What protocol nwpu needs to know of a head: radii and level, from its box."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["LEVELS", "head_levels", "head_radii"]

LEVELS = 6
"""Levels of box area in square pixels: [1, 10), [10, 1e2), [1e2, 1e3), ... and from 1e5 on."""

Floats = npt.NDArray[np.float64]


def head_radii(boxes: npt.ArrayLike) -> Floats:
    """Return (sigma_s, sigma_l) of head boxes: half the shorter side, half the diagonal; floored.

    Args:
        boxes: [M, 4], edges (x1, y1, x2, y2) in pixels.

    Returns:
        float64 [M, 2], whole pixels.

    Raises:
        ValueError: another shape, edges that are not finite or not in order.

    Example:
        >>> head_radii([[10, 10, 20, 17]]).tolist()
        [[3.0, 6.0]]
    """
    width, height = _sides(boxes)
    shorter = np.minimum(width, height) / 2
    return np.floor(np.column_stack([shorter, np.hypot(width, height) / 2]))


def head_levels(
    boxes: npt.ArrayLike, *, powers_of_ten_to_level_0: bool = False
) -> npt.NDArray[np.int64]:
    """Return levels of head boxes by area; see :data:`LEVELS`. Areas below 1 are level 0 (ours).

    Args:
        boxes: [M, 4], edges (x1, y1, x2, y2) in pixels.
        powers_of_ten_to_level_0: put areas of exactly 10, 100, ... 100000 into level 0, as the
            benchmark's public builder of ground truth does.

    Returns:
        int64 [M].

    Raises:
        ValueError: another shape, edges that are not finite or not in order.

    Example:
        >>> head_levels([[10, 10, 20, 17], [0, 0, 1, 1]]).tolist()
        [1, 0]
    """
    width, height = _sides(boxes)
    area = width * height
    borders = 10.0 ** np.arange(1, LEVELS)
    level = np.searchsorted(borders, area, side="right")
    if powers_of_ten_to_level_0:
        level[np.isin(area, borders)] = 0
    return level.astype(np.int64)


def _sides(boxes: npt.ArrayLike) -> tuple[Floats, Floats]:
    edges = np.asarray(boxes, dtype=np.float64)
    if edges.size == 0:
        edges = edges.reshape(0, 4)
    if edges.ndim != 2 or edges.shape[1] != 4:
        raise ValueError(f"boxes has shape {list(edges.shape)}; it must be [M, 4]")
    width, height = (edges[:, 2:] - edges[:, :2]).T
    if not (np.isfinite(edges).all() and (width >= 0).all() and (height >= 0).all()):
        raise ValueError("boxes must be finite, with x1 <= x2 and y1 <= y2")
    return width, height
