"""Maximum-cardinality matching of predicted points with annotated heads. NumPy in and out."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from raz import _native, reference
from raz.ops import _check_array
from raz.ops._check_array import FloatArray

Order = Literal["any", "benchmark"]
IntArray = npt.NDArray[np.int64]


def match_points(
    pred: npt.ArrayLike,
    truth: npt.ArrayLike,
    radius: npt.ArrayLike,
    *,
    order: Order = "any",
) -> tuple[IntArray, IntArray]:
    """Match as many predictions as possible with one head each, and each head with at most one.

    A pair is allowed when ``dx * dx + dy * dy <= radius * radius`` of that head, in float64. The
    number of pairs is the most that any matching has (true positives of NWPU-Crowd, UCF-QNRF,
    JHU-Crowd++); it is not a matching of least distances.

    Which of the largest matchings it is can matter: to the recall per size of head, for one. With
    ``order="benchmark"`` it is the one of the NWPU-Crowd benchmark: Kuhn's algorithm, predictions
    by ascending index, the heads of each by ascending index. With ``"any"`` it is some largest
    matching, the same on every call, but another one without the native module.

    The native code releases the GIL. With ``"any"`` it takes memory for the points alone, however
    many pairs are allowed, and time bounded by Hopcroft-Karp's sqrt(N) sweeps over the points;
    the benchmark's order stores up to 2**24 pairs of 8 bytes, and takes far longer where
    predictions have hundreds of heads to choose from.

    Args:
        pred: (x, y) of the predictions, ``[N, 2]``, in pixels; any integers or floats, finite.
        truth: (x, y) of the heads, ``[M, 2]``, likewise.
        radius: pixels, at least 0, of every head ``[M]`` or one for all; infinity allows all pairs.
        order: "any" or "benchmark".

    Returns:
        ``(pred_index, truth_index)``, int64 ``[K]`` each: pair k is ``pred[pred_index[k]]`` with
        ``truth[truth_index[k]]``; ``truth_index`` ascends.

    Raises:
        TypeError: an argument does not hold real numbers.
        ValueError: a shape does not fit, a coordinate is not finite, a radius is negative or NaN,
            or ``order`` is neither.

    Example:
        >>> pred_index, truth_index = match_points([[1, 1], [5, 5]], [[5, 6]], 2.0)
        >>> pred_index.tolist(), truth_index.tolist()
        ([1], [0])
    """
    pred = _check_array.points("pred", pred)
    truth = _check_array.points("truth", truth)
    radius = _radius_of_heads(radius, truth.shape[0])
    if not isinstance(order, str) or order not in ("any", "benchmark"):
        raise ValueError(f'order is {order!r}; it must be "any" or "benchmark"')
    native = _native.load()
    if native is None:
        _check_values(pred, truth, radius)
        return reference.match_points(pred, truth, radius, order=order)
    match = native.match_points if order == "any" else native.match_points_in_order
    try:
        pred_index, truth_index = match(pred, truth, radius)
    except ValueError:
        _check_values(pred, truth, radius)  # the native check is quick, this one tells the value
        raise
    return pred_index, truth_index


def _check_values(pred: FloatArray, truth: FloatArray, radius: FloatArray) -> None:
    _check_array.finite("pred", pred)
    _check_array.finite("truth", truth)
    _check_array.not_negative("radius", radius)


def _radius_of_heads(radius: npt.ArrayLike, heads: int) -> FloatArray:
    values = _check_array.numbers("radius", radius)
    if values.ndim == 0:
        if not values >= 0:
            raise ValueError(f"radius is {values}; it must be at least 0 pixels")
        return np.full(heads, values)
    if values.shape != (heads,):
        raise ValueError(
            f"radius has shape {list(values.shape)}; it must be a number or [{heads}], like truth"
        )
    return values
