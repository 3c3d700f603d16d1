from __future__ import annotations

import math

import pytest

from raz.evaluation import ESTIMATES, CountEstimate, count_errors, relative_error


def estimate(heads: int, count: float) -> CountEstimate:
    return CountEstimate(heads, dict.fromkeys(ESTIMATES, count))


def test_errors_by_hand() -> None:
    errors = count_errors([estimate(10, 13.0), estimate(10, 6.0)])
    assert set(errors) == set(ESTIMATES)
    assert errors["fusion"].mae == pytest.approx(3.5)
    assert errors["fusion"].rmse == pytest.approx(math.sqrt(12.5))
    assert errors["fusion"].bias == pytest.approx(-0.5)


def test_without_images_nothing_is_claimed() -> None:
    error = count_errors([])["density"]
    assert all(math.isnan(value) for value in (error.mae, error.rmse, error.bias))


def test_relative_error_by_hand() -> None:
    assert relative_error([estimate(10, 14.0), estimate(90, 80.0)], "average") == pytest.approx(
        0.15
    )
