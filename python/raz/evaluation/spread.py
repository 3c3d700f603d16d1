"""Learn how far counts lie from the truth, and test the intervals that follow from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raz.density import CROWDED, crowding, local_density
from raz.intervals import CELL_SHARE, Spread, error_scale
from raz.result import Result
from raz.zoom.fusion import density_cells, point_cells

__all__ = ["CountedAreas", "Coverage", "counted", "coverage", "fit_spread"]

Floats = npt.NDArray[np.float64]

GROWTHS = tuple(float(value) for value in np.linspace(-0.5, 1.0, 31).round(2))
"""Exponents of `raz.intervals.error_scale` to choose from (ours)."""

MOST_RESIDUALS = 99
"""Residuals that are stored at most (ours): intervals up to the level 0.99."""


@dataclass(frozen=True)
class CountedAreas:
    """Counts of images, or of areas of images, with what decides how far they may be off.

    Attributes:
        counts: float64, persons by the model; below 0 is taken for 0.
        heads: of the same shape, the true counts.
        crowding: of the same shape, how dense the people stand, see `raz.density.crowding`.

    Raises:
        ValueError: the shapes differ, or a number is not finite.

    Example:
        >>> areas = CountedAreas(np.array([-0.5, 8.0]), np.array([0, 10]), np.zeros(2))
        >>> areas.errors(growth=0.0).tolist()
        [0.0, 0.1111111111111111]
    """

    counts: Floats
    heads: Floats
    crowding: Floats

    def __post_init__(self) -> None:
        for name in ("counts", "heads", "crowding"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds a number that is not finite; each must be finite")
            object.__setattr__(self, name, values)
            if values.shape != self.counts.shape:
                raise ValueError(
                    f"{name} has shape {list(values.shape)}; it must be {list(self.counts.shape)}"
                )
        object.__setattr__(self, "counts", self.counts.clip(min=0))

    def scales(self, growth: float, share: float = 1.0) -> Floats:
        """Persons by which errors are divided, see `raz.intervals.error_scale`."""
        return error_scale(self.counts, self.crowding, growth, share)

    def errors(self, growth: float, share: float = 1.0) -> Floats:
        """Standardised absolute errors, of the shape of ``counts``."""
        errors: Floats = np.abs(self.heads - self.counts) / self.scales(growth, share)
        return errors


@dataclass(frozen=True)
class Coverage:
    """How many held-out counts lie in their intervals.

    Attributes:
        level: the nominal probability.
        hits: true counts that lie within.
        number: of all counts.
        low: lower end of the Clopper-Pearson interval, at 95 %, of the probability of a hit.
        high: its upper end.

    Example:
        >>> Coverage(level=0.9, hits=36, number=40, low=0.763, high=0.972).holds
        True
    """

    level: float
    hits: int
    number: int
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the nominal probability lies between ``low`` and ``high``."""
        return self.low <= self.level <= self.high


def counted(
    results: Sequence[Result], heads: Sequence[Tensor]
) -> tuple[CountedAreas, CountedAreas]:
    """Count images and their cells by a model's results and by the true heads.

    An image is counted by ``Result.count``, a cell of the 4 x 4 grid by the density alone, as
    `Result.interval` and `Result.interval_in` do.

    Args:
        results: of n images.
        heads: of the same images, [N, 2], (x, y) in pixels.

    Returns:
        The images, arrays [n], and the cells, arrays [n, 16].

    Example:
        >>> import torch
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.ones(4, 4) / 4,
        ...     count=4.0, count_density=4.0, count_points=0, image_size=(32, 32),
        ... )
        >>> images, cells = counted([result], [torch.tensor([[1.0, 1.0], [20.0, 9.0]])])
        >>> images.heads, cells.heads.sum(), cells.counts[0, :3]
        (array([2.]), np.float64(2.0), array([0.25, 0.25, 0.25]))
    """
    images, cells = [], []
    for result, points in zip(results, heads, strict=True):
        density, size = result.density.detach().cpu(), result.image_size
        crowded = crowding(density, times=result.cells_of_first_look)
        images.append((result.count, len(points), crowded))
        cells.append(
            [
                grid.flatten().tolist()
                for grid in (
                    density_cells(density, size, result.stride),
                    point_cells(points, size),
                    _cell_crowding(result, density),
                )
            ]
        )
    by_image = np.array(images, dtype=np.float64).reshape(-1, 3).T
    by_cell = np.array(cells, dtype=np.float64).reshape(-1, 3, round(1 / CELL_SHARE))
    return CountedAreas(*by_image), CountedAreas(*by_cell.swapaxes(0, 1))


