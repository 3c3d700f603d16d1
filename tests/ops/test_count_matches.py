from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz import _C, _native, ops, reference

from . import matching


@given(problem=matching.point_sets(), radii=st.lists(matching.radii, max_size=8).map(sorted))
def test_every_radius_is_that_of_an_independent_matcher(problem, radii):
    pred, truth = problem
    expected = [matching.largest(pred, truth, np.full(len(truth), radius)) for radius in radii]
    counts = ops.count_matches(pred, truth, radii)
    assert counts.dtype == np.int64
    assert counts.tolist() == expected
    assert reference.count_matches(pred, truth, np.array(radii)).tolist() == expected


@given(seed=st.integers(0, 2**32))
def test_every_radius_is_that_of_match_points(seed):
    generator = np.random.default_rng(seed)
    pred, truth = matching.random_points(generator, 300)
    top = generator.choice([5, 50, 1000])
    radii = np.sort(generator.random(generator.integers(1, 30))) * top
    radii = np.floor(radii) if generator.random() < 0.5 else radii
    expected = [len(ops.match_points(pred, truth, radius)[0]) for radius in radii]
    assert ops.count_matches(pred, truth, radii).tolist() == expected


def test_ten_thousand_points():
    generator = np.random.default_rng(5)
    truth = np.floor(generator.random((10_000, 2)) * 2000)
    pred = np.floor(truth[:9_000] + generator.normal(0, 8, (9_000, 2)))
    pred[:1_500] = np.floor(generator.random((1_500, 2)) * 2000)
    radii = np.arange(1, 101)
    counts = ops.count_matches(pred, truth, radii)
    for radius in (1, 2, 5, 8, 13, 40, 100):
        assert counts[radius - 1] == len(ops.match_points(pred, truth, radius)[0])
    assert (np.diff(counts) >= 0).all()
    assert counts[0] < counts[-1] == 9_000


def test_small_cases():
    assert ops.count_matches([[0, 0]], [[3, 4]], [0, 4, 5, 5, 6]).tolist() == [0, 0, 1, 1, 1]
    # The second pair needs the first to change partners.
    pred, truth = [[10, 0], [6, 0]], [[9, 0], [14, 0]]
    assert ops.count_matches(pred, truth, [0, 1, 3, 4]).tolist() == [0, 1, 1, 2]
    assert ops.count_matches(pred, truth, []).tolist() == []
    assert ops.count_matches([], truth, [1, 2]).tolist() == [0, 0]
    assert ops.count_matches(pred, [], [1, 2]).tolist() == [0, 0]
    assert ops.count_matches(pred, truth, [math.inf, math.inf]).tolist() == [2, 2]


def test_without_the_native_module(monkeypatch):
    pred, truth = np.random.default_rng(0).random((2, 60, 2)) * 50
    expected = ops.count_matches(pred, truth, range(10))
    monkeypatch.setattr(_native, "load", lambda: None)
    assert np.array_equal(ops.count_matches(pred, truth, range(10)), expected)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_errors_name_argument_index_and_value(engine, monkeypatch):
    if engine == "reference":
        monkeypatch.setattr(_native, "load", lambda: None)
    points = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"radii\[2\] is 1\.0, less than radii\[1\], 3\.0"):
        ops.count_matches(points, points, [2, 3, 1])
    with pytest.raises(ValueError, match=r"radii\[0\] is -1\.0; it must be at least 0"):
        ops.count_matches(points, points, [-1, 3])
    with pytest.raises(ValueError, match=r"radii\[1\] is nan"):
        ops.count_matches(points, points, [1, math.nan])
    with pytest.raises(ValueError, match=r"radii has shape \[\]; it must be \[T\]"):
        ops.count_matches(points, points, 3)
    with pytest.raises(ValueError, match=r"truth\[1\] is \(nan, 0\.0\)"):
        ops.count_matches(points, [[0, 0], [math.nan, 0]], [1])


def test_native_backstop():
    points = np.zeros((2, 2))
    for arguments in (
        (points, points, np.array([2.0, 1.0])),
        (points, points, np.array([-1.0])),
        (points, points, np.zeros((1, 1))),
        (points * math.nan, points, np.ones(1)),
    ):
        with pytest.raises(ValueError, match="raz: "):
            _C.count_matches(*arguments)
