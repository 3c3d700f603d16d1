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
    except (TypeError, RuntimeError) as error:  # a tensor that has a gradient, or is not dense
        raise TypeError(f"{name} is not an array: {error}") from error
    if array.dtype.kind not in "uif":
        raise TypeError(f"{name} holds {array.dtype}; it must hold integers or floats")
    return np.asarray(array, dtype=np.float64, order="C")


def points(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return ``value`` as float64 [N, 2]; raise ValueError for any other shape.

    An empty list is no points.
    """
    array = numbers(name, value)
    if array.shape == (0,):
        array = array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} has shape {list(array.shape)}; it must be [N, 2]")
    return array


def finite(name: str, points: FloatArray) -> None:
    """Raise ValueError where a coordinate in [N, 2] is infinite or NaN."""
    good = np.isfinite(points).all(1)
    if not good.all():
        row = int(np.argmin(good))
        x, y = points[row].tolist()
        raise ValueError(f"{name}[{row}] is ({x}, {y}); coordinates must be finite")


def not_negative(name: str, radii: FloatArray) -> None:
    """Raise ValueError where a radius in [N] is negative or NaN."""
    good = radii >= 0
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"{name}[{row}] is {radii[row]}; it must be at least 0 pixels")


def ascending(name: str, radii: FloatArray) -> None:
    """Raise ValueError where a radius in [N] is less than the one before."""
    descents = np.flatnonzero(radii[1:] < radii[:-1])
    if descents.size:
        row = int(descents[0]) + 1
        raise ValueError(
            f"{name}[{row}] is {radii[row]}, less than {name}[{row - 1}], {radii[row - 1]}; "
            f"{name} must ascend"
        )