def fit_spread(images: CountedAreas, cells: CountedAreas) -> Spread:
    """Learn how far counts lie from the truth, for intervals by split conformal prediction (ours).

    The growth of errors where people stand dense is the one of `GROWTHS` under which the images'
    errors are likeliest, if they are Laplace-distributed; of equally good ones that nearest 0. Then
    the errors are standardised and sorted. At most `MOST_RESIDUALS` of them are kept, rounded up,
    so that intervals are never too narrow. Cells of one image depend on each other, so of the
    pooled ones as many are kept as there are images.

    The images must not have been trained on. What else was fitted on them (the corrections of the
    density, say) makes errors look smaller than they will be: give counts for which each image was
    left out of that.

    Args:
        images: of n images, arrays [n].
        cells: cells of the 4 x 4 grid of the same images, arrays [n, c], by the density; c = 16, or
            those cells that are to be learnt from.

    Returns:
        At most `MOST_RESIDUALS` residuals each, and the growth.

    Raises:
        ValueError: there is no image, or a shape does not fit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> heads = rng.integers(0, 200, (9, 16))
        >>> counts, crowding = heads * rng.normal(1, 0.1, heads.shape), np.ones(heads.shape)
        >>> spread = fit_spread(
        ...     CountedAreas(counts.sum(1), heads.sum(1), crowding[:, 0]),
        ...     CountedAreas(counts, heads, crowding),
        ... )
        >>> len(spread.residuals), spread.highest_level
        (9, 0.9)
    """
    number = len(images.counts) if images.counts.ndim else 0
    if images.counts.ndim != 1 or number == 0:
        raise ValueError(f"images has shape {list(images.counts.shape)}; it must be [n], n above 0")
    if cells.counts.ndim != 2 or len(cells.counts) != number or cells.counts.shape[1] == 0:
        raise ValueError(f"cells has shape {list(cells.counts.shape)}; it must be [{number}, c]")
    growth = _likeliest_growth(images)
    return Spread(
        _quantiles(images.errors(growth)[:, None]),
        _quantiles(cells.errors(growth, CELL_SHARE)),
        growth,
    )


def coverage(spread: Spread, images: CountedAreas, level: float) -> Coverage:
    """Count how many held-out images have their true count in its interval.

    Args:
        spread: learnt on other images.
        images: whole images, arrays of one shape.
        level: see `raz.intervals.Spread.interval`.

    Returns:
        The hits and the Clopper-Pearson interval of their probability, at 95 %.

    Raises:
        ValueError: ``level`` is out of range.

    Example:
        >>> images = CountedAreas(np.full(20, 90.0), np.arange(100.0, 120.0), np.zeros(20))
        >>> covered = coverage(Spread((0.05, 0.1, 0.25), (0.2,) * 3), images, level=0.5)
        >>> covered.hits, covered.number, round(covered.low, 3), round(covered.high, 3)
        (1, 20, 0.001, 0.249)
    """
    rows = zip(images.counts.flat, images.heads.flat, images.crowding.flat, strict=True)
    hits = 0
    for count, heads, crowded in rows:
        low, high = spread.interval(level, float(count), float(crowded))
        hits += int(low <= heads <= high)
    return Coverage(level, hits, images.counts.size, *_clopper_pearson(hits, images.counts.size))


def _cell_crowding(result: Result, density: Tensor) -> Tensor:
    """`raz.density.crowding` of each cell of the 4 x 4 grid: float64 [4, 4]."""
    people = density.clamp(min=0)
    local = people.double() * local_density(density, times=result.cells_of_first_look)
    local, number = (
        density_cells(each, result.image_size, result.stride) for each in (local, people)
    )
    return torch.where(number > 0, local / number, 0) / CROWDED


def _likeliest_growth(images: CountedAreas) -> float:
    """Exponent of the greatest likelihood of Laplace-distributed errors, the nearest to 0 first."""
    candidates = sorted(GROWTHS, key=abs)
    if not images.errors(growth=0).any():
        return candidates[0]  # every count is right, so no scale is likelier
    likelihoods = [_log_likelihood(images, growth) for growth in candidates]
    return candidates[int(np.argmax(np.array(likelihoods).round(9)))]


def _log_likelihood(images: CountedAreas, growth: float) -> float:
    """Mean over images, up to a constant, at the likeliest width."""
    mean = float(images.errors(growth).mean())
    return -math.log(mean) - float(np.log(images.scales(growth)).mean())


def _quantiles(errors: Floats) -> tuple[float, ...]:
    """Reduce errors [n, c] of c areas of each of n images to min(n, `MOST_RESIDUALS`) quantiles.

    The i-th of m is the least error that at least (n + 1) c i / (m + 1) of the n c errors reach at
    most. With the c errors of one more image among (n + 1) c, those are a share i / (m + 1).
    """
    number, areas = errors.shape
    kept = min(number, MOST_RESIDUALS)
    ranks = -(-(number + 1) * areas * np.arange(1, kept + 1) // (kept + 1))  # rounded up
    return tuple(_rounded_up(float(value)) for value in np.sort(errors, axis=None)[ranks - 1])


def _rounded_up(value: float) -> float:
    """Round up to five digits behind the point."""
    return math.ceil(value * 1e5) / 1e5


def _clopper_pearson(hits: int, number: int) -> tuple[float, float]:
    """Exact interval, at 95 %, of a binomial probability, by bisection."""
    tail = 0.025
    low = _least(lambda p: _at_least(hits, number, p) >= tail) if hits else 0.0
    high = _least(lambda p: _at_least(hits + 1, number, p) >= 1 - tail) if hits < number else 1.0
    return low, high


def _at_least(hits: int, number: int, probability: float) -> float:
    """Probability of so many hits or more."""
    if probability in (0.0, 1.0):
        return float(probability == 1.0 or hits == 0)
    logs = (
        math.lgamma(number + 1) - math.lgamma(k + 1) - math.lgamma(number - k + 1)
        + k * math.log(probability) + (number - k) * math.log1p(-probability)
        for k in range(hits, number + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, logs))


def _least(reached: Callable[[float], bool]) -> float:
    """Least number in [0, 1] from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2
