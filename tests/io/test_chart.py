from __future__ import annotations

import math

import numpy as np
from PIL import Image

from raz.io.chart import _COLOURS, _place, histogram_chart, line_chart, stacked

X = list(range(1, 11))


def has(picture, colour, x, value):
    column, row = (round(place) for place in _place(x, value, X[-1]))
    pixels = np.asarray(picture)[row - 2 : row + 3, column - 2 : column + 3]
    return bool((pixels == colour).all(axis=2).any())


def test_lines_go_where_the_values_are():
    values = [k / 10 for k in X]
    picture = line_chart(X, {"up": values, "flat": [0.85] * 10}, title="t", x_label="px")
    assert picture.size == (960, 640)
    for x, value in zip(X[:6], values[:6], strict=True):
        assert has(picture, _COLOURS[0], x, value)
        assert has(picture, _COLOURS[1], x, 0.85)
        assert not has(picture, _COLOURS[0], x, value + 0.05)


def test_undefined_values_leave_a_gap():
    values = [0.5, 0.5, 0.5, math.nan, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    picture = line_chart(X, {"y": values}, title="t", x_label="px")
    assert has(picture, _COLOURS[0], 2, 0.5)
    assert not has(picture, _COLOURS[0], 4, 0.5)
    assert has(picture, _COLOURS[0], 6, 0.5)
    line_chart(X, {"y": [math.nan] * 10}, title="t", x_label="px")


def test_bars_are_as_high_as_their_counts():
    picture = histogram_chart((0, 1, 3, 10), (0, 5, 10), title="t", x_label="heads")
    assert picture.size == (960, 640)
    blue = (np.asarray(picture) == _COLOURS[0]).all(axis=2)
    heights = []
    for index in range(3):
        column = round(_place(index + 0.5, 0, 3)[0])
        heights.append(int(blue[:, column].sum()))
    assert heights[0] <= 1
    assert abs(heights[2] - 2 * heights[1]) <= 2
    assert heights[2] > 400


def test_nothing_at_all_is_a_chart_too():
    picture = histogram_chart((0, 1), (0,), title="t", x_label="heads")
    assert picture.size == (960, 640)


def test_stacked_charts_lie_one_below_the_other():
    charts = [Image.new("RGB", (4, height), colour) for height, colour in ((2, "red"), (3, "blue"))]
    picture = stacked(charts)
    assert picture.size == (4, 5)
    assert [picture.getpixel((1, y)) for y in (1, 2, 4)] == [(255, 0, 0), *[(0, 0, 255)] * 2]
