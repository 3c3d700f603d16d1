"""Arithmetic that several protocols share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["detection", "mean_of_defined", "ratio"]


def ratio(part: float | np.number[Any], whole: float | np.number[Any]) -> float:
    """Return ``part / whole``, NaN where ``whole`` is zero.

    Example:
        >>> ratio(3, 4), ratio(3, 0)
        (0.75, nan)
    """
    return float(part) / float(whole) if whole else float("nan")


def detection(matches: int, predictions: int, heads: int) -> dict[str, float]:
    """Return precision, recall and F1 from counts, with the counts.

    F1 is 2 TP / (2 TP + FP + FN). Where precision and recall are both defined and not both zero,
    it is their harmonic mean. It is undefined only where there is neither head nor prediction.

    Example:
        >>> detection(matches=1, predictions=2, heads=1)["precision"]
        0.5
        >>> detection(matches=0, predictions=2, heads=0)  # no head: recall is undefined, F1 is not
        {'f1': 0.0, 'precision': 0.0, 'recall': nan, 'tp': 0, 'fp': 2, 'fn': 0}
    """
    return {
        "f1": ratio(2 * matches, predictions + heads),
        "precision": ratio(matches, predictions),
        "recall": ratio(matches, heads),
        "tp": int(matches),
        "fp": int(predictions - matches),
        "fn": int(heads - matches),
    }


def mean_of_defined(values: Iterable[float]) -> float:
    """Return the plain mean of the values that are not NaN; NaN where there are none.

    Example:
        >>> mean_of_defined([1.0, float("nan"), 3.0]), mean_of_defined([float("nan")])
        (2.0, nan)
    """
    defined = [value for value in values if value == value]
    return ratio(sum(defined), len(defined))
