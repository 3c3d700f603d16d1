"""What zooming into one image may cost (ours), and who goes without where that is not enough.

The best regions come first: by score over all regions of a round, ties to the earlier one. A region
whose enlarged pixels exceed what is left of the budget is passed over for the next best that fits.
"""

from __future__ import annotations

import math
import numbers
import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass

MOST_REGIONS = 1200
"""Anchors of one attention map: `raz.ops.propose_regions` lays 200 points, 2 scales, 3 ratios."""


@dataclass(frozen=True)
class Budget:
    """Limits of zooming into one image; the pass over the whole image is outside of them.

    `max_zoom_pixels` gives the same result on every run. `max_seconds` cannot: how far a machine
    gets differs from run to run. It is looked at before each batch of regions (of at most
    `MAX_BATCH_PIXELS` enlarged pixels, or one larger region), so a zoom may last longer by one
    batch.

    Attributes:
        depth: passes, 1 or more; 1 is no zoom (Liu et al., CVPR 2019: 2).
        max_regions: most regions proposed by one attention map (Liu et al., CVPR 2019: 10); more
            than `MOST_REGIONS` cannot be, and is stored as that.
        max_zoom_pixels: most enlarged pixels, context included, of all regions of all rounds
            together; None is no limit, 0 no zoom.
        max_seconds: wall clock after which no further batch of regions is begun, from the end of
            the pass over the whole image; None is no limit, 0 no zoom.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a number is out of range.
    """

    depth: int = 2
    max_regions: int = 10
    max_zoom_pixels: int | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        self._set("depth", check_integer("depth", self.depth, least=1))
        regions = check_integer("max_regions", self.max_regions, least=0)
        self._set("max_regions", min(regions, MOST_REGIONS))
        if self.max_zoom_pixels is not None:
            pixels = check_integer("max_zoom_pixels", self.max_zoom_pixels, least=0)
            self._set("max_zoom_pixels", pixels)
        seconds = self.max_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, (numbers.Real, type(None))):
            raise TypeError(f"max_seconds is {seconds!r}; it must be a number or None")
        if seconds is not None and not seconds >= 0:  # NaN fails too
            raise ValueError(f"max_seconds is {seconds}; it must be 0 or more, or None")

    def _set(self, name: str, value: int) -> None:
        object.__setattr__(self, name, value)  # of a frozen class, while it is made


def check_integer(name: str, value: object, *, least: int) -> int:
    """The integer that ``value`` is, NumPy's too; what is none, or below ``least``, is refused.

    Raises:
        TypeError, ValueError: as said; they name the argument.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be an integer") from None
    if number < least:
        raise ValueError(f"{name} is {number}; it must be at least {least}")
    return number


DEFAULT_BUDGET = Budget()
"""One zoom into at most ten regions, whatever it costs."""


class Spending:
    """What is left of a budget while one image is zoomed into; the clock starts here."""

    def __init__(self, budget: Budget) -> None:
        self._pixels = math.inf if budget.max_zoom_pixels is None else budget.max_zoom_pixels
        self._timed = budget.max_seconds is not None
        seconds = math.inf if budget.max_seconds is None else budget.max_seconds
        self._end = time.perf_counter() + seconds

    def afford(self, scores: Sequence[float], pixels: Sequence[int]) -> list[int]:
        """Choose regions of one round and pay for them.

        Args:
            scores: of all regions of the round.
            pixels: that each would have, enlarged.

        Returns:
            Indices of the regions to look at: as they came, or the best first where time is
            limited.
        """
        chosen = []
        for index in sorted(range(len(scores)), key=lambda index: -scores[index]):
            if pixels[index] <= self._pixels:
                self._pixels -= pixels[index]
                chosen.append(index)
        # Batches in the usual order give the usual bits, wherever nothing is cut off.
        return chosen if self._timed else sorted(chosen)

    def time_is_up(self) -> bool:
        """Whether no further batch may begin."""
        return time.perf_counter() >= self._end
