from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from crowded import crowd
from torch import Tensor

from painted import Painted
from raz.data.sample import Sample
from raz.evaluation import (
    ESTIMATES,
    CountEstimate,
    count_errors,
    estimate_counts,
    relative_error,
)
from raz.evaluation.calibration import _best, calibrate, collect_traces
from raz.network import OperatingPoint
from raz.zoom import Trace


def test_threshold_separates_heads_from_the_rest():
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    heads = [(8, 8), (24, 40), (50, 20)]
    for x, y in heads:
        image[y, x] = 240
    for x, y in [(40, 50), (56, 56), (12, 30), (30, 12)]:
        image[y, x] = 90  # things that are not heads
    sample = Sample(image, np.array(heads, dtype=np.float32) + 0.5, "painted")
    calibration = calibrate(
        collect_traces(Painted(), [sample]) * 20,
        OperatingPoint(peak_thresholds=(0.1, 0.1), region_threshold=0.2),
    )
    assert calibration.operating_point.region_threshold == 0.2
    assert 90 / 255 < calibration.operating_point.peak_threshold(1) <= 240 / 255
    assert tuple(calibration.errors) == tuple(calibration.leave_one_out) == ESTIMATES
    assert calibration.errors["localization"].mae == 0
    # Without any density the average halves the points: no threshold can do better.
    assert calibration.errors["fusion"].mae == pytest.approx(1.5)


@pytest.mark.parametrize("heads", [0, 1, 49])
def test_few_heads_choose_the_density_threshold_alone(heads, caplog):
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[20, 20] = 90  # no head
    sample = Sample(image, np.full((heads, 2), 40.5, np.float32), "painted")
    start = OperatingPoint((0.3, 0.2), 7.0, 0.2, 0.1, (1.1,), (0.2,), (0.4,), (8.0,))
    calibration = calibrate(collect_traces(Painted(), [sample]), start)
    chosen = calibration.operating_point
    assert chosen.density_threshold != start.density_threshold
    assert replace(chosen, density_threshold=start.density_threshold) == start
    assert f"the images hold {heads} heads" in caplog.text
    assert tuple(calibration.errors) == tuple(calibration.leave_one_out) == ESTIMATES


def test_nothing_to_calibrate_on():
    with pytest.raises(ValueError, match="images is empty"):
        calibrate([], OperatingPoint())


def test_the_lowest_of_nearly_equal_thresholds():
    heads = torch.tensor([100.0])
    counts = [torch.tensor([100.0 + error]) for error in (30.0, 20.1, 20.0, 25.0)]
    assert _best(counts, heads) == 2
    assert _best(counts, heads, slack=0.01) == 1


def with_density(trace: Trace, density: Tensor) -> Trace:
    """The trace of an image of 640 x 640 pixels that was not zoomed into."""
    root = replace(trace.root, density=density, children=[])
    return replace(trace, root=root, image_size=(640, 640))


@pytest.mark.parametrize(
    ("faint", "crowded", "expected"),
    [
        (7e-4, 3.0, 2e-3),  # faint cells are the whole error: the highest threshold clears them
        (3 / 6400, 3 / 6400, 2e-4),  # they are the people: a higher one would take some away
    ],
)
def test_the_highest_density_threshold_that_costs_no_count(
    faint: float, crowded: float, expected: float
):
    sample = Sample(np.zeros((64, 64, 3), np.uint8), np.full((3, 2), 20.0, np.float32), "painted")
    [seen] = collect_traces(Painted(), [sample])
    density = torch.full((80, 80), faint)
    density[2, 2] = crowded
    seen = replace(seen, trace=with_density(seen.trace, density))
    point = calibrate([seen], OperatingPoint(region_threshold=0.2)).operating_point
    assert point.density_threshold == expected


def test_images_of_nobody_choose_the_density_threshold_too():
    sample = Sample(np.zeros((64, 64, 3), np.uint8), np.full((3, 2), 20.0, np.float32), "painted")
    [seen] = collect_traces(Painted(), [sample])
    few = with_density(seen.trace, torch.full((80, 80), 3 / 6400))
    few_of_many = replace(seen, trace=few)
    empty = replace(
        seen, points=seen.points[:0], trace=with_density(few, torch.full((80, 80), 1e-3))
    )
    start = OperatingPoint(region_threshold=0.2)
    alone = calibrate([few_of_many], start)
    among = calibrate([few_of_many], start, empty=[empty] * 3)
    assert alone.operating_point.density_threshold == 2e-4
    assert among.operating_point.density_threshold == 2e-3
    assert among.operating_point.peak_thresholds == alone.operating_point.peak_thresholds


def test_fusion_is_no_worse_than_the_density_after_zooming():
    images = [crowd(seed, 30 * seed, twice=True) for seed in range(1, 7)]
    calibration = calibrate(images, OperatingPoint())
    counts = [estimate_counts(each.trace, calibration.operating_point) for each in images]
    estimates = [
        CountEstimate(each.heads, count) for each, count in zip(images, counts, strict=True)
    ]
    assert relative_error(estimates, "fusion") <= relative_error(estimates, "density+")
    assert calibration.errors == count_errors(estimates)
    assert len(calibration.operating_point.residuals) == len(images)
    # What is left out of the fit alone differs.
    for name in ("localization", "localization+"):
        assert calibration.leave_one_out[name] == calibration.errors[name]
    assert calibration.leave_one_out["density+"] != calibration.errors["density+"]
