from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from raz.intervals import Spread
from raz.io.accuracy_chart import LEVELS, calibration_figure, count_figure
from raz.io.chart import to_image
from raz.result import Result

RNG = np.random.default_rng(0)


def result_of(count: float, spread: Spread | None = None) -> Result:
    return Result(
        points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8), count=count,
        count_density=count, count_points=0, image_size=(64, 48), spread=spread or Spread(),
    )  # fmt: skip


def of_known_errors(number: int) -> tuple[list[Result], list[float]]:
    """Results whose relative errors and residuals have one distribution."""
    residuals = tuple(np.sort(np.abs(RNG.normal(0, 0.1, 400))).tolist())
    spread = Spread(residuals, residuals)
    counts = RNG.uniform(20, 400, number)
    truth = counts + RNG.normal(0, 0.1, number) * (counts + 10)
    return [result_of(count, spread) for count in counts], np.clip(truth, 0, None).tolist()


def labels(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_counts_lie_over_the_truth_and_intervals_are_told_apart():
    spread = Spread((0.1,) * 19, (0.1,) * 19)
    figure = count_figure(
        [result_of(90, spread), result_of(90, spread), result_of(50)], [95, 120, 40], title="mine"
    )
    (axes,) = figure.axes
    assert labels(axes) == [
        "equal", "90% interval holds the truth: 1", "it does not: 1", "count: 1"
    ]  # fmt: skip
    places = np.concatenate([line.lines[0].get_xydata() for line in axes.containers])
    assert places.tolist() == [[95, 90], [120, 90], [40, 50]]
    assert axes.get_title(loc="left") == "mine: 3 images, mean absolute error 15.0"
    assert axes.get_xscale() == "linear"
    assert to_image(figure).size == (640, 640)


def test_a_title_is_shown_as_it_is():
    results, truth = of_known_errors(20)
    for figure in (count_figure, calibration_figure):
        to_image(figure(results, truth, title="$\\broken$"))  # which is no mathematics


def test_counts_that_differ_much_have_logarithmic_axes_with_0():
    axes = count_figure([result_of(0), result_of(5), result_of(3000)], [0, 4, 3100]).axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "symlog"
    assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0


def test_intervals_that_keep_their_promise_lie_on_the_diagonal():
    (axes,) = calibration_figure(*of_known_errors(600)).axes
    levels, shares = axes.lines[-1].get_data()
    np.testing.assert_array_equal(levels, LEVELS)
    np.testing.assert_allclose(shares, levels, atol=0.08)


def test_intervals_that_are_too_narrow_lie_below():
    results, truth = of_known_errors(200)
    narrow = Spread((0.001,) * 19, (0.001,) * 19)
    (axes,) = calibration_figure([result_of(each.count, narrow) for each in results], truth).axes
    levels, shares = axes.lines[-1].get_data()
    assert max(levels) == 0.95
    assert max(shares) < 0.1


def test_errors_name_the_argument(monkeypatch):
    with pytest.raises(ValueError, match="results is empty"):
        count_figure([], [])
    with pytest.raises(ValueError, match=r"truth has shape \[2\]; it must be \[1\]"):
        calibration_figure([result_of(3)], [1, 2])
    with pytest.raises(ValueError, match="truth holds a number below 0"):
        count_figure([result_of(3)], [-1])
    with pytest.raises(ValueError, match="weights tell no interval"):
        calibration_figure([result_of(3)], [1])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[plot\]"'):
        count_figure([result_of(3)], [1])
