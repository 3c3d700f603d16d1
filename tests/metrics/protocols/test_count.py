from __future__ import annotations

import math

import pytest

from raz.metrics import crowd_count, jhu_categories, nwpu_categories


def test_by_hand():
    figures = crowd_count([13, 0, 5], [10, 4, 0])["all"]
    assert figures["mae"] == pytest.approx(12 / 3)
    assert figures["rmse"] == pytest.approx(math.sqrt((9 + 16 + 25) / 3))
    assert figures["nae"] == pytest.approx((0.3 + 1) / 2)  # of the two images with heads
    assert (figures["images"], figures["images_with_heads"]) == (3, 2)


def test_counts_need_not_be_whole():
    assert crowd_count([1.5], [2])["all"]["mae"] == 0.5


def test_undefined():
    assert all(math.isnan(crowd_count([], [])["all"][name]) for name in ("mae", "rmse", "nae"))
    empty = crowd_count([2], [0])["all"]
    assert empty["mae"] == 2
    assert math.isnan(empty["nae"])


def test_jhu_borders():
    true = [0, 50, 51, 500, 501]
    figures = jhu_categories([1, 52, 54, 504, 506], true, weather=[0, 3, 0, 1, 0])
    maes = {row: values["mae"] for row, values in figures.items()}
    assert maes == {"all": 3, "low": 1.5, "medium": 3.5, "high": 5, "weather": 3}
    assert figures["low"]["images"] == 2


def test_jhu_without_weather():
    figures = jhu_categories([1], [3])
    assert figures["all"]["mae"] == figures["low"]["mae"] == 2
    assert math.isnan(figures["weather"]["mae"])
    assert math.isnan(figures["high"]["rmse"])


def test_nwpu_levels_and_luminances():
    figures = nwpu_categories([1, 12, 14, 600], [0, 10, 10, 590], [0, 1, 1, 3], [2, 2, 0, 0])
    maes = {row: values["mae"] for row, values in figures.items() if values["images"]}
    assert maes["level0"] == 1
    assert maes["level1"] == 3
    assert maes["level3"] == 10
    assert maes["levels"] == pytest.approx((1 + 3 + 10) / 3)  # of those with images
    assert maes["luminance0"] == 7
    assert maes["luminance2"] == 1.5
    assert maes["luminances"] == pytest.approx((7 + 1.5) / 2)
    assert math.isnan(figures["level4"]["mae"])
    assert math.isnan(figures["level0"]["nae"])
    assert figures["all"]["mae"] == pytest.approx(17 / 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: crowd_count([1], [1, 2]), r"predicted has shape \[1\]; it must be \[2\]"),
        (lambda: crowd_count([math.nan], [1]), "predicted has a value that is not finite"),
        (lambda: crowd_count([1], [-1]), "true has a negative count"),
        (lambda: jhu_categories([1], [1], [4]), "weather must hold integers from 0 to 3"),
        (lambda: nwpu_categories([1], [1], [5], [0]), "levels must hold integers from 0 to 4"),
        (lambda: nwpu_categories([1], [1], [0], [0.5]), "luminances must hold integers"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
