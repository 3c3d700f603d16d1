from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.io.chart import (
    _COLOURS,
    Axis,
    Line,
    Panel,
    _frames,
    _place,
    draw_panels,
    histogram_chart,
    line_chart,
    linear_axis,
    log_axis,
    stacked,
)

X = list(range(1, 11))


def has(image, colour, x, value, *, panel=0, panels=1):
    """Whether the colour is within two pixels of a place given in shares of the axes."""
    column, row = (round(place) for place in _place(_frames(panels)[panel], x, value))
    pixels = np.asarray(image)[row - 2 : row + 3, column - 2 : column + 3]
    return bool((pixels == colour).all(axis=2).any())


def test_lines_go_where_the_values_are():
    values = [k / 10 for k in X]
    image = line_chart(X, {"up": values, "flat": [0.85] * 10}, title="t", x_label="px")
    assert image.size == (960, 640)
    for x, value in zip(X[:6], values[:6], strict=True):
        assert has(image, _COLOURS[0], x / 10, value)
        assert has(image, _COLOURS[1], x / 10, 0.85)
        assert not has(image, _COLOURS[0], x / 10, value + 0.05)


def test_undefined_values_leave_a_gap():
    values = [0.5, 0.5, 0.5, math.nan, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    image = line_chart(X, {"y": values}, title="t", x_label="px")
    assert has(image, _COLOURS[0], 0.2, 0.5)
    assert not has(image, _COLOURS[0], 0.4, 0.5)
    assert has(image, _COLOURS[0], 0.6, 0.5)
    line_chart(X, {"y": [math.nan] * 10}, title="t", x_label="px")


def test_a_value_between_gaps_is_a_dot():
    values = [math.nan, 0.5, math.nan, *[0.2] * 7]
    assert has(line_chart(X, {"y": values}, title="t", x_label="px"), _COLOURS[0], 0.2, 0.5)


def test_panels_have_axes_of_their_own():
    panels = [
        Panel({"a": Line([0, 100], [1, 100])}, Axis(1, 100, {1: "1"}, log=True), "losses"),
        Panel({"b": Line([0, 100], [3, 3], pale=[2, 2])}, Axis(2, 4, {2: "2"})),
    ]
    image = draw_panels(panels, title="t", x_label="step")
    assert image.height > 640
    assert has(image, _COLOURS[0], 0.5, 0.5, panel=0, panels=2)  # 10, of 1 .. 100
    assert has(image, _COLOURS[0], 0.5, 0.5, panel=1, panels=2)
    assert not has(image, _COLOURS[0], 0.5, 0.1, panel=1, panels=2)


def test_what_is_not_positive_leaves_a_gap_on_a_logarithmic_axis():
    line = Line([0, 1, 2, 3, 4], [5, 5, 0, 5, 5])
    image = draw_panels([Panel({"a": line}, log_axis([1, 25]))], title="t", x_label="x")
    share = log_axis([1, 25]).share(5)
    assert has(image, _COLOURS[0], 0.1, share)
    assert not has(image, _COLOURS[0], 0.5, share)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0, 100], list(range(0, 101, 10))),
        ([0, 1234], [0, 200, 400, 600, 800, 1000, 1200]),
        ([0.31, 0.38], [0.31, 0.32, 0.33, 0.34, 0.35, 0.36, 0.37, 0.38]),
        ([7], [4, 5, 6, 7, 8, 9, 10]),
        ([math.nan, 0, math.inf, 5], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]),
    ],
)
def test_linear_ticks_are_round(values, ticks):
    axis = linear_axis(values)
    assert list(axis.ticks) == pytest.approx(ticks)
    assert [float(text) for text in axis.ticks.values()] == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1, 20], [1, 2, 5, 10, 20]),
        ([3, 4e6], [10.0**n for n in range(1, 7)]),
        ([-3, 0, 0.02], [0.02]),
        ([3.2, 3.3], [3.2 / 1.1, 3.3 * 1.1]),
        ([], [1, 2, 5, 10]),
    ],
)
def test_logarithmic_ticks(values, ticks):
    assert list(log_axis(values).ticks) == pytest.approx(ticks)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5))
def test_values_lie_on_their_axis(values):
    axis = linear_axis(values)
    assert all(-1e-6 <= axis.share(place) <= 1 + 1e-6 for place in [*values, *axis.ticks])
    assert len(axis.ticks) <= 12
    positive = [value for value in values if value > 1e-30]
    axis = log_axis(values)
    assert all(-1e-6 <= axis.share(place) <= 1 + 1e-6 for place in [*positive, *axis.ticks])
    assert 1 <= len(axis.ticks) <= 22


def test_bars_are_as_high_as_their_counts():
    image = histogram_chart((0, 1, 3, 10), (0, 5, 10), title="t", x_label="heads")
    assert image.size == (960, 640)
    blue = (np.asarray(image) == _COLOURS[0]).all(axis=2)
    heights = []
    for index in range(3):
        column = round(_place(_frames(1)[0], (index + 0.5) / 3, 0)[0])
        heights.append(int(blue[:, column].sum()))
    assert heights[0] <= 1
    assert abs(heights[2] - 2 * heights[1]) <= 2
    assert heights[2] > 400


def test_nothing_at_all_is_a_chart_too():
    image = histogram_chart((0, 1), (0,), title="t", x_label="heads")
    assert image.size == (960, 640)


def test_stacked_charts_lie_one_below_the_other():
    charts = [Image.new("RGB", (4, height), colour) for height, colour in ((2, "red"), (3, "blue"))]
    image = stacked(charts)
    assert image.size == (4, 5)
    assert [image.getpixel((1, y)) for y in (1, 2, 4)] == [(255, 0, 0), *[(0, 0, 255)] * 2]
