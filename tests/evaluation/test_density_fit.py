from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from crowded import crowd

from raz.evaluation.density_fit import DECLINES, LOG_FACTORS, fit_density, persons_by_crowding
from raz.network import OperatingPoint
from raz.zoom import Trace, resolve

POINT = OperatingPoint(region_threshold=0.01, density_threshold=0.05)


def counts(traces: list[Trace], point: OperatingPoint) -> np.ndarray:
    return np.array([resolve(trace, point).count_density for trace in traces])


def test_the_histogram_has_everybody() -> None:
    for seed in range(3):
        trace = crowd(seed).trace
        assert persons_by_crowding(trace, POINT).sum() == pytest.approx(
            resolve(trace, POINT).count_density, rel=1e-5
        )


def test_a_region_that_is_not_zoomed_into_counts_as_before() -> None:
    trace = crowd(0).trace
    alone = persons_by_crowding(trace, replace(POINT, region_threshold=1.0))
    assert alone.sum() == pytest.approx(resolve(trace, POINT, depth=1).count_density, rel=1e-5)


@pytest.mark.parametrize(("factor", "decline"), [(1.2, 0.3), (0.9, 0.0), (1.0, 0.0)])
def test_a_correction_that_was_applied_is_found(factor: float, decline: float) -> None:
    traces = [crowd(seed, heads).trace for seed, heads in enumerate((20, 60, 200, 600, 1500, 4000))]
    point = replace(POINT, density_factor=factor, density_decline=decline)
    heads = counts(traces, point)
    fit = fit_density(traces, heads, POINT)
    # The ridge keeps the fit a little nearer to no correction.
    found = replace(point, density_factor=fit.factor, density_decline=fit.decline)
    assert counts(traces, found) == pytest.approx(heads, rel=0.04)
    assert abs(np.log(fit.factor)) <= abs(np.log(factor)) + 0.03
    assert len(fit.without) == len(traces)


def test_no_correction_without_anybody() -> None:
    trace = crowd(0).trace
    trace.root.density.zero_()
    trace.root.children.clear()
    fit = fit_density([trace], np.array([0.0]), POINT)
    assert (fit.factor, fit.decline) == (1.0, 0.0)
    assert fit.without == [(1.0, 0.0)]


def test_an_image_that_is_left_out_has_no_say() -> None:
    traces = [crowd(seed, 100).trace for seed in range(4)]
    heads = counts(traces, POINT) * [1, 1, 1, 3]
    fit = fit_density(traces, heads, POINT)
    others = fit_density(traces[:3], heads[:3], POINT)
    assert fit.without[3] == (others.factor, others.decline)
    assert fit.without[0][0] > others.factor
    points = fit.points(POINT)
    assert points[3].density_factor == others.factor
    assert points[3].density_threshold == POINT.density_threshold


def test_the_grid_holds_no_correction() -> None:
    assert 0.0 in LOG_FACTORS.round(12)
    assert DECLINES[0] == 0
    assert torch.tensor(DECLINES).max() < 1
