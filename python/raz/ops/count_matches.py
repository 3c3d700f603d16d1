"""How many predicted points match for growing radii. NumPy in and out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raz import _native, reference
from raz.ops import _check_array
from raz.ops._check_array import FloatArray


def count_matches(
    pred: npt.ArrayLike, truth: npt.ArrayLike, radii: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Count the pairs of the largest matching for each radius.

    ``count_matches(pred, truth, radii)[t]`` is the number of pairs that
    :func:`~raz.ops.match_points` finds with ``radii[t]``, at about the cost of a few of them for
    any number of radii: one matching grows through all (UCF-QNRF: t = 1 ... 100 pixels).

    The native code releases the GIL and takes memory for points and radii alone.

    Args:
        pred: (x, y) of the predictions, ``[N, 2]``, in pixels; any integers or floats, finite.
        truth: (x, y) of the heads, ``[M, 2]``, likewise.
        radii: ``[T]`` pixels, at least 0, ascending (equal neighbours are allowed).

    Returns:
        int64 ``[T]``, ascending.

    Raises:
        TypeError: an argument does not hold real numbers.
        ValueError: a shape does not fit, a coordinate is not finite, a radius is negative or NaN,
            or the radii do not ascend.

    Example:
        >>> count_matches([[0, 0], [9, 9]], [[0, 1], [5, 5]], [0.5, 2.0, 6.0])
        array([0, 1, 2])
    """
    pred = _check_array.points("pred", pred)
    truth = _check_array.points("truth", truth)
    radii = _check_array.numbers("radii", radii)
    if radii.ndim != 1:
        raise ValueError(f"radii has shape {list(radii.shape)}; it must be [T]")
    native = _native.load()
    if native is None:
        _check_values(pred, truth, radii)
        return reference.count_matches(pred, truth, radii)
    try:
        counts: npt.NDArray[np.int64] = native.count_matches(pred, truth, radii)
    except ValueError:
        _check_values(pred, truth, radii)  # the native check is quick, this one tells the value
        raise
    return counts


def _check_values(pred: FloatArray, truth: FloatArray, radii: FloatArray) -> None:
    _check_array.finite("pred", pred)
    _check_array.finite("truth", truth)
    _check_array.not_negative("radii", radii)
    _check_array.ascending("radii", radii)
