from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch

from painted import Painted, painted
from raz.data.sample import Sample
from raz.evaluation import (
    ESTIMATES,
    CountError,
    CountEstimate,
    count_errors,
    count_image,
    difference_lines,
    error_table,
    fusion_minus,
    relative_error,
)
from raz.evaluation.estimates import as_tensor


def estimate(heads: int, count: float) -> CountEstimate:
    return CountEstimate(heads, dict.fromkeys(ESTIMATES, count))


def test_errors_by_hand() -> None:
    errors = count_errors([estimate(10, 13.0), estimate(10, 6.0)])
    assert set(errors) == set(ESTIMATES)
    assert errors["fusion"].mae == pytest.approx(3.5)
    assert errors["fusion"].rmse == pytest.approx(math.sqrt(12.5))
    assert errors["fusion"].bias == pytest.approx(-0.5)
    assert errors["fusion"].bias_percent == pytest.approx(-5)
    assert (errors["fusion"].mae_low, errors["fusion"].mae_high) == (3, 4)


def test_fusion_is_compared_image_by_image() -> None:
    wrong = {"density": 8.0, "density+": 3.0, "localization+": 1.0}
    images = [
        CountEstimate(heads, {"fusion": heads - 2.0} | {n: heads + w for n, w in wrong.items()})
        for heads in (0, 10, 100)
    ]
    differences = fusion_minus(images)
    assert differences == {name: (2 - w, 2 - w, 2 - w) for name, w in wrong.items()}


def test_an_estimate_without_zooming_is_the_same_as_with() -> None:
    image = count_image(Painted(), painted(9), depth=1)
    assert list(image.counts) == list(ESTIMATES)
    assert image.counts["density"] == image.counts["density+"]
    assert image.counts["localization"] == image.counts["localization+"]


def test_a_density_that_is_no_number_is_no_count_of_0() -> None:
    class Damaged(Painted):
        def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            maps = super().__call__(images)
            return maps | {"density": torch.full_like(maps["density"], math.nan)}

    counts = count_image(Damaged(), painted(9), depth=1).counts
    assert all(math.isnan(counts[name]) for name in ("density", "density+", "average", "fusion"))
    assert counts["localization"] == 9


def test_tables_have_a_dash_where_nothing_is_known() -> None:
    table = error_table("part A", {"fusion": CountError(1.5, 2.0, -0.5)})
    assert table.splitlines()[1].split() == ["fusion", "1.50", "-", "2.00", "-0.50", "-"]
    nothing = count_errors([])
    oracle = error_table("part A", nothing, nothing).splitlines()
    assert len({len(line) for line in oracle}) == 1
    assert oracle[1].split() == ["density", *"------"]
    assert difference_lines(fusion_minus([])).splitlines()[1].split() == [
        *("fusion", "-", "density+"),
        *"--",
    ]


def test_without_images_nothing_is_claimed() -> None:
    error = count_errors([])["density"]
    assert all(math.isnan(value) for value in astuple(error))


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
