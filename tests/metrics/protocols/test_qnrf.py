from __future__ import annotations

import math

import pytest

from raz.metrics import fixed_radius_localization, qnrf_localization


def test_by_hand():
    # One head is found from 1 px on, the other from 51 px on; the third prediction never.
    predictions, heads = [[0, 1], [151, 0], [900, 900]], [[0, 0], [100, 0]]
    figures = qnrf_localization([predictions], [heads])
    assert len(figures) == 101
    assert figures["50px"]["tp"] == 1
    assert figures["51px"]["tp"] == 2
    assert figures["100px"] == {
        "f1": pytest.approx(0.8),
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "tp": 2,
        "fp": 1,
        "fn": 0,
    }
    assert figures["mean"]["recall"] == pytest.approx(0.75)
    assert figures["mean"]["precision"] == pytest.approx(0.5)
    assert figures["mean"]["f1"] == pytest.approx((0.4 + 0.8) / 2)
    # One step, from recall 1/2 at precision 1/3 to recall 1 at precision 2/3.
    assert figures["mean"]["auc"] == pytest.approx(0.25)


def test_agrees_with_single_radii(scenes):
    predictions, heads = ([scene[name] for scene in scenes] for name in ("points", "heads"))
    figures = qnrf_localization(predictions, heads, radii=(1, 4, 8, 20))
    figures.pop("mean")
    assert figures == fixed_radius_localization(predictions, heads, radii=(1, 4, 8, 20))


def test_f1_is_0_where_nothing_is_found_yet():
    figures = qnrf_localization([[[0, 0]]], [[[50, 0]]])
    assert figures["1px"]["f1"] == 0
    assert figures["mean"]["f1"] == pytest.approx(51 / 100)


def test_undefined():
    assert all(math.isnan(value) for value in qnrf_localization([[]], [[]])["mean"].values())
    no_heads = qnrf_localization([[[1, 1]]], [[]])["mean"]
    assert no_heads["precision"] == 0
    assert math.isnan(no_heads["recall"])
    assert math.isnan(no_heads["auc"])
