from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from painted import Painted, painted
from raz.data import Sample
from raz.errors import WeightsError
from raz.evaluation import measure
from raz.intervals import OFFSET
from raz.network import OperatingPoint
from raz.zoom.settings import Quality
from zoom.painting import BumpModel, bumps


def test_a_model_that_sees_every_head_has_no_error_of_points() -> None:
    measured = measure(Painted(), [painted(3), painted(9)], depth=2)
    counts = measured.counts
    assert counts["localization"].mae == counts["localization+"].mae == 0
    assert counts["density"].bias == -6
    assert list(measured.points) == [1, 2]
    for rows in measured.points.values():
        assert rows["4px"]["f1"] == rows["8px"]["f1"] == 1
        assert rows["sigma5"]["mar"] == pytest.approx(1)


def test_each_image_is_reported_once() -> None:
    done: list[int] = []
    measure(Painted(), [painted(3), painted(9)], depth=1, on_image=lambda: done.append(1))
    assert len(done) == 2


def test_heads_that_are_elsewhere_are_missed_by_the_narrow_radius_only() -> None:
    sample = painted(9)
    moved = replace(sample, points=sample.points + np.float32([6, 0]))
    rows = measure(Painted(), [moved], depth=1).points[1]
    assert rows["4px"]["f1"] < rows["8px"]["f1"] == 1


def test_without_images_nothing_is_claimed() -> None:
    measured = measure(Painted(), [], depth=1)
    assert math.isnan(measured.counts["fusion"].mae)
    assert math.isnan(measured.points[1]["4px"]["f1"])


@pytest.mark.parametrize(("quality", "levels"), [("fast", [1]), ("balanced", [1, 2])])
def test_the_quality_decides_the_depth(quality: Quality, levels: list[int]) -> None:
    measured = measure(Painted(), [painted(3)], quality=quality)
    assert list(measured.points) == levels
    assert measured.fusion_minus["density"].mean == measured.counts["fusion"].mae - 3


@pytest.mark.parametrize("images", [0, 8, 9])
def test_each_count_has_its_interval_where_the_weights_reach_the_level(images: int) -> None:
    net = Painted()
    net.operating_point = OperatingPoint(residuals=(0.5,) * images, cell_residuals=(0.5,) * images)
    [estimate] = measure(net, [painted(3)], depth=1).estimates
    count = estimate.counts["fusion"]
    expected = (max(0.0, count - 0.5 * (count + OFFSET)), count + 0.5 * (count + OFFSET))
    told = images == 9  # of nine errors the greatest holds 0.9
    assert estimate.interval == pytest.approx(expected if told else (math.nan,) * 2, nan_ok=True)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_maps_that_are_no_numbers_are_refused_by_the_name_of_the_image(value: float) -> None:
    class Damaged(Painted):
        def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            maps = super().__call__(images)
            return maps | {"density": torch.full_like(maps["density"], value)}

    with pytest.raises(WeightsError, match="image 3: the maps of painted hold NaN or infinity"):
        measure(Damaged(), [painted(3)], depth=1)


def test_a_large_image_is_measured_in_all_its_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second level is what the image gives in the end, whatever scale it was first seen at."""
    monkeypatch.setattr("raz.zoom.scales.LONG_SIDE", 64)
    monkeypatch.setattr("raz.zoom.scales.SHORT_SIDE", 32)
    heads = [(40.0, 40.0), (100.0, 60.0), (230.0, 30.0)]
    image = bumps((192, 256), heads, radius=5)
    image[1] = 100
    sample = Sample(image.permute(1, 2, 0).numpy(), np.array(heads, np.float32), "large")
    measured = measure(BumpModel(), [sample])
    assert list(measured.points) == [1, 2]
    # In the overview heads of 5 pixels are not seen.
    assert measured.points[1]["8px"]["f1"] < 1
    assert measured.points[2]["8px"]["f1"] == 1
    assert measured.counts["localization+"].mae == 0
