from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crowded import crowd

from raz.evaluation import TracedImage, point_search
from raz.evaluation.point_search import PEAK_THRESHOLDS, PeaksOfImage, Quality, choose_points
from raz.metrics import fixed_radius_localization
from raz.network import OperatingPoint
from raz.zoom import resolve

POINT = OperatingPoint(nms_spacings=(0.3, 0.5), nms_radii=(6, 8))


def peaks(image: TracedImage, threshold: float = 0.0) -> PeaksOfImage:
    return PeaksOfImage(image.trace, image.points, threshold)


@pytest.mark.parametrize("first", [0.2, 0.5])
def test_curves_are_what_results_give(first: float) -> None:
    # Seams are left out of the search: at seam=0 regions only replace.
    image = crowd(0, 120)
    seen = peaks(image, 0.01)
    [stays] = seen.suppressed(POINT, 1)
    above = stays & (seen.passes[0].scores.numpy() >= np.float32(first))
    shallow, deep = seen.at_depth_1(stays), seen.at_depth_2(above, seen.suppressed(POINT, 2))
    for index, threshold in list(enumerate(PEAK_THRESHOLDS))[::8]:
        for depth, curves in ((1, shallow), (2, deep)):
            thresholds = (first if depth == 2 else threshold, threshold)
            point = replace(POINT, peak_thresholds=thresholds)
            result = resolve(image.trace, point, depth=depth, seam=0)
            rows = fixed_radius_localization([result.points.numpy()], [image.points])
            assert curves.numbers[index] == result.count_points
            assert curves.matches[0, index] == rows["4px"]["tp"]
            assert curves.matches[1, index] == rows["8px"]["tp"]


def test_regions_below_their_threshold_are_not_zoomed_into() -> None:
    image = crowd(1)
    lower = min(image.trace.root.children, key=lambda child: child.score)
    above = peaks(image, lower.score + 1e-3)
    assert len(above.passes) == 2
    assert lower not in above.passes
    assert len(peaks(image, 1.0).passes) == 1


def test_one_image_has_the_f1_of_the_protocol() -> None:
    image = crowd(2)
    seen = peaks(image)
    quality = Quality.of_images([seen.at_depth_1(*seen.suppressed(POINT, 1))])
    result = resolve(image.trace, replace(POINT, peak_thresholds=(0.3,)), depth=1)
    rows = fixed_radius_localization([result.points.numpy()], [image.points])
    index = PEAK_THRESHOLDS.index(0.3)
    assert quality.f1[index] == pytest.approx((rows["4px"]["f1"] + rows["8px"]["f1"]) / 2)
    off = abs(result.count_points - image.heads) / (image.heads + 10)
    assert quality.error[index] == pytest.approx(off)


def test_nobody_found_where_nobody_is_is_right() -> None:
    image = crowd(3, 0)
    seen = peaks(image)
    curves = seen.at_depth_2(*seen.suppressed(POINT, 1), seen.suppressed(POINT, 2))
    assert (Quality.of_images([curves]).f1 == 1).all()


def test_second_points_on_heads_are_suppressed() -> None:
    images = [peaks(crowd(seed, twice=True)) for seed in range(4)]
    point = choose_points(images, OperatingPoint())
    assert min(point.nms_spacings) > 0
    found = [image.suppressed(point, 1)[0].sum() for image in images]
    assert sum(found) < 0.8 * sum(len(image.passes[0].points) for image in images)


def test_of_good_settings_the_one_that_counts_best() -> None:
    f1, error = np.array([0.7, 0.699, 0.69, 0.7]), np.array([0.3, 0.2, 0.1, 0.2])
    assert point_search._best(f1, error) == 1
