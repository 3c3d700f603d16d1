from __future__ import annotations

import math

import pytest

from raz.training.validation import count_error


def test_by_hand():
    error = count_error([3.0, -4.0])
    assert error.mae == pytest.approx(3.5)
    assert error.rmse == pytest.approx(math.sqrt(12.5))
    assert error.bias == pytest.approx(-0.5)


def test_without_pictures_nothing_is_claimed():
    assert math.isnan(count_error([]).mae)
