from __future__ import annotations

import math

import numpy as np

from raz.io.chart import _COLOURS, _place, line_chart

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
