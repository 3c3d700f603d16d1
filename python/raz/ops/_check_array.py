"""Checks of NumPy arguments. Errors name the argument, the index, the value, what it must be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def numbers(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return ``value`` as contiguous float64; raise TypeError unless it holds real numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is not an array: {error}") from error
    if array.dtype.kind not in "uif":
        raise TypeError(f"{name} holds {array.dtype}; it must hold integers or floats")
    return np.asarray(array, dtype=np.float64, order="C")


def points(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return ``value`` as float64 [N, 2]; raise ValueError unless it is that and finite.

    An empty list is no points.
    """
    array = numbers(name, value)
    if array.shape == (0,):
        array = array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} has shape {list(array.shape)}; it must be [N, 2]")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(1)))
        x, y = array[row].tolist()
        raise ValueError(f"{name}[{row}] is ({x}, {y}); coordinates must be finite")
    return array


def not_negative(name: str, array: FloatArray) -> None:
    """Raise ValueError where a radius, in [N], is negative or NaN."""
    if not (array >= 0).all():
        row = int(np.argmin(array >= 0))
        raise ValueError(f"{name}[{row}] is {array[row]}; it must be at least 0 pixels")
