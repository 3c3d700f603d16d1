"""How far a mean over images may be off: intervals by drawing the images anew, with replacement."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BootstrapMean", "bootstrap_mean", "paired_difference"]

RESAMPLES = 10_000
"""Sets of images that are drawn (ours)."""

LEVEL = 0.95
"""Share of the sets whose mean lies in the interval."""

BLOCK = 1_000_000
"""Most images that are drawn at once: 8 MB."""


class BootstrapMean(NamedTuple):
    """The mean of a figure over images, and its 95 % interval.

    Attributes:
        mean: NaN without an image.
        low: where the interval begins; NaN with fewer than two images.
        high: where it ends; NaN with fewer than two images.

    Example:
        >>> from raz.evaluation import BootstrapMean
        >>> BootstrapMean(mean=1.5, low=1.0, high=2.25).high
        2.25
    """

    mean: float
    low: float
    high: float


def bootstrap_mean(values: npt.ArrayLike) -> BootstrapMean:
    """Compute the mean of a figure over images, and its interval by the percentile bootstrap.

    10,000 times as many images as there are are drawn with replacement, always the same for as
    many images: so figures of the same images are compared on the same draws, and the result is
    reproducible. The interval holds the middle 95 % of the means (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13).

    Args:
        values: [N], one figure per image.

    Raises:
        ValueError: ``values`` is not of one dimension.

    Example:
        >>> from raz.evaluation import bootstrap_mean
        >>> bootstrap_mean([3.0, 3.0, 3.0])
        BootstrapMean(mean=3.0, low=3.0, high=3.0)
    """
    figures = np.asarray(values, dtype=np.float64)
    if figures.ndim != 1:
        raise ValueError(f"values has shape {list(figures.shape)}; it must be [N]")
    images = len(figures)
    if images < 2:
        return BootstrapMean(float(figures[0]) if images else math.nan, math.nan, math.nan)
    random = np.random.default_rng(0)
    rows = max(1, BLOCK // images)
    means = np.concatenate(
        [
            figures[random.integers(images, size=(min(rows, RESAMPLES - first), images))].mean(1)
            for first in range(0, RESAMPLES, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return BootstrapMean(float(figures.mean()), float(low), float(high))


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike) -> BootstrapMean:
    """Compute by how much a figure of one method exceeds that of another on the same images.

    An image that is drawn counts in both, so what is hard for both cancels out. An interval that
    holds 0 says that these images cannot tell the two apart. See `bootstrap_mean`.

    Args:
        first: [N], one figure per image, such as the absolute error of a count.
        second: [N], that of the other method on the same images.

    Returns:
        The mean of ``first - second`` and its interval.

    Raises:
        ValueError: the shapes differ, or are not of one dimension.

    Example:
        >>> from raz.evaluation import paired_difference
        >>> paired_difference([5.0, 9.0, 2.0], [4.0, 8.0, 1.0])
        BootstrapMean(mean=1.0, low=1.0, high=1.0)
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(
            f"second has shape {list(theirs.shape)}; it must be {list(ours.shape)}, like first"
        )
    return bootstrap_mean(ours - theirs)
