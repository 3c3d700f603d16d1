from __future__ import annotations

import math

import numpy as np
import pytest

from raz.evaluation import bootstrap, bootstrap_mean, paired_difference


def errors(images: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).exponential(20, images)


def test_a_constant_difference_is_exact() -> None:
    first = errors(30, 0).round()  # differences of whole numbers have no rounding
    assert paired_difference(first + 4, first) == (4, 4, 4)


def test_the_interval_of_a_mean_holds_it_and_nothing_beyond_the_figures() -> None:
    values = errors(30, 1)
    mean, low, high = bootstrap_mean(values)
    assert mean == pytest.approx(values.mean())
    assert values.min() < low < mean < high < values.max()


def test_which_method_comes_first_changes_the_sign_alone() -> None:
    first, second = errors(30, 2), errors(30, 3)
    mean, low, high = paired_difference(first, second)
    assert paired_difference(second, first) == pytest.approx((-mean, -high, -low))


def test_the_same_every_time() -> None:
    assert paired_difference(errors(9, 4), errors(9, 5)) == paired_difference(
        errors(9, 4), errors(9, 5)
    )


def test_what_is_hard_for_both_cancels_out() -> None:
    hard, small = errors(50, 6) * 100, errors(50, 7) / 100
    _, low, high = paired_difference(hard + small, hard)
    assert 0 < low < high < 1
    _, low, high = bootstrap_mean(hard + small)
    assert high - low > 100


def test_the_interval_is_that_of_the_normal_law_where_it_holds() -> None:
    values = np.random.default_rng(8).normal(size=400)
    mean, low, high = bootstrap_mean(values)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.01)


def test_drawn_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = errors(30, 9)
    expected = bootstrap_mean(values)
    monkeypatch.setattr(bootstrap, "BLOCK", 30 * 333)
    assert bootstrap_mean(values) == pytest.approx(expected)


def test_few_images_have_no_interval() -> None:
    assert bootstrap_mean([2.0])[0] == 2
    for values in ([], [2.0]):
        assert all(math.isnan(each) for each in bootstrap_mean(values)[1:])
    assert math.isnan(bootstrap_mean([]).mean)


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(ValueError, match=r"second has shape \[2\]; it must be \[3\]"):
        paired_difference([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match=r"values has shape \[1, 2\]; it must be \[N\]"):
        bootstrap_mean([[1, 2]])
