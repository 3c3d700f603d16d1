"""Types of the drawing's arrays, and the pixel grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Generator = np.random.Generator


def coordinates(size: tuple[int, int]) -> tuple[Array, Array]:
    """Pixel centres: rows [h, 1] and columns [1, w]."""
    rows = np.arange(size[0], dtype=np.float32)[:, None] + np.float32(0.5)
    columns = np.arange(size[1], dtype=np.float32)[None, :] + np.float32(0.5)
    return rows, columns


def clamped(values: Array) -> Array:
    """Values cut to 0 to 1; on small arrays two ufuncs cost half of np.clip."""
    result: Array = np.minimum(np.maximum(values, 0), 1)
    return result
