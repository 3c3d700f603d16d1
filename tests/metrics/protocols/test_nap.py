from __future__ import annotations

import math

import pytest

from raz.metrics import normalized_ap

SQUARE = [[0, 0], [10, 0], [0, 10], [10, 10]]
SCALE = (10 + 10 + math.hypot(10, 10)) / 3  # 11.38: the three neighbours of every corner


def test_by_hand():
    # 4 / 11.38 = .35146: allowed from .40 on.
    figures = normalized_ap([[[4, 0], [90, 90]]], [[0.9, 0.8]], [SQUARE])
    assert figures["0.35"]["ap"] == 0
    assert figures["0.4"]["ap"] == figures["0.5"]["ap"] == pytest.approx(0.25)
    assert figures["mean"]["ap"] == pytest.approx(3 * 0.25 / 10)


def test_below_the_threshold_not_on_it():
    # Two heads: the only neighbour is 10 px away, and 1 px is .10 exactly.
    figures = normalized_ap([[[1, 0]]], [[1]], [[[0, 0], [10, 0]]])
    assert (figures["0.1"]["ap"], figures["0.15"]["ap"]) == (0, 0.5)


def test_all_points_of_the_curve_count():
    # Ranked hit, miss, hit: precision 1 up to recall 1/4, then 2/3 up to 1/2.
    points = [[[0, 0], [90, 90], [10, 10]]]
    figures = normalized_ap(points, [[0.9, 0.8, 0.7]], [SQUARE])
    assert figures["0.05"]["ap"] == pytest.approx(0.25 + 0.25 * 2 / 3)


def test_nearest_free_head():
    # Both within reach of the second prediction's heads; the nearer one is taken already.
    points = [[[0, 0], [4, 0]]]
    figures = normalized_ap(points, [[0.9, 0.8]], [[[0, 0], [9, 0], [0, 90], [9, 90]]])
    assert figures["0.5"]["ap"] == pytest.approx(0.5)


def test_lone_head_is_left_out():
    figures = normalized_ap([[[5, 5]], [[0, 0]]], [[0.9], [0.5]], [[[5, 5]], [[0, 0], [10, 0]]])
    # The prediction on the lone head is first and matches nothing: precision 1/2 at recall 1/2.
    assert figures["0.5"]["ap"] == pytest.approx(0.25)


def test_heads_on_one_spot_allow_nothing():
    assert normalized_ap([[[1, 1]]], [[1]], [[[1, 1]] * 4])["mean"]["ap"] == 0


def test_undefined():
    assert math.isnan(normalized_ap([[[5, 5]]], [[1]], [[[5, 5]]])["mean"]["ap"])
    assert math.isnan(normalized_ap([], [], [])["0.05"]["ap"])
    assert normalized_ap([[]], [[]], [SQUARE])["mean"]["ap"] == 0
