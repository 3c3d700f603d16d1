from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.zoom import (
    ZoomSettings,
    collect_trace,
    count_and_locate,
    merge_points,
    resolve,
    without_faint_cells,
)
from raz.zoom.coordinates import Box

from .painting import DotModel, GreyModel, noise, painted, proposing

coordinates = st.integers(0, 12).map(float)
places = st.lists(st.tuples(coordinates, coordinates), max_size=12)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda e: (min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3]))
)


def located(points: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    return torch.tensor(points, dtype=torch.float64).reshape(-1, 2), torch.rand(len(points))


def contains(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]


@given(base=places, regions=st.lists(st.tuples(boxes, places), max_size=4))
def test_merging_is_replacement_with_precedence(
    base: list[tuple[float, float]], regions: list[tuple[Box, list[tuple[float, float]]]]
) -> None:
    regions = [(box, [p for p in points if contains(box, p)]) for box, points in regions]
    expected = [p for p in base if not any(contains(box, p) for box, _ in regions)]
    for index, (_, points) in enumerate(regions):
        higher = [box for box, _ in regions[:index]]
        expected += [p for p in points if not any(contains(box, p) for box in higher)]
    points, scores = merge_points(
        located(base),
        [box for box, _ in regions],
        [located(points) for _, points in regions],
        seam=0,
    )
    assert [tuple(point) for point in points.tolist()] == expected
    assert scores.shape == (len(expected),)


def same(first: object, second: object) -> bool:
    """Whether two results agree in everything but the time they took.

    Scores may differ in their last bit: torch computes the last elements of a batch by other
    instructions than the rest, and the batches of regions differ.
    """
    a, b = vars(first), vars(second)
    return torch.allclose(a["scores"], b["scores"], rtol=0, atol=1e-6) and all(
        torch.equal(a[name], b[name]) if isinstance(a[name], Tensor) else a[name] == b[name]
        for name in a
        if name not in ("speed", "scores")
    )


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    peaks=st.tuples(st.floats(0.2, 0.9), st.floats(0.2, 0.9)),
    region=st.floats(0.3, 0.6),
    nms=st.floats(0, 0.9),
    depth=st.integers(1, 3),
)
def test_thresholds_applied_later_give_what_asking_for_them_gives(
    seed: int,
    size: tuple[int, int],
    peaks: tuple[float, float],
    region: float,
    nms: float,
    depth: int,
) -> None:
    point = OperatingPoint(peaks, 1.0, region, nms_spacings=(nms, 0.5), density_declines=(nms,))
    image = noise(size, seed)
    zooming = ZoomSettings(depth=depth, regions="anchors", max_regions=3)
    model = GreyModel(point)
    trace = collect_trace(model, image, zooming, floor=0.1, region_floor=0.3)
    assert same(resolve(trace, point), count_and_locate(model, image, zooming))


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), used=st.integers(1, 3))
def test_a_deep_trace_resolves_at_every_smaller_depth(seed: int, used: int) -> None:
    model, image = GreyModel(), noise((40, 33), seed)
    deep = resolve(
        collect_trace(model, image, ZoomSettings(depth=3, max_regions=2), floor=0.4),
        model.operating_point,
        depth=used,
    )
    assert same(deep, count_and_locate(model, image, ZoomSettings(depth=used, max_regions=2)))


def test_faint_cells_count_nobody() -> None:
    model = GreyModel()
    trace = collect_trace(model, noise((40, 33), seed=3), floor=0.4)
    point = replace(model.operating_point, density_threshold=33.0)
    trace.root.children.clear()
    whole, faded = resolve(trace, model.operating_point), resolve(trace, point)
    assert torch.equal(whole.density, trace.root.density)
    assert torch.equal(faded.density, without_faint_cells(trace.root.density, 33.0))
    assert 0 < faded.count_density < whole.count_density - 10
    assert faded.count_density == pytest.approx(float(faded.density.double().sum()))
    assert faded.count < whole.count - 5
    assert torch.equal(faded.points, whole.points)


