from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raz.density import (
    CROWDED,
    NEIGHBOURHOOD,
    calibrated_density,
    crowding,
    local_density,
    points_that_stay,
    suppression_radius,
    without_faint_cells,
)
from raz.operating_point import OperatingPoint

seeds = st.integers(0, 10_000)
shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def random_density(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@given(shapes, seeds)
def test_the_local_density_is_the_mean_of_the_cells_around(
    shape: tuple[int, int], seed: int
) -> None:
    density = random_density(shape, seed)
    row, column = seed % shape[0], (seed * 7) % shape[1]
    half = NEIGHBOURHOOD // 2
    around = density[max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
    assert float(local_density(density)[row, column]) == pytest.approx(
        float(around.mean()), rel=1e-5
    )


@given(seeds)
def test_maps_of_a_batch_do_not_mix(seed: int) -> None:
    batch = random_density((2, 3, 9, 20), seed)
    point = OperatingPoint(density_factors=(1.2,), density_declines=(0.3,), density_threshold=0.1)
    for index in ((0, 0), (1, 2)):
        torch.testing.assert_close(local_density(batch)[index], local_density(batch[index]))
        torch.testing.assert_close(
            calibrated_density(batch, point, 1)[index], calibrated_density(batch[index], point, 1)
        )


@given(shapes, seeds, st.floats(0.5, 2), st.floats(0, 0.9))
def test_a_uniform_crowd_is_counted_in_the_same_order(
    shape: tuple[int, int], seed: int, factor: float, decline: float
) -> None:
    point = OperatingPoint(density_factors=(factor,), density_declines=(decline,))
    few, more = sorted(random_density((2,), seed).tolist())
    counts = [
        float(calibrated_density(torch.full(shape, value), point, 1).sum()) for value in (few, more)
    ]
    assert counts[0] <= counts[1] * (1 + 1e-5)
    expected = few * factor * (1 + few / CROWDED) ** -decline
    assert counts[0] == pytest.approx(expected * shape[0] * shape[1], rel=1e-4)


def test_without_a_correction_only_faint_cells_go() -> None:
    density = random_density((7, 9), 3)
    point = OperatingPoint(density_threshold=0.2)
    assert torch.equal(calibrated_density(density, point, 1), without_faint_cells(density, 0.2))
    assert calibrated_density(density, OperatingPoint(), 1) is density


@given(shapes, seeds)
def test_the_radius_is_a_share_of_the_spacing(shape: tuple[int, int], seed: int) -> None:
    density = random_density(shape, seed)
    point = OperatingPoint(nms_spacings=(0.4,), nms_radii=(9.0,))
    radius = suppression_radius(density, point, 2, 8)
    spacing = 8 / local_density(density).sqrt()
    torch.testing.assert_close(radius, (0.4 * spacing).clamp(max=9.0))
    assert torch.equal(suppression_radius(torch.zeros(shape), point, 2, 8), torch.full(shape, 9.0))


@given(seeds)
def test_greedy_suppression_within_each_point_s_own_radius(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(40, 2, generator=generator) * 40
    scores = torch.rand(40, generator=generator)
    density = random_density((5, 5), seed) / 4
    point = OperatingPoint(nms_spacings=(0.2, 0.5), nms_radii=(4.0, 8.0))
    radius = suppression_radius(density, point, 2, 8)
    kept: list[int] = []
    for index in scores.argsort(descending=True).tolist():
        column, row = (points[index] / 8).long().tolist()
        distances = [float((points[index] - points[better]).norm()) for better in kept]
        if all(distance > float(radius[row, column]) for distance in distances):
            kept.append(index)
    stays = points_that_stay(points, scores, density, point, 2, 8)
    assert sorted(kept) == stays.nonzero()[:, 0].tolist()


@given(seeds, st.floats(0, 1))
def test_leaving_out_low_scores_changes_nothing_of_the_rest(seed: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(60, 2, generator=generator) * 40
    scores = torch.rand(60, generator=generator)
    density, point = random_density((5, 5), seed) / 4, OperatingPoint(nms_spacings=(0.5,))
    above = scores >= threshold
    later = points_that_stay(points, scores, density, point, 2, 8)[above]
    assert torch.equal(later, points_that_stay(points[above], scores[above], density, point, 2, 8))


def test_images_of_a_batch_suppress_their_own_points() -> None:
    points = torch.tensor([[4.0, 4.0], [5.0, 4.0]]).repeat(2, 1, 1)
    scores = torch.tensor([[0.9, 0.5], [torch.nan, 0.5]])
    density = torch.zeros(2, 1, 1)
    stays = points_that_stay(points, scores, density, OperatingPoint(nms_spacings=(0.5,)), 1, 8)
    assert stays.tolist() == [[True, False], [False, True]]
    every = points_that_stay(points, scores, density, OperatingPoint(), 1, 8)
    assert every.tolist() == [[True, True], [False, True]]


@given(shapes, seeds)
def test_crowding_is_the_mean_over_people(shape: tuple[int, int], seed: int) -> None:
    density = random_density(shape, seed) - 0.2
    people, local = density.clamp(min=0), local_density(density)
    total = float(people.sum())
    expected = float((people * local).sum()) / total / CROWDED if total else 0
    assert crowding(density) == pytest.approx(expected, rel=1e-4)
    assert crowding(density, torch.ones(shape)) == crowding(density)
    assert crowding(density, torch.zeros(shape)) == 0


def test_crowding_leaves_out_what_is_not_looked_at() -> None:
    density = torch.zeros(1, 60)
    density[0, 0], density[0, -1] = 1.0, torch.nan
    assert torch.tensor(crowding(density)).isnan()
    assert crowding(density, (torch.arange(60) < 30).double()[None]) == pytest.approx(8 / 9)


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    times=st.integers(1, 4),
    seed=seeds,
    part=st.booleans(),
)
def test_a_map_of_finer_cells_is_as_crowded(
    shape: tuple[int, int], times: int, seed: int, part: bool
) -> None:
    density = random_density(shape, seed)
    density[density < 0.3] = 0
    shares = random_density(shape, seed + 1).round() if part else None

    def finer(values: Tensor) -> Tensor:
        return values.repeat_interleave(times, 0).repeat_interleave(times, 1)

    found = crowding(
        finer(density) / times**2, None if shares is None else finer(shares), times=times
    )
    assert found == pytest.approx(crowding(density, shares), rel=1e-5)


def test_finer_maps_of_a_batch_have_the_local_density_of_each() -> None:
    batch = random_density((3, 5, 7), seed=0)
    for one, local in zip(batch, local_density(batch, times=2), strict=True):
        torch.testing.assert_close(local, local_density(one, times=2))


def test_the_last_cells_of_a_finer_map_may_be_fewer() -> None:
    # Seen at a half, two cells side by side, of which the second is half outside the image.
    density = torch.tensor([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]])
    assert crowding(density, times=2) == pytest.approx(4 / CROWDED)
    assert crowding(density) == pytest.approx(8 / 6 / CROWDED)


@pytest.mark.parametrize("threshold", [5e-324, 1e-40, 1e-13])
def test_a_threshold_of_almost_nothing_keeps_all(threshold: float) -> None:
    density = torch.tensor([0.0, 1e-6, 0.5])
    assert torch.equal(without_faint_cells(density, threshold), density)
