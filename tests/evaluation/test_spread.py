from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from raz.density import CROWDED, crowding
from raz.evaluation import CountedAreas, Coverage, counted, coverage, fit_spread
from raz.evaluation.spread import GROWTHS, MOST_RESIDUALS
from raz.intervals import CELL_SHARE, Spread
from raz.result import Result

seeds = st.integers(0, 2**31)


def crowds(rng: np.random.Generator, number: int, growth: float = 0.4) -> tuple:
    """Images and their cells, whose errors grow with the crowding and agree within an image."""
    dense = rng.gamma(1.5, 1.0, (number, 1)) + rng.gamma(0.5, 0.5, (number, 16))
    counts = dense * rng.gamma(2.0, 10.0, (number, 16))
    shared, own = rng.laplace(0, 0.08, (number, 1)), rng.laplace(0, 0.2, (number, 16))
    heads = counts + (counts + 10 / 16) * (1 + dense) ** growth * (shared + own)
    heads = heads.clip(min=0)
    whole = (counts * dense).sum(1) / counts.sum(1)
    return (
        CountedAreas(counts.sum(1), heads.sum(1), whole),
        CountedAreas(counts, heads, dense),
    )


def test_coverage_on_exchangeable_images_is_what_conformal_prediction_promises() -> None:
    rng = np.random.default_rng(0)
    calibrations, held_out, number = 150, 25, 39
    levels = (0.5, 0.8, 0.9)
    hits, cell_hits = dict.fromkeys(levels, 0), dict.fromkeys(levels, 0)
    for _ in range(calibrations):
        images, cells = crowds(rng, number + held_out)
        spread = fit_spread(first(images, number), first(cells, number))
        errors = rest(cells, number).errors(spread.growth, CELL_SHARE)
        for level in levels:
            hits[level] += coverage(spread, rest(images, number), level).hits
            residual = spread.cell_residuals[round((number + 1) * level) - 1]
            cell_hits[level] += int((errors <= residual).sum())
    for level in levels:
        # Given a calibration the coverage is Beta-distributed, and the hits are binomial.
        beta_variance = level * (1 - level) / (number + 2)
        deviation = math.sqrt((beta_variance + level * (1 - level) / held_out) / calibrations)
        # The growth is fitted on the same images, which costs less than a hundredth.
        expected = pytest.approx(level, abs=3.5 * deviation + 0.01)
        assert hits[level] / (calibrations * held_out) == expected
        assert cell_hits[level] / (calibrations * held_out * 16) == expected


def first(areas: CountedAreas, number: int) -> CountedAreas:
    return CountedAreas(areas.counts[:number], areas.heads[:number], areas.crowding[:number])


def rest(areas: CountedAreas, number: int) -> CountedAreas:
    return CountedAreas(areas.counts[number:], areas.heads[number:], areas.crowding[number:])


@settings(max_examples=25)
@given(seed=seeds, number=st.integers(1, 150))
def test_residuals_are_ascending_and_cover_the_images_they_come_from(
    seed: int, number: int
) -> None:
    images, cells = crowds(np.random.default_rng(seed), number)
    spread = fit_spread(images, cells)
    kept = min(number, MOST_RESIDUALS)
    assert len(spread.residuals) == len(spread.cell_residuals) == kept
    assert spread.growth in GROWTHS
    for rank in range(1, kept + 1):
        level = rank / (kept + 1)
        covered = coverage(spread, images, level)
        assert covered.hits >= level * (number + 1) - 1e-6
        inside = cells.errors(spread.growth, CELL_SHARE) <= spread.cell_residuals[rank - 1]
        assert inside.sum() >= 16 * level * (number + 1) - 1e-6


def test_growth_is_found_where_there_are_enough_images() -> None:
    rng = np.random.default_rng(1)
    for growth in (-0.3, 0.0, 0.7):
        crowded = rng.gamma(1.0, 3.0, 20_000)
        counts = rng.gamma(2.0, 50.0, crowded.shape)
        off = rng.laplace(0, 0.1, crowded.shape) * (counts + 10) * (1 + crowded) ** growth
        images = CountedAreas(counts, counts + off, crowded)
        cells = CountedAreas(counts[:, None], counts[:, None], crowded[:, None])
        assert fit_spread(images, cells).growth == pytest.approx(growth, abs=0.051)


