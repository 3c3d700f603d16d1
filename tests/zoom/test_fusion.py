from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raz.zoom import average_counts, cell_counts, fuse_cells, fuse_counts, without_faint_cells

sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))
seeds = st.integers(0, 2**31)
thetas = st.one_of(st.floats(0, 8), st.just(math.inf))


def example(size: tuple[int, int], seed: int, lowest: float = 0.0) -> tuple[Tensor, Tensor]:
    """Density of an image of size (w, h) and points in it, some on the grid's edges."""
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    shape = (math.ceil(height / 8), math.ceil(width / 8))
    density = torch.rand(shape, generator=generator) * (2 - lowest) + lowest
    extent = torch.tensor([width, height], dtype=torch.float32)
    points = torch.rand(20, 2, generator=generator) * extent
    on_edges = torch.randint(0, 5, (5, 2), generator=generator) * extent / 4
    return density, torch.cat([points, on_edges])


def naive_fusion(density: Tensor, points: Tensor, size: tuple[int, int], theta: float) -> float:
    """Eq. 4 cell by cell, every map cell's share measured as an area."""
    width, height = size
    total = 0.0
    for row in range(4):
        for column in range(4):
            x1, x2 = column * width / 4, (column + 1) * width / 4
            y1, y2 = row * height / 4, (row + 1) * height / 4
            by_density = 0.0
            for i, values in enumerate(density.tolist()):
                for j, value in enumerate(values):
                    left, right = 8 * j, min(8 * j + 8, width)
                    top, bottom = 8 * i, min(8 * i + 8, height)
                    wide = max(0.0, min(right, x2) - max(left, x1))
                    high = max(0.0, min(bottom, y2) - max(top, y1))
                    by_density += value * wide * high / ((right - left) * (bottom - top))
            by_points = sum(
                x1 <= x and (x < x2 or column == 3) and y1 <= y and (y < y2 or row == 3)
                for x, y in points.tolist()
            )
            mean = (by_density + by_points) / 2
            total += by_density if mean >= theta else mean
    return total


@given(size=sizes, seed=seeds, theta=thetas)
def test_fusion_is_equation_4_cell_by_cell(size: tuple[int, int], seed: int, theta: float) -> None:
    density, points = example(size, seed, lowest=-0.1)
    expected = naive_fusion(density, points, size, theta)
    assert fuse_counts(density, points, size, theta) == pytest.approx(expected, abs=1e-9)


@given(size=sizes, seed=seeds)
def test_cells_sum_to_the_map_and_to_the_points(size: tuple[int, int], seed: int) -> None:
    density, points = example(size, seed, lowest=-1.0)
    by_density, by_points = cell_counts(density, points, size)
    assert by_density.shape == by_points.shape == (4, 4)
    assert float(by_density.sum()) == pytest.approx(float(density.double().sum()), abs=1e-9)
    assert int(by_points.sum()) == len(points)


@given(size=sizes, seed=seeds)
def test_extreme_thresholds_give_the_density_and_the_average(
    size: tuple[int, int], seed: int
) -> None:
    density, points = example(size, seed)
    whole = float(density.double().sum())
    assert fuse_counts(density, points, size, 0.0) == pytest.approx(whole, abs=1e-9)
    average = average_counts(density, points)
    assert average == pytest.approx((whole + len(points)) / 2, abs=1e-9)
    assert fuse_counts(density, points, size, math.inf) == pytest.approx(average, abs=1e-9)


@given(seed=seeds, theta=thetas)
def test_many_images_fuse_as_each_alone(seed: int, theta: float) -> None:
    sizes = [(64, 32), (17, 9), (1, 1)]
    images = [example(size, seed + index) for index, size in enumerate(sizes)]
    cells = [cell_counts(*image, size) for image, size in zip(images, sizes, strict=True)]
    together = fuse_cells(*(torch.stack(part) for part in zip(*cells, strict=True)), theta)
    alone = [fuse_counts(*image, size, theta) for image, size in zip(images, sizes, strict=True)]
    assert together.tolist() == pytest.approx(alone, abs=1e-12)


def test_a_crowded_cell_counts_by_density_a_sparse_one_by_the_mean() -> None:
    density = torch.zeros(4, 4)
    density[0, 0], density[3, 3] = 10, 2
    points = torch.tensor([[1.0, 1.0], [31.0, 31.0], [31.5, 31.0], [30.0, 30.0], [29.0, 31.0]])
    # Cells: (10 + 1) / 2 = 5.5, at least 4, so 10; (2 + 4) / 2 = 3, less than 4, so 3.
    assert fuse_counts(density, points, (32, 32), 4.0) == 13
    assert fuse_counts(density, points, (32, 32), 5.5) == 13
    assert fuse_counts(density, points, (32, 32), 5.6) == 8.5


def test_points_outside_the_image_are_in_no_cell() -> None:
    points = torch.tensor([[-0.1, 3.0], [3.0, 8.1], [8.0, 8.0]])
    assert int(cell_counts(torch.zeros(1, 1), points, (8, 8))[1].sum()) == 1


@pytest.mark.parametrize(
    ("density", "points", "name"),
    [
        (torch.zeros(2, 1), torch.zeros(0, 2), "density"),
        (torch.zeros(1, 2), torch.zeros(0, 3), "points"),
        (torch.zeros(1, 2), torch.zeros(2), "points"),
    ],
)
def test_wrong_shapes_are_named(density: Tensor, points: Tensor, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        cell_counts(density, points, (9, 8))


@given(seed=seeds, threshold=st.floats(1e-4, 1.0))
def test_faint_cells_fade_out_and_the_others_stay(seed: int, threshold: float) -> None:
    density, _ = example((64, 64), seed, lowest=-1.0)
    kept = without_faint_cells(density, threshold)
    assert torch.equal(kept[density.abs() > threshold], density[density.abs() > threshold])
    assert bool((kept[density.abs() < threshold / 2] == 0).all())
    assert bool((kept.abs() <= density.abs()).all())


def test_no_cell_is_switched_by_rounding() -> None:
    ramp = torch.linspace(0, 4e-3, 4001, dtype=torch.float64)  # steps of 1e-6
    steps = without_faint_cells(ramp, 1e-3).diff()
    assert float(steps.min()) >= 0
    assert float(steps.max()) < 3.1e-6


def test_without_a_threshold_the_density_is_as_it_was_and_a_nan_stays_one() -> None:
    density = torch.tensor([0.0, -1e-9, 1e-30, math.nan])
    assert without_faint_cells(density, 0.0) is density
    assert math.isnan(float(without_faint_cells(density, 1e-3)[3]))
