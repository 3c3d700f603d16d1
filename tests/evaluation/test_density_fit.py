from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from crowded import crowd

from raz.evaluation.density_fit import (
    DECLINES,
    LOG_FACTORS,
    DensityFit,
    _best,
    fit_density,
    persons_by_crowding,
)
from raz.network import OperatingPoint
from raz.zoom import Trace, resolve

POINT = OperatingPoint(region_threshold=0.01, density_threshold=0.05)


def counts(traces: list[Trace], point: OperatingPoint) -> np.ndarray:
    return np.array([resolve(trace, point).count_density for trace in traces])


def test_the_histograms_have_everybody() -> None:
    for seed in range(3):
        trace = crowd(seed).trace
        whole, around, zoomed = persons_by_crowding(trace, POINT).sum(1)
        shallow, deep = (resolve(trace, POINT, depth=depth).count_density for depth in (1, 2))
        assert whole == pytest.approx(shallow, rel=1e-5)
        assert around + zoomed == pytest.approx(deep, rel=1e-5)
        assert 0 < around < whole


def test_a_region_that_is_not_zoomed_into_counts_as_before() -> None:
    trace = crowd(0).trace
    whole, around, zoomed = persons_by_crowding(trace, replace(POINT, region_threshold=1.0))
    assert around.tolist() == whole.tolist()
    assert not zoomed.any()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("factor", "decline"), [(1.2, 0.3), (0.9, 0.0), (1.0, 0.0)])
def test_a_correction_that_was_applied_is_found(depth: int, factor: float, decline: float) -> None:
    traces = [crowd(seed, heads).trace for seed, heads in enumerate((20, 60, 200, 600, 1500, 4000))]
    if depth == 1:
        for trace in traces:
            trace.root.children.clear()
    point = replace(POINT, density_factors=(1.0, factor), density_declines=(0.0, decline))
    if depth == 1:
        point = replace(POINT, density_factors=(factor,), density_declines=(decline,))
    heads = counts(traces, point)
    if depth == 1:
        fit = fit_density(traces, heads, POINT)
        assert (fit.factors[1], fit.declines[1]) == (1.0, 0.0)  # nothing was zoomed into
    else:
        persons = np.stack([persons_by_crowding(trace, POINT) for trace in traces])
        found = _best(persons[:, 2], heads, persons[:, 1].sum(1))
        fit = DensityFit((1.0, found[0]), (0.0, found[1]), [])
    # The ridge keeps the fit a little nearer to no correction.
    found_point = replace(point, density_factors=fit.factors, density_declines=fit.declines)
    assert counts(traces, found_point) == pytest.approx(heads, rel=0.04)
    assert abs(np.log(fit.factors[depth - 1])) <= abs(np.log(factor)) + 0.03


def test_no_correction_without_anybody() -> None:
    trace = crowd(0).trace
    trace.root.density.zero_()
    trace.root.children.clear()
    fit = fit_density([trace], np.array([0.0]), POINT)
    assert (fit.factors, fit.declines) == ((1.0, 1.0), (0.0, 0.0))
    assert fit.without == [((1.0, 1.0), (0.0, 0.0))]


def test_an_image_that_is_left_out_has_no_say() -> None:
    traces = [crowd(seed, 100).trace for seed in range(4)]
    heads = counts(traces, POINT) * [1, 1, 1, 3]
    fit = fit_density(traces, heads, POINT)
    others = fit_density(traces[:3], heads[:3], POINT)
    assert fit.without[3] == (others.factors, others.declines)
    assert fit.without[0][0][1] > others.factors[1]
    points = fit.points(POINT)
    assert points[3].density_factors == others.factors
    assert points[3].density_threshold == POINT.density_threshold


def test_the_grid_holds_no_correction() -> None:
    assert 0.0 in LOG_FACTORS.round(12)
    assert DECLINES[0] == 0
    assert torch.tensor(DECLINES).max() < 1
