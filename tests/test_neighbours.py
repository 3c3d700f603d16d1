from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz import neighbours
from raz.errors import ResourceError
from raz.neighbours import mean_neighbour_distance, pairs_within

clouds = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=20).map(
    lambda rows: np.array(rows, dtype=float).reshape(-1, 2)
)


@given(clouds, clouds, st.integers(0, 2**32 - 1))
def test_pairs_are_all_within_reach(points, heads, seed):
    radii = np.random.default_rng(seed).integers(0, 8, len(heads)).astype(float)
    pairs = pairs_within(points, heads, radii)
    squared = ((points[:, None] - heads) ** 2).sum(2)
    expected = np.argwhere(squared <= radii**2)
    np.testing.assert_array_equal(np.column_stack([pairs.point, pairs.head]), expected)
    np.testing.assert_array_equal(pairs.squared, squared[tuple(expected.T)])


def test_pairs_in_small_chunks(monkeypatch):
    rng = np.random.default_rng(3)
    points, heads = rng.uniform(0, 50, (200, 2)), rng.uniform(0, 50, (150, 2))
    whole = pairs_within(points, heads, 9.0)
    monkeypatch.setattr(neighbours, "_CHUNK", 64)
    parts = pairs_within(points, heads, 9.0)
    np.testing.assert_array_equal(parts.point, whole.point)
    np.testing.assert_array_equal(parts.head, whole.head)


def test_more_pairs_than_memory_holds_are_an_error(monkeypatch):
    monkeypatch.setattr(neighbours, "_CHUNK", 64)
    monkeypatch.setattr(neighbours, "_MOST_PAIRS", 100)
    rows = np.zeros((10, 2))
    assert len(pairs_within(rows, rows, 0.0).point) == 100
    with pytest.raises(ResourceError, match="more than 100 pairs of a prediction and a head"):
        pairs_within(np.zeros((11, 2)), rows, 0.0)


def test_a_negative_radius_reaches_nothing():
    rows = np.zeros((3, 2))
    assert pairs_within(rows, rows, [-1.0, 0.0, -np.inf]).head.tolist() == [1, 1, 1]


def test_rounding_far_from_the_origin_loses_no_pair():
    points = np.array([[1e9 + 0.3, 0.0]])
    assert len(pairs_within(points, np.array([[1e9, 0.0]]), points[0, 0] - 1e9).point) == 1


@given(clouds)
def test_mean_of_three_nearest(heads):
    found = mean_neighbour_distance(heads)
    distance = np.sqrt(((heads[:, None] - heads) ** 2).sum(2))
    for index, row in enumerate(distance):
        others = np.sort(np.delete(row, index))[:3]
        expected = others.mean() if len(others) else np.nan
        assert found[index] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "heads",
    [
        np.ones((200_000, 2)),
        np.stack([np.zeros(50_000), np.arange(50_000) % 997], 1),
        np.stack([np.arange(50_000) % 997, np.zeros(50_000)], 1),
        np.repeat([[0.0, 0.0], [1e6, 1e6]], 30_000, axis=0),
    ],
    ids=["one place", "column", "row", "two places"],
)
def test_heads_that_fall_together_take_no_time_of_their_square(heads):
    np.testing.assert_array_equal(mean_neighbour_distance(heads), np.zeros(len(heads)))
