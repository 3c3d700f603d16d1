"""Charts of counts against the truth, and of how often their intervals hold it.

matplotlib is optional: ``pip install ".[plot]"``. It is imported when a chart is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from raz.io.chart import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from raz.result import Result

__all__ = ["CountPanel", "calibration_figure", "count_figure", "panels_figure"]

LEVELS = tuple(level / 20 for level in range(1, 20))
"""Levels of the chart of calibration, as far as the weights reach them."""

_SIDE = 6.4  # inches
_PIXELS = 100
_LOGARITHMIC_FROM = 30  # times the smallest count above 0: linear axes would hide the small ones

Floats = npt.NDArray[np.float64]


class CountPanel(NamedTuple):
    """The counts of some images, for a panel of :func:`panels_figure`.

    Attributes:
        title: above the panel; the mean absolute error stands beside it.
        counts: persons counted in each image, at least one.
        truth: the true number of persons of each.
        intervals: (low, high) around each count; NaN where there is none.

    Example:
        >>> CountPanel("mine", [12.0], [10.0], [(8.0, 16.0)]).title
        'mine'
    """

    title: str
    counts: Sequence[float]
    truth: Sequence[float]
    intervals: Sequence[tuple[float, float]]


def count_figure(
    results: Sequence[Result], truth: Sequence[float], *, level: float = 0.9, title: str = ""
) -> Figure:
    """Draw each image's count over its true one, with its interval where the weights tell it.

    On the diagonal the two are equal. Intervals that do not hold the truth have another colour.
    Both axes are logarithmic where counts differ much; 0 is on them.

    Args:
        results: at least one.
        truth: the true number of persons of each, at least 0.
        level: of the intervals.
        title: above the chart; the mean absolute error stands beside it.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no result, or ``truth`` does not fit the results.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=12.0, count_density=12.0, count_points=0, image_size=(64, 48),
        ... )
        >>> figure = count_figure([result], [10], title="mine")
        >>> figure.axes[0].get_title(loc="left")
        'mine: 1 image, mean absolute error 2.0'
    """
    heads = _checked(results, truth).tolist()
    counts = [result.count for result in results]
    intervals = np.stack(_intervals(results, level), axis=1).tolist()
    return panels_figure([CountPanel(title, counts, heads, intervals)], level=level)


def panels_figure(panels: Sequence[CountPanel], *, level: float = 0.9) -> Figure:
    """Draw what :func:`count_figure` does for several sets of images, side by side.

    Args:
        panels: at least one.
        level: of the intervals.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> figure = panels_figure([CountPanel("mine", [12.0], [10.0], [(8.0, 16.0)])])
        >>> figure.axes[0].get_title(loc="left")
        'mine: 1 image, mean absolute error 2.0'
    """
    figure, row = _squares(len(panels))
    for axes, panel in zip(row, panels, strict=True):
        _draw_counts(axes, panel, level)
    return figure


def _draw_counts(axes: Axes, panel: CountPanel, level: float) -> None:
    counts, heads = (np.asarray(each, dtype=np.float64) for each in (panel.counts, panel.truth))
    lows, highs = np.asarray(panel.intervals, dtype=np.float64).T
    limit = 1.08 * max(1.0, float(heads.max()), float(np.nanmax(counts, initial=0.0)))
    axes.plot([0, limit], [0, limit], color="0.6", linewidth=1, label="equal")
    outside = (heads < lows) | (heads > highs)
    told = np.isfinite(lows)
    for chosen, colour, text in (
        (told & ~outside, "C0", f"{level:.0%} interval holds the truth"),
        (told & outside, "C3", "it does not"),
        (~told, "C0", "count"),
    ):
        if chosen.any():
            spread = np.stack([(counts - lows)[chosen], (highs - counts)[chosen]])
            axes.errorbar(
                heads[chosen], counts[chosen], np.nan_to_num(spread), fmt="o", color=colour,
                markersize=4, linewidth=1, label=f"{text}: {int(chosen.sum())}",
            )  # fmt: skip
    _scale(axes, heads, limit)
    error = float(np.abs(counts - heads).mean())
    title = f"{_titled(panel.title, len(heads))}, mean absolute error {error:.1f}"
    axes.set_title(title, loc="left", parse_math=False)
    axes.set_xlabel("true persons")
    axes.set_ylabel("counted persons")
    axes.legend(loc="upper left")


def calibration_figure(
    results: Sequence[Result], truth: Sequence[float], *, title: str = ""
) -> Figure:
    """Draw which share of intervals holds the truth, over the level that they were asked for.

    On or above the diagonal the intervals keep what they promise. In the pale band around it lie
    95 % of the shares that so many images give by chance (normal approximation).

    Args:
        results: at least one, of weights that tell intervals.
        truth: the true number of persons of each, at least 0.
        title: above the chart.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is no result, ``truth`` does not fit the results, or the weights of a
            result tell no interval.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> from raz.intervals import Spread
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=12.0, count_density=12.0, count_points=0, image_size=(64, 48),
        ...     spread=Spread((0.1, 0.2, 0.3), (0.1, 0.2, 0.3)),
        ... )
        >>> len(calibration_figure([result], [10]).axes)
        1
    """
    heads = _checked(results, truth)
    highest = min(result.spread.highest_level for result in results)
    levels = [level for level in LEVELS if level <= highest]
    if not levels:
        raise ValueError("results hold one whose weights tell no interval; all of them must")
    shares = []
    for level in levels:
        lows, highs = _intervals(results, level)
        shares.append(float(((lows <= heads) & (heads <= highs)).mean()))
    figure, (axes,) = _squares(1)
    diagonal = np.linspace(0, 1, 101)
    band = 1.96 * np.sqrt(diagonal * (1 - diagonal) / len(heads))
    axes.fill_between(diagonal, diagonal - band, diagonal + band, color="0.9", label="by chance")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="as promised")
    axes.plot(levels, shares, marker="o", markersize=4, label="observed")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_title(_titled(title, len(heads)), loc="left", parse_math=False)
    axes.set_xlabel("level of the interval")
    axes.set_ylabel("intervals that hold the true number")
    axes.legend(loc="upper left")
    return figure


def _checked(results: Sequence[Result], truth: Sequence[float]) -> Floats:
    heads = np.asarray(truth, dtype=np.float64)
    if not results:
        raise ValueError("results is empty; it must hold at least one")
    if heads.shape != (len(results),):
        raise ValueError(f"truth has shape {list(heads.shape)}; it must be [{len(results)}]")
    if not (np.isfinite(heads).all() and (heads >= 0).all()):
        raise ValueError("truth holds a number below 0 or not finite; each must be at least 0")
    return heads


def _intervals(results: Sequence[Result], level: float) -> tuple[Floats, Floats]:
    """Return the intervals' ends, NaN where the weights do not reach the level."""
    nothing = (math.nan, math.nan)
    ends = [
        result.interval(level) if result.spread.highest_level >= level else nothing
        for result in results
    ]
    lows, highs = np.array(ends, dtype=np.float64).T
    return lows, highs


def _scale(axes: Axes, heads: Floats, limit: float) -> None:
    some = heads[heads > 0]
    if len(some) and limit > _LOGARITHMIC_FROM * float(some.min()):
        axes.set_xscale("symlog", linthresh=10)
        axes.set_yscale("symlog", linthresh=10)
    axes.set_xlim(0, limit)
    axes.set_ylim(bottom=0)
    axes.grid(color="0.87")


def _titled(title: str, images: int) -> str:
    number = f"{images} image{'s' * (images != 1)}"
    return f"{title}: {number}" if title else number


def _squares(number: int) -> tuple[Figure, list[Axes]]:
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(number * _SIDE, _SIDE), dpi=_PIXELS, layout="constrained")
    return figure, list(figure.subplots(1, number, squeeze=False)[0])