@pytest.mark.parametrize("off", [0.0, 5.0])
def test_crowds_of_one_kind_have_no_growth(off: float) -> None:
    counts, dense = np.full(5, 90.0), np.full(5, 2.0)
    images = CountedAreas(counts, counts + off, dense)
    cells = CountedAreas(counts[:, None], counts[:, None], dense[:, None])
    spread = fit_spread(images, cells)
    assert spread.growth == 0
    assert spread.residuals == pytest.approx((off / 100,) * 5)
    assert spread.cell_residuals == (0,) * 5


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_of_a_coverage_is_clopper_and_pearsons(hits: int, number: int) -> None:
    hits = min(hits, number)
    counts = np.zeros(number)
    heads = np.where(np.arange(number) < hits, 0.0, 1000.0)
    covered = coverage(Spread((0.1,), (0.1,)), CountedAreas(counts, heads, counts), 0.5)
    assert (covered.hits, covered.number) == (hits, number)
    expected = binomtest(hits, number).proportion_ci(method="exact")
    assert (covered.low, covered.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    if 0 < hits < number:
        assert covered.low == pytest.approx(beta.ppf(0.025, hits, number - hits + 1))


def test_a_coverage_holds_between_its_ends() -> None:
    assert Coverage(level=0.9, hits=0, number=0, low=0.0, high=1.0).holds
    assert not Coverage(level=0.9, hits=10, number=20, low=0.27, high=0.73).holds


@given(
    seed=seeds,
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    times=st.sampled_from([1, 2, 4]),
    stride=st.sampled_from([4, 8, 16]),
)
def test_cells_of_results_are_those_that_areas_of_a_result_use(
    seed: int, size: tuple[int, int], times: int, stride: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    width, height = size
    shape = (math.ceil(height / stride), math.ceil(width / stride))
    density = torch.rand(shape, generator=generator) * 2 * CROWDED - 0.02
    heads = torch.rand(12, 2, generator=generator) * torch.tensor([width, height])
    total = float(density.double().sum())
    result = Result(
        points=torch.zeros(0, 2),
        scores=torch.zeros(0),
        density=density,
        count=max(0.0, total),
        count_density=total,
        count_points=0,
        image_size=size,
        scale=1 / times,
        stride=stride,
    )
    images, cells = counted([result], [heads])
    assert images.counts.tolist() == pytest.approx([result.count])
    assert images.heads.tolist() == [12] == [cells.heads.sum()]
    assert images.crowding.tolist() == pytest.approx([crowding(density, times=times)])
    for row in range(4):
        for column in range(4):
            x1, x2 = column * width / 4, (column + 1) * width / 4
            y1, y2 = row * height / 4, (row + 1) * height / 4
            area = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
            persons, index = result.density_in(area), 4 * row + column
            assert cells.counts[0, index] == pytest.approx(max(0, persons), abs=1e-6)
            shares = torch.from_numpy(result._shares(area))
            dense = crowding(density, shares, times=times)
            assert cells.crowding[0, index] == pytest.approx(dense, rel=1e-4, abs=1e-6)


def test_an_image_that_was_seen_reduced_is_tested_by_the_interval_that_it_has() -> None:
    spread = Spread((0.1,) * 9, (0.1,) * 9, growth=0.5)
    result = Result(
        points=torch.zeros(0, 2),
        scores=torch.zeros(0),
        density=torch.full((8, 8), 0.5),
        count=32.0,
        count_density=32.0,
        count_points=0,
        image_size=(64, 64),
        scale=0.25,
        spread=spread,
    )
    low, high = result.interval()
    for heads, hits in ((math.ceil(low), 1), (math.floor(high), 1), (math.ceil(high), 0)):
        images, _ = counted([result], [torch.zeros(heads, 2)])
        assert coverage(spread, images, 0.9).hits == hits


def test_no_results_give_no_areas_and_no_fit() -> None:
    images, cells = counted([], [])
    assert images.counts.shape == (0,)
    assert cells.counts.shape == (0, 16)
    with pytest.raises(ValueError, match=r"images has shape \[0\]; it must be \[n\], n above 0"):
        fit_spread(images, cells)


def test_shapes_that_do_not_fit_are_named() -> None:
    images, cells = crowds(np.random.default_rng(0), 3)
    with pytest.raises(ValueError, match=r"cells has shape \[2, 16\]; it must be \[3, c\]"):
        fit_spread(images, first(cells, 2))
    with pytest.raises(ValueError, match=r"heads has shape \[2\]; it must be \[3\]"):
        CountedAreas(np.zeros(3), np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="crowding holds a number that is not finite"):
        CountedAreas(np.zeros(1), np.zeros(1), np.array([math.nan]))
