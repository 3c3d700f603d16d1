"""Sizes of the largest matchings for growing radii, one matching after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raz.reference.match_points import match_points

FloatArray = npt.NDArray[np.float64]


def count_matches(pred: FloatArray, truth: FloatArray, radii: FloatArray) -> npt.NDArray[np.int64]:
    """See :func:`raz.ops.count_matches`.

    Example:
        >>> pred, truth = np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([[0.0, 1.0], [5.0, 5.0]])
        >>> count_matches(pred, truth, np.array([0.5, 2.0, 6.0]))
        array([0, 1, 2])
    """
    sizes = [len(match_points(pred, truth, np.full(len(truth), radius))[0]) for radius in radii]
    return np.array(sizes, dtype=np.int64)
