from __future__ import annotations

import math

import pytest

from raz.metrics import fixed_radius_localization


def test_maximum_matching_not_nearest():
    # The nearest pair (prediction 0, head 0) would leave the other two without each other.
    figures = fixed_radius_localization([[[0, 0], [4, 0]]], [[[1, 0], [-4, 0]]])
    assert figures["4px"]["tp"] == 2
    assert figures["4px"]["f1"] == 1


def test_borders_and_floors():
    # 4.9 and 0.1 floor to 4 and 0: exactly 4 px apart.
    figures = fixed_radius_localization([[[4.9, 0]]], [[[0.1, 0]]])
    assert figures["4px"]["tp"] == 1
    figures = fixed_radius_localization([[[5, 0]]], [[[0.9, 0]]])
    assert (figures["4px"]["tp"], figures["8px"]["tp"]) == (0, 1)


def test_coinciding_points_match_once_each():
    figures = fixed_radius_localization([[[1, 1]] * 3], [[[1, 1]] * 2])["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (2, 1, 0)
    assert figures["f1"] == pytest.approx(4 / 5)


def test_other_radii_name_their_rows():
    figures = fixed_radius_localization([[[0, 0]]], [[[0, 2]]], radii=(0, 2.5))
    assert {row: values["tp"] for row, values in figures.items()} == {"0px": 0, "2.5px": 1}


def test_undefined():
    nothing = fixed_radius_localization([[]], [[]])["8px"]
    assert all(math.isnan(nothing[name]) for name in ("f1", "precision", "recall"))
    assert nothing["tp"] == nothing["fp"] == nothing["fn"] == 0
    heads_only = fixed_radius_localization([[]], [[[1, 1]]])["8px"]
    assert math.isnan(heads_only["precision"])
    assert heads_only["recall"] == heads_only["f1"] == 0
