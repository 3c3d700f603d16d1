"""Arithmetic that several protocols share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["detection", "mean_of_defined", "ratio"]


def ratio(part: float | np.number[Any], whole: float | np.number[Any]) -> float:
    """Return ``part / whole``, NaN where ``whole`` is zero."""
    return float(part) / float(whole) if whole else float("nan")


def detection(matches: int, predictions: int, heads: int) -> dict[str, float]:
    """Return precision, recall and F1 from counts, with the counts.

    F1 is 2 TP / (2 TP + FP + FN). Where precision and recall are both defined and not both zero,
    it is their harmonic mean. It is undefined only where there is neither head nor prediction.
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
    """Return the plain mean of the values that are not NaN; NaN where there are none."""
    defined = [value for value in values if value == value]
    return ratio(sum(defined), len(defined))