def test_thresholds_below_what_was_collected_are_refused() -> None:
    trace = collect_trace(DotModel(), painted((32, 32), []), floor=0.3, region_floor=0.2)
    with pytest.raises(ValueError, match=r"peak threshold 0\.2 at depth 2"):
        resolve(trace, OperatingPoint((0.3, 0.2), 4.0, 0.2))
    with pytest.raises(ValueError, match="region threshold"):
        resolve(trace, OperatingPoint((0.3, 0.3), 4.0, 0.1))
    with pytest.raises(ValueError, match="depth is 3"):
        resolve(trace, OperatingPoint((0.3, 0.3), 4.0, 0.2), depth=3)


def test_the_count_is_clamped_but_the_density_is_not() -> None:
    trace = collect_trace(DotModel(), painted((16, 16), []))
    trace.root.density = torch.full((2, 2), -0.5)
    result = resolve(trace, DotModel().operating_point)
    assert result.count == 0
    assert result.count_density == -2


def test_a_density_that_is_not_a_number_shows_in_the_count() -> None:
    trace = collect_trace(DotModel(), painted((16, 16), []))
    trace.root.density = torch.full((2, 2), math.nan)
    result = resolve(trace, DotModel().operating_point)
    assert math.isnan(result.count)


def test_the_spread_of_the_weights_goes_with_the_result() -> None:
    trace = collect_trace(DotModel(), painted((16, 16), []))
    assert resolve(trace, DotModel().operating_point).spread.residuals == ()
    point = replace(DotModel().operating_point, residuals=(0.5,), cell_residuals=(0.25,))
    result = resolve(trace, point)
    assert result.spread == point.spread
    assert result.interval(0.5) == (0.0, result.count + 0.5 * (result.count + 10))


@settings(max_examples=15)
@given(
    size=st.tuples(st.integers(10, 90), st.integers(10, 90)),
    seed=st.integers(0, 1000),
    scheme=st.sampled_from(["cover", "anchors"]),
)
def test_regions_tell_their_persons_before_and_after(
    size: tuple[int, int], seed: int, scheme: Literal["cover", "anchors"]
) -> None:
    model = GreyModel(OperatingPoint((0.5,), 2.0, 0.52, density_factors=(0.9, 1.2)))
    image = noise(size, seed)
    trace = collect_trace(model, image, ZoomSettings(regions=scheme))
    before, after = (resolve(trace, model.operating_point, depth=depth) for depth in (1, 2))
    for region in after.regions:
        x1, y1, x2, y2 = region.box
        area = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        assert region.count_before == pytest.approx(before.density_in(area), rel=1e-4, abs=1e-4)
        assert region.count_after == pytest.approx(after.density_in(area), rel=1e-4, abs=1e-4)


def test_a_region_that_a_limit_skips_keeps_the_density_of_its_parent() -> None:
    model, image = GreyModel(), noise((64, 80), 3)
    none = count_and_locate(model, image, ZoomSettings(max_zoom_pixels=0))
    one, two = (count_and_locate(model, image, ZoomSettings(depth=depth)) for depth in (1, 2))
    assert none.skipped
    assert torch.equal(none.density, one.density)
    assert not torch.equal(two.density, one.density)
    some = count_and_locate(model, image, ZoomSettings(context=0, max_zoom_pixels=10_000))
    assert some.skipped
    assert some.regions
    for skipped in some.skipped:
        left, top = (math.ceil(edge / 8) for edge in skipped.box[:2])
        right, bottom = (math.floor(edge / 8) for edge in skipped.box[2:])
        untouched = one.density[top:bottom, left:right]
        assert torch.equal(some.density[top:bottom, left:right], untouched)


def test_each_depth_has_a_correction_and_a_suppression_of_its_own() -> None:
    image = painted((64, 64), [(20, 20), (24, 20)])  # 8 px apart where they are enlarged
    image[2] = 100
    with proposing([((0.0, 0.0, 8.0, 8.0), 0.5)]):
        trace = collect_trace(DotModel(), image, ZoomSettings(context=0))
    plain = OperatingPoint((0.4,), 4.0, 0.01)
    own = replace(plain, density_factors=(1.0, 2.0), nms_spacings=(0.0, 9.0), nms_radii=(0, 16))
    for depth, factor, points in ((1, 1, 2), (2, 2, 1)):
        before, after = (resolve(trace, point, depth=depth) for point in (plain, own))
        assert before.count_points == 2
        assert after.count_points == points
        assert after.count_density == pytest.approx(factor * before.count_density)
