"""Arrays of real numbers that callers hand over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "as_floats"]

Floats = npt.NDArray[np.float64]


def as_floats(name: str, value: npt.ArrayLike) -> Floats:
    """Return float64 of any shape.

    Raises:
        ValueError: ``value`` holds something else than real numbers, or rows of several lengths.

    Example:
        >>> as_floats("heads", [[1, 2], [3, 4]]).dtype
        dtype('float64')
        >>> as_floats("heads", [[1, 2], [3]])
        Traceback (most recent call last):
        ValueError: heads is a list; it must be an array of real numbers
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biufO":
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass
    raise ValueError(f"{name} is a {type(value).__name__}; it must be an array of real numbers")
