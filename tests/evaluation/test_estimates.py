from __future__ import annotations

import math

import numpy as np
import pytest

from raz.data.sample import Sample
from raz.evaluation import ESTIMATES, CountEstimate, count_errors, relative_error
from raz.evaluation.estimates import as_tensor


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


def test_a_read_only_image_is_copied_and_another_is_not() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    sample = Sample(pixels, np.zeros((0, 2), np.float32), "a")
    tensor = as_tensor(sample)
    pixels[0, 0, 0] = 7
    assert tensor.shape == (3, 2, 3)
    assert tensor[0, 0, 0] == 7
    pixels.flags.writeable = False
    as_tensor(sample).fill_(9)
    assert pixels[0, 0, 0] == 7
