"""Intervals of a count, from the errors that the same weights made on images kept apart.

Importing this module imports nothing heavy.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, SupportsFloat, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CELL_SHARE", "OFFSET", "Spread", "error_scale"]

OFFSET = 10.0
"""Persons added to the count of a whole image where an error is relative to it (ours)."""

CELL_SHARE = 1 / 16
"""Share of the image that a cell of the 4 x 4 grid covers (Liu et al., CVPR 2019, eq. 4)."""

GREATEST = 1e6
"""Greatest standardised error (ours): whoever is off by more knows nothing of the count."""

_ROUNDING = 1e-9
"""What (n + 1) * level may exceed a whole number by and still mean it."""

Numbers = TypeVar("Numbers", float, "npt.NDArray[np.float64]")


@dataclass(frozen=True)
class Spread:
    """How far counts lie from the truth: standardised errors, by split conformal prediction.

    An error is standardised by its `error_scale`. If an image is exchangeable with those that the
    residuals come from, its interval at a level holds the true count with at least that
    probability, whatever the network. That is said of the images together, not of each kind of
    image apart. If a cell of the 4 x 4 grid is chosen without a look at the image, the same is said
    of the cell. Any other area takes a quantile between those of the cell and the image, by the
    logarithm of its share of the image. That is a plausible guess without a guarantee, and so is
    an area that was chosen because of what is in it. (Vovk, Gammerman and Shafer, 2005; cells of
    one image depend on each other, so they count as one image: Lee, Barber and Willett, 2023. The
    scale and what is between are ours.)

    Args:
        residuals: standardised absolute errors of whole images, ascending.
        cell_residuals: those of the cells, ascending, as many.
        growth: how fast relative errors grow where people stand dense, see `error_scale`.

    Raises:
        ValueError: a residual is outside [0, `GREATEST`], they are not ascending, or there are not
            as many for cells as for images; or ``growth`` is not finite.

    Example:
        >>> spread = Spread((0.0, 0.1, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4))
        >>> spread.highest_level
        0.8
        >>> spread.interval(0.8, count=90.0, crowding=0.0)
        (60.0, 120.0)
        >>> spread.interval(0.9, count=90.0, crowding=0.0)
        Traceback (most recent call last):
        ValueError: level is 0.9; it must be above 0 and at most 0.8, by residuals of 4 images
    """

    residuals: tuple[float, ...] = field(default=(), repr=False)
    cell_residuals: tuple[float, ...] = field(default=(), repr=False)
    growth: float = 0.0

    def __post_init__(self) -> None:
        for name in ("residuals", "cell_residuals"):
            values = getattr(self, name)
            for value in values:
                if not 0 <= value <= GREATEST:
                    raise ValueError(f"{name} holds {value}; each must be in [0, {GREATEST:g}]")
            for first, second in pairwise(values):
                if second < first:
                    raise ValueError(f"{name} holds {first}, {second}; it must be ascending")
        if len(self.cell_residuals) != len(self.residuals):
            raise ValueError(
                f"cell_residuals has {len(self.cell_residuals)} values; it must have as many as "
                f"residuals, {len(self.residuals)}"
            )
        if not math.isfinite(self.growth):
            raise ValueError(f"growth is {self.growth}; it must be finite")

    @property
    def highest_level(self) -> float:
        """Highest level of an interval: n / (n + 1) of n residuals, 0 without any."""
        return len(self.residuals) / (len(self.residuals) + 1)

    def interval(
        self, level: float, count: float, crowding: float, *, share: float = 1.0
    ) -> tuple[float, float]:
        """Interval around a count.

        Args:
            level: probability, above 0 and at most `highest_level`.
            count: persons; below 0 is taken for 0.
            crowding: how dense they stand, see `raz.density.crowding`.
            share: of the image that was counted, in [0, 1].

        Returns:
            (low, high), persons; ``low`` is at least 0. NaN where the count is, or a crowding that
            matters.

        Raises:
            ValueError: ``level`` is out of range, or there are no residuals.
        """
        count = 0.0 if count < 0 else count  # written so that NaN stays NaN
        half = self.quantile(level, share) * error_scale(count, crowding, self.growth, share)
        low = count - half
        return (0.0 if low < 0 else low), count + half

    def quantile(self, level: float, share: float = 1.0) -> float:
        """Standardised error that holds a level, for an area of a share of the image.

        Args:
            level: as in :meth:`interval`.
            share: of the image, in [0, 1].

        Returns:
            at least 0, to be multiplied by `error_scale`: between that of a cell of the 4 x 4 grid
            and that of the image, by the logarithm of the share.

        Raises:
            ValueError: as :meth:`interval` does.

        Example:
            >>> Spread((0.0, 0.1, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4)).quantile(0.8, share=0.25)
            0.35
        """
        if not self.residuals:
            raise ValueError(
                "residuals is empty; it must hold calibrated errors: these weights carry none, so "
                f"they give no interval at level {level}"
            )
        level = as_number("level", level)
        if not 0 < level <= self.highest_level + _ROUNDING:
            highest = math.floor(self.highest_level * 1e4) / 1e4
            raise ValueError(
                f"level is {level}; it must be above 0 and at most {highest:g}, by residuals of "
                f"{len(self.residuals)} images"
            )
        rank = math.ceil((len(self.residuals) + 1) * level - _ROUNDING)
        index = min(max(rank, 1), len(self.residuals)) - 1
        smallness = math.log(min(1.0, max(share, CELL_SHARE))) / math.log(CELL_SHARE)
        image, cell = self.residuals[index], self.cell_residuals[index]
        return (1 - smallness) * image + smallness * cell


def as_number(name: str, value: SupportsFloat) -> float:
    """Return a number as a float.

    Raises:
        TypeError: it is none.
        ValueError: no float holds it.

    Example:
        >>> as_number("level", 1)
        1.0
        >>> as_number("level", "0.9")
        Traceback (most recent call last):
        TypeError: level is '0.9'; it must be a number
    """
    if not isinstance(value, (str, bytes)):  # float() reads them
        try:
            return float(value)
        except OverflowError:
            most = sys.float_info.max
            raise ValueError(
                f"{name} is further than {most:.2g} from 0; it must be a number that a float holds"
            ) from None
        except (TypeError, ValueError, RuntimeError):
            pass
    raise TypeError(f"{name} is {value!r}; it must be a number")


def error_scale(count: Numbers, crowding: Numbers, growth: float, share: float = 1.0) -> Numbers:
    """Persons by which the error of a count is divided to be compared with others (ours).

    ``(count + OFFSET * share) * (1 + crowding) ** growth``. An area of less than a cell of the
    4 x 4 grid, for which there are no residuals, takes the cell's share.

    Args:
        count: persons, at least 0.
        crowding: how dense they stand, see `raz.density.crowding`.
        growth: exponent.
        share: of the image that was counted, in [0, 1].

    Returns:
        Persons, of the shape of ``count``.

    Example:
        >>> error_scale(90.0, 3.0, 0.5)
        200.0
    """
    offset = OFFSET * max(share, CELL_SHARE)
    denser: Numbers = (1 + crowding) ** growth
    return (count + offset) * denser
