"""The attention target equals its definition, written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from raz.data.targets import attention_map, congestion


def point_arrays(most: int = 30, reach: int = 60) -> st.SearchStrategy[np.ndarray]:
    # Quarters of a pixel are exact in float32, and make ties and duplicates frequent.
    return hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, most), st.just(2)),
        elements=st.integers(-20, 4 * reach).map(lambda quarter: quarter / 4),
    )


def slow_congestion(points: np.ndarray, neighbours: int) -> list[float]:
    result = []
    for i, p in enumerate(points.tolist()):
        others = sorted(math.dist(p, q) for j, q in enumerate(points.tolist()) if j != i)
        enough = len(others) >= neighbours
        result.append(sum(others[:neighbours]) / neighbours if enough else math.inf)
    return result


def slow_attention(
    points: np.ndarray, size: tuple[int, int], stride: int, limit: float, sigma: float
) -> np.ndarray:
    height, width = size
    full = np.zeros(size)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    reach = math.ceil(4 * sigma)
    for (x, y), crowd in zip(points.tolist(), slow_congestion(points, 3), strict=True):
        if crowd < limit and 0 <= x <= width and 0 <= y <= height:
            near = (abs(columns - math.floor(x)) <= reach) & (abs(rows - math.floor(y)) <= reach)
            squared = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2
            full = np.maximum(full, near * np.exp(-squared / (2 * sigma**2)))
    cells = np.zeros((math.ceil(height / stride), math.ceil(width / stride)))
    for i, j in np.ndindex(*cells.shape):
        cells[i, j] = full[i * stride : (i + 1) * stride, j * stride : (j + 1) * stride].mean()
    return cells


@given(point_arrays(), st.integers(1, 4))
def test_congestion_is_the_mean_distance_to_the_nearest(points: np.ndarray, k: int) -> None:
    np.testing.assert_allclose(congestion(points, k), slow_congestion(points, k), rtol=1e-12)


def test_congestion_in_chunks_equals_congestion_at_once() -> None:
    points = np.random.default_rng(3).uniform(0, 500, (1200, 2)).astype(np.float32)
    distances = np.linalg.norm(points[:, None].astype(float) - points, axis=2)
    expected = np.sort(distances, axis=1)[:, 1:4].mean(axis=1)
    np.testing.assert_allclose(congestion(points), expected, rtol=1e-6)


@given(
    point_arrays(),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.sampled_from([1, 3, 8]),
    st.sampled_from([6.0, 12.0, math.inf]),
    st.sampled_from([1.0, 2.5, 4.0]),
)
def test_attention_map_is_its_definition(
    points: np.ndarray, size: tuple[int, int], stride: int, limit: float, sigma: float
) -> None:
    found = attention_map(points, size, stride=stride, limit=limit, sigma=sigma)
    assert found.dtype == torch.float32
    expected = slow_attention(points, size, stride, limit, sigma)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-7)


def test_the_peak_is_one_at_a_pixel_centre() -> None:
    points = np.float32([[20.5, 10.5], [20.5, 10.5], [20.5, 10.5], [20.5, 10.5]])
    full = attention_map(points, (32, 48), stride=1)
    assert full.max() == 1
    assert divmod(int(full.argmax()), 48) == (10, 20)


def test_fewer_than_four_heads_draw_nothing() -> None:
    points = np.float32([[20, 20], [21, 20], [22, 20], [23, 20]])
    assert attention_map(points, (64, 64)).max() > 0
    assert attention_map(points[:3], (64, 64)).max() == 0
    assert attention_map(points[:0], (64, 64)).shape == (8, 8)


def test_sparse_heads_draw_nothing() -> None:
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4)), axis=-1).reshape(-1, 2)
    assert attention_map(grid * 12.5 + 8, (64, 64)).max() == 0
    assert attention_map(grid * 8.0 + 8, (64, 64)).max() > 0


def test_heads_outside_are_neighbours_but_draw_nothing() -> None:
    inside, outside = [[4.0, 30.0]], [[-1.0, 30.0], [-2.0, 30.0], [-3.0, 30.0]]
    alone = attention_map(np.array(outside), (64, 64), limit=math.inf)
    both = attention_map(np.array(inside + outside), (64, 64), stride=1)
    assert alone.max() == 0
    assert divmod(int(both.argmax()), 64)[0] in (29, 30)
    assert float(both[29, 3:5].min()) > 0.9


def test_a_dense_picture_larger_than_one_chunk() -> None:
    points = np.random.default_rng(0).uniform(0, 96, (700, 2))
    order = np.random.default_rng(1).permutation(700)
    first = attention_map(points, (96, 96), stride=1)
    assert torch.equal(first, attention_map(points[order], (96, 96), stride=1))
    centres = np.stack(np.meshgrid(np.arange(96), np.arange(96)), axis=-1)[:, :, None] + 0.5
    nearest = np.square(centres - points[congestion(points) < 12]).sum(axis=-1).min(axis=-1)
    np.testing.assert_allclose(first.numpy(), np.exp(-nearest / 32), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 0}, "stride 0"),
        ({"sigma": 0.0}, "sigma is 0"),
        ({"neighbours": 0}, "neighbours is 0"),
        ({"points": np.zeros((4, 3))}, r"points has shape \(4, 3\)"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention_map(**{"points": np.zeros((4, 2)), "size": (8, 8), **arguments})  # type: ignore[arg-type]


def test_a_tensor_of_points_is_accepted() -> None:
    points = torch.rand(20, 2) * 40
    assert torch.equal(attention_map(points, (40, 40)), attention_map(points.numpy(), (40, 40)))
