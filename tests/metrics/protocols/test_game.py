from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.metrics import crowd_count, game


def test_by_hand():
    # Of one image of 8 x 8 pixels: a head at the left, a prediction at the right.
    figures = game([[[7, 1]]], [[[1, 1]]], [(8, 8)])["game"]
    assert figures == {"0": 0, "1": 2, "2": 2, "3": 2, "images": 1}


def test_cells_are_floored_shares():
    # 10 px in two cells of 5; in four of 2.5: 4 lies in the second, 5 in the third.
    figures = game([[[4, 0]]], [[[5, 0]]], [(10, 10)])["game"]
    assert (figures["0"], figures["1"], figures["2"]) == (0, 2, 2)
    assert game([[[5, 0]]], [[[7.4, 0]]], [(10, 10)])["game"]["2"] == 0


def test_points_outside_count_in_the_nearest_cell():
    figures = game([[[12, 12]]], [[[10, 10]]], [(10, 10)])["game"]
    assert figures["3"] == 0


def test_mean_over_images():
    figures = game([[[1, 1]], []], [[], [[1, 1], [2, 2]]], [(8, 8), (8, 8)])["game"]
    assert figures["0"] == pytest.approx(1.5)


def test_density_counts_where_its_cells_lie():
    density = np.zeros((2, 3))
    density[1, 2] = 1.5  # its middle lies at (20, 12), outside 17 x 11 pixels
    figures = game([density], [[[16, 10], [1, 1]]], [(11, 17)], density_stride=8)["game"]
    assert figures["0"] == pytest.approx(0.5)
    assert figures["3"] == pytest.approx(1.5)


def test_full_size_density_equals_points():
    heads = np.array([[0.5, 0.5], [6.5, 3.5], [2.5, 8.5]])
    points = np.array([[1.5, 8.5], [6.5, 4.5]])
    density = np.zeros((9, 7))
    density[points[:, 1].astype(int), points[:, 0].astype(int)] = 1
    by_density = game([density], [heads], [(9, 7)], density_stride=1)
    assert by_density == game([points], [heads], [(9, 7)])


def test_without_size_only_level_0():
    figures = game([[[1, 1]]], [[]], [None])["game"]
    assert figures["0"] == 1
    assert all(math.isnan(figures[level]) for level in "123")


def test_undefined_without_images():
    assert all(math.isnan(game([], [], [])["game"][level]) for level in "0123")


points = st.lists(st.tuples(st.floats(-5, 70), st.floats(-5, 50)), max_size=15)


@given(points, points)
def test_errors_grow_with_the_level_from_the_counting_error(predictions, heads):
    figures = game([predictions], [heads], [(48, 64)])["game"]
    errors = [figures[level] for level in "0123"]
    assert errors == sorted(errors)
    assert errors[0] == crowd_count([len(predictions)], [len(heads)])["all"]["mae"]


@pytest.mark.parametrize("size", [(0, 5), (5, math.inf), (math.nan, 1)])
def test_wrong_sizes(size):
    with pytest.raises(ValueError, match="size is"):
        game([[]], [[]], [size])


def test_density_must_be_a_map():
    with pytest.raises(ValueError, match=r"density map of shape \[3\]"):
        game([[1.0, 2.0, 3.0]], [[]], [(8, 8)], density_stride=8)
