"""Similarity of points, and what the protocols "coco" and "coco-macro" make of it."""

from __future__ import annotations

import math

import numpy as np

from raz.metrics.arguments import Floats, Integers
from raz.metrics.figures import ratio
from raz.metrics.ranking import Flags, greedy_hits
from raz.neighbours import pairs_within

__all__ = ["SIGMAS", "THRESHOLDS", "ap_and_ar", "similarity_hits"]

SIGMAS = (5.0, 20.0, 40.0)
"""Pixels of the original image."""

THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""Similarities .50, .55, ... .95."""


def similarity_hits(points: Floats, heads: Floats, order: Integers, sigma: float) -> Flags:
    """Return which predictions take a head at each threshold: bool [N, T].

    Args:
        points: [N, 2], in pixels.
        heads: [M, 2], in pixels.
        order: [N], the predictions' indices in the order of their turns.
        sigma: width of the similarity, in pixels.

    Example:
        >>> heads = np.array([[10.0, 10.0]])
        >>> points = np.array([[12.0, 10.0], [10.0, 10.0]])  # similarities 0.92 = exp(-4 / 50), 1
        >>> hits = similarity_hits(points, heads, np.array([0, 1]), sigma=5.0)
        >>> hits.sum(axis=1)  # the first takes the head up to 0.90, the second at 0.95
        array([9, 1])
    """
    reach = sigma * math.sqrt(-2 * math.log(THRESHOLDS[0]))
    pairs = pairs_within(points, heads, reach)
    similarity = np.exp(-pairs.squared / (2 * sigma**2))
    allowed = similarity[:, None] >= np.array(THRESHOLDS)
    return greedy_hits(order, len(heads), pairs, -similarity, allowed)


def ap_and_ar(precision: Floats, recall: Floats) -> dict[str, float]:
    """Return the named figures of precision and recall at each threshold, [T] of each.

    Example:
        >>> precision = np.array([1.0] * 5 + [0.5] * 5)  # at 0.50 to 0.70, and at 0.75 to 0.95
        >>> figures = ap_and_ar(precision, precision)
        >>> figures["ap50"], figures["ap75"], figures["map"]
        (1.0, 0.5, 0.75)
    """
    named = {}
    for name, values in (("ap", precision), ("ar", recall)):
        named[f"{name}50"] = float(values[THRESHOLDS.index(0.5)])
        named[f"{name}75"] = float(values[THRESHOLDS.index(0.75)])
        named[f"m{name}"] = ratio(values.sum(), len(values))
    return named
