"""What every protocol is made of: tallies of single images, which add up, and figures.

A tally is what one image contributes, as named arrays. Tallies of several images are joined by
:func:`total`: what is listed once per prediction is concatenated, everything else is added. A
protocol's figures are computed from the joined tally alone, so they do not depend on how the
images were divided among batches or machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Tally = dict[str, npt.NDArray[Any]]

Figures = dict[str, dict[str, float]]
"""Rows of named figures: what was measured, then which figure. NaN where it is undefined."""

PER_PREDICTION = frozenset({"scores", "hits"})
"""Names that hold one entry a prediction; their order is the order of the predictions."""


def blank(like: Mapping[str, npt.NDArray[Any]]) -> Tally:
    """The tally of no image at all, with the names and shapes of another tally."""
    return {
        name: value[:0] if name in PER_PREDICTION else np.zeros_like(value)
        for name, value in like.items()
    }


def total(tallies: Iterable[Tally], like: Mapping[str, npt.NDArray[Any]]) -> Tally:
    """Joins tallies; ``like`` gives names and shapes where there are none."""
    parts = [blank(like), *tallies]
    return {
        name: np.concatenate([part[name] for part in parts])
        if name in PER_PREDICTION
        else np.sum([part[name] for part in parts], axis=0)
        for name in like
    }


def ratio(part: float | np.number[Any], whole: float | np.number[Any]) -> float:
    """``part / whole``, NaN where ``whole`` is zero."""
    return float(part) / float(whole) if whole else float("nan")


def detection(matches: int, predictions: int, heads: int) -> dict[str, float]:
    """Precision, recall and F1 from counts, with the counts.

    F1 is 2 TP / (2 TP + FP + FN): where precision and recall are both defined and not both zero
    that is their harmonic mean; it is undefined only where there is neither head nor prediction.
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
    """Plain mean of those that are not NaN; NaN where there are none."""
    defined = [value for value in values if value == value]
    return ratio(sum(defined), len(defined))
