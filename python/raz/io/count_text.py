"""A count in words, for people who read it: on the command line and below plots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from raz.io.formats.values import INTERVAL_LEVEL, count_interval

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["count_text", "people"]


def people(number: float) -> str:
    """Return a number of persons in words, rounded.

    Example:
        >>> people(0.6), people(1862.4)
        ('1 person', '1862 people')
    """
    text = f"{number:.0f}"
    return f"{text} person" if text == "1" else f"{text.replace('-0', '0')} people"


def count_text(result: Result) -> str:
    """Return the count, and its interval at level 0.9 where the weights tell, rounded outwards.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> from raz.intervals import Spread
        >>> errors = tuple(0.01 * n for n in range(10))
        >>> count_text(Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(1, 1),
        ...     count=40.4, count_density=40.4, count_points=0, image_size=(8, 8),
        ...     spread=Spread(errors, errors),
        ... ))
        '40 people, 35 to 45 with 90 % probability'
    """
    low, high = count_interval(result)
    if low is None or high is None:
        return people(result.count)
    return (
        f"{people(result.count)}, {math.floor(low)} to {math.ceil(high)} "
        f"with {INTERVAL_LEVEL:.0%} probability".replace("%", " %")
    )
