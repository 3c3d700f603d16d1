from __future__ import annotations

import math

import numpy as np
import pytest

from raz.metrics import nwpu_localization
from raz.metrics.protocols.nwpu import NWPU

HEADS = [[10, 10], [20, 10], [90, 90]]
SIGMAS = [[2, 5], [2, 5], [3, 9]]  # sigma_s, sigma_l
LEVELS = [1, 1, 3]


def test_by_hand():
    # The first lies within sigma_l of both heads, the second of the left one alone.
    figures = nwpu_localization([[[15, 10], [8, 10], [50, 50]]], [HEADS], [SIGMAS], [LEVELS])
    large, small = figures["sigma_l"], figures["sigma_s"]
    assert (large["tp"], large["fp"], large["fn"]) == (2, 1, 1)
    assert large["precision"] == large["recall"] == large["f1"] == pytest.approx(2 / 3)
    assert (small["tp"], small["fp"], small["fn"]) == (1, 2, 2)
    assert large["recall_level_1"] == 1
    assert large["recall_level_3"] == 0
    assert large["recall_levels"] == 0.5  # of the two levels that are present
    assert all(math.isnan(large[f"recall_level_{level}"]) for level in (0, 2, 4, 5))


def test_border_is_inside_and_coordinates_are_floored():
    figures = nwpu_localization([[[15.9, 10.9]]], [[[10.5, 10.2]]], [[[4, 5]]], [[0]])
    assert figures["sigma_l"]["tp"] == 1
    assert figures["sigma_s"]["tp"] == 0


def test_levels_follow_the_benchmarks_order():
    # One prediction, two heads of different levels in reach: the lower index takes it, though
    # the other is nearer.
    figures = nwpu_localization([[[10, 10]]], [[[14, 10], [10, 10]]], [[[1, 5], [1, 5]]], [[2, 4]])
    assert figures["sigma_l"]["recall_level_2"] == 1
    assert figures["sigma_l"]["recall_level_4"] == 0


def test_a_matched_head_stays_matched():
    # The second prediction reaches head 0 alone: the first moves on to head 1.
    predictions = [[12, 10], [6, 10]]
    figures = nwpu_localization([predictions], [[[10, 10], [15, 10]]], [[[1, 4], [1, 4]]], [[0, 1]])
    assert figures["sigma_l"]["tp"] == 2


def test_empty_sides():
    alone = nwpu_localization([[[1, 1]]], [[]], [[]], [[]])["sigma_l"]
    assert (alone["tp"], alone["fp"], alone["fn"]) == (0, 1, 0)
    assert alone["precision"] == alone["f1"] == 0
    assert math.isnan(alone["recall"])
    unseen = nwpu_localization([[]], [HEADS], [SIGMAS], [LEVELS])["sigma_l"]
    assert (unseen["tp"], unseen["fp"], unseen["fn"]) == (0, 0, 3)
    assert math.isnan(unseen["precision"])
    assert unseen["recall"] == unseen["f1"] == 0


@pytest.mark.parametrize("lists", [[[], [], [], []], [[[]], [[]], [[]], [[]]]])
def test_nothing_at_all_is_undefined(lists):
    figures = nwpu_localization(*lists)["sigma_s"]
    names = ["f1", "precision", "recall", "recall_level_0", "recall_levels"]
    assert all(math.isnan(figures[name]) for name in names)


def test_sums_over_images_not_means():
    figures = nwpu_localization(
        [[[10, 10]], [[0, 0]] * 9], [[[10, 10]], [[50, 50]]], [[[1, 2]], [[1, 2]]], [[0], [0]]
    )
    assert figures["sigma_l"]["precision"] == 0.1


def test_states_join_to_the_same(scenes):
    names = ("points", "heads", "sigmas", "levels")
    protocol = NWPU()
    states = [protocol.update(*(scene[name] for name in names)) for scene in scenes]
    halves = [protocol.blank().joined_with(part) for part in (states[:4], states[4:])]
    whole = nwpu_localization(*([scene[name] for scene in scenes] for name in names))
    np.testing.assert_equal(protocol.compute(halves[0] + halves[1]), whole)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([[[1, 2, 3]], [[1, 2]], [[1, 2]], [0]], r"predictions has shape \[1, 3\]"),
        ([[[1, math.nan]], [[1, 2]], [[1, 2]], [0]], "predictions has a coordinate"),
        ([[[1, 2]], [[1, 2]], [], [0]], r"sigmas must be \[1, 2\]"),
        ([[[1, 2]], [[1, 2]], [[-1, 2]], [0]], "not negative"),
        ([[[1, 2]], [[1, 2]], [[1, 2]], [6]], "levels must hold integers from 0 to 5"),
        ([[[1, 2]], [[1, 2]], [[1, 2]], [0, 1]], r"levels has shape \[2\]"),
    ],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        NWPU().update(*arguments)


def test_lists_of_different_lengths():
    with pytest.raises(ValueError, match="predictions 1, heads 2"):
        nwpu_localization([[]], [[], []], [[]], [[]])
