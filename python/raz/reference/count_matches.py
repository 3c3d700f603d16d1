"""Sizes of the largest matchings for growing radii, one matching after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raz.reference.match_points import match_points

FloatArray = npt.NDArray[np.float64]


def count_matches(pred: FloatArray, truth: FloatArray, radii: FloatArray) -> npt.NDArray[np.int64]:
    """See :func:`raz.ops.count_matches`."""
    sizes = [len(match_points(pred, truth, np.full(len(truth), radius))[0]) for radius in radii]
    return np.array(sizes, dtype=np.int64)
