from __future__ import annotations

import math

import pytest

from raz.metrics import mean_localization_error


def mle(predictions, heads):
    return mean_localization_error(predictions, heads)["all"]["mle"]


def test_by_hand():
    # Distances 3 and 5; one prediction is left over: (3 + 5 + 16) / 2.
    assert mle([[[3, 0], [50, 45], [90, 90]]], [[[0, 0], [50, 50]]]) == pytest.approx(12)


def test_nearest_pairs_first():
    # 1 px is taken first, and the other two are 31 px apart.
    assert mle([[[10, 0], [-11, 0]]], [[[9, 0], [20, 0]]]) == pytest.approx((1 + 16) / 2)


def test_16_px_is_too_far():
    assert mle([[[16, 0]]], [[[0, 0]]]) == 16
    assert mle([[[15, 0]]], [[[0, 0]]]) == 15


def test_the_larger_remainder_counts():
    assert mle([[[0, 0], [500, 0], [600, 0]]], [[[0, 0], [900, 0]]]) == pytest.approx(16)
    assert mle([[[0, 0]]], [[[0, 0], [900, 0], [950, 0]]]) == pytest.approx(32 / 3)


def test_mean_over_images_with_heads():
    figures = mean_localization_error([[[2, 0]], [[1, 1]], []], [[[0, 0]], [], [[0, 0]]])["all"]
    assert figures == {"mle": pytest.approx((2 + 16) / 2), "images_with_heads": 2}


def test_ties_go_to_the_lower_prediction_and_head():
    # All 5 px: prediction 0 takes head 0, prediction 1 head 1; any other choice would leave two.
    assert mle([[[5, 0], [15, 0]]], [[[0, 0], [10, 0]]]) == pytest.approx(5)


def test_undefined_without_heads():
    assert math.isnan(mle([[[1, 1]]], [[]]))
    assert math.isnan(mle([], []))
