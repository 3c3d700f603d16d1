from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.result import Region, Result
from raz.zoom import ZoomSettings, budget, collect_trace, count_and_locate, passes, resolve

from .painting import (
    BumpModel,
    DotModel,
    GreyModel,
    bumps,
    noise,
    overviews_of,
    painted,
    proposing,
)

images = st.tuples(st.integers(20, 70), st.integers(20, 70), st.integers(0, 1000)).map(
    lambda drawn: noise(drawn[:2], drawn[2])
)
depths = st.integers(1, 3)
POINT = OperatingPoint((0.5, 0.6), 2.0, 0.4)


class Clock:
    """Stands at 0 until it is pushed: the time of a test is no machine's."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class SlowModel(GreyModel):
    """Takes a second for every call."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(POINT)
        self.clock = clock

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        self.clock.now += 1
        return super().__call__(images)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(budget, "time", stopped)
    monkeypatch.setattr(passes, "time", stopped)
    return stopped


def tree(regions: tuple[Region, ...]) -> list[Region]:
    return [node for region in regions for node in (region, *tree(region.children))]


def zoomed_pixels(model: DotModel) -> int:
    return sum(math.prod(shape) // 3 for shape in model.seen[1:])


def identical(first: Result, second: Result) -> bool:
    return (
        torch.equal(first.points, second.points)
        and torch.equal(first.scores, second.scores)
        and torch.equal(first.density, second.density)
        and (first.count, first.regions, first.skipped)
        == (second.count, second.regions, second.skipped)
    )


@settings(max_examples=15)
@given(image=images, depth=depths)
def test_a_budget_that_is_not_used_up_changes_no_bit(image: Tensor, depth: int) -> None:
    free = count_and_locate(GreyModel(POINT), image, ZoomSettings(depth=depth, max_regions=3))
    ample = count_and_locate(
        GreyModel(POINT), image, ZoomSettings(depth=depth, max_regions=3, max_zoom_pixels=10**9)
    )
    assert free.skipped == ()
    assert identical(free, ample)


@settings(max_examples=25)
@given(image=images, depth=depths, pixels=st.integers(0, 40_000))
def test_pixels_are_kept_to_and_every_run_is_the_same(
    image: Tensor, depth: int, pixels: int
) -> None:
    model, again = GreyModel(POINT), GreyModel(POINT)
    limits = ZoomSettings(depth=depth, max_regions=3, max_zoom_pixels=pixels)
    result = count_and_locate(model, image, limits)
    assert zoomed_pixels(model) <= pixels
    assert {region.reason for region in result.skipped} <= {"max_zoom_pixels"}
    assert identical(result, count_and_locate(again, image, limits))


@settings(max_examples=25)
@given(image=images, pixels=st.integers(0, 40_000))
def test_every_proposed_region_is_looked_at_or_named_as_skipped(image: Tensor, pixels: int) -> None:
    free = count_and_locate(GreyModel(POINT), image, ZoomSettings(depth=2, max_regions=5))
    cut = count_and_locate(
        GreyModel(POINT), image, ZoomSettings(depth=2, max_regions=5, max_zoom_pixels=pixels)
    )
    looked = [(region.box, region.score, region.depth) for region in cut.regions]
    skipped = [(region.box, region.score, region.depth) for region in cut.skipped]
    proposed = [(region.box, region.score, region.depth) for region in free.regions]
    assert sorted(looked + skipped) == sorted(proposed)


@given(
    regions=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), max_size=8),
    pixels=st.integers(0, 150),
)
def test_who_is_passed_over_did_not_fit_when_its_turn_came(
    regions: list[tuple[int, int]], pixels: int
) -> None:
    scores, sizes = [score / 4 for score, _ in regions], [size for _, size in regions]
    chosen = budget.RemainingBudget(ZoomSettings(max_zoom_pixels=pixels)).choose(scores, sizes)
    assert chosen == sorted(chosen)
    for index in range(len(regions)):
        before = [i for i in chosen if (-scores[i], i) < (-scores[index], index)]
        left = pixels - sum(sizes[i] for i in before)
        assert (sizes[index] <= left) == (index in chosen)


def test_the_best_regions_of_a_round_come_first_whoever_proposed_them() -> None:
    # Two regions of depth 2; at depth 3 the second one proposes the better region.
    square = (0.0, 0.0, 4.0, 4.0)
    rounds = [
        [((0.0, 0.0, 4.0, 4.0), 0.9), ((4.0, 4.0, 8.0, 8.0), 0.8)],
        [(square, 0.3)],
        [(square, 0.7)],
    ]
    pixels = 2 * 64 * 64 + 64 * 64
    with proposing(*rounds):
        result = count_and_locate(
            DotModel(),
            painted((64, 64), []),
            ZoomSettings(depth=3, max_regions=10, max_zoom_pixels=pixels, context=0),
        )
    [deep] = [region for region in tree(result.regions) if region.depth == 3]
    assert deep.score == pytest.approx(0.7)
    [skipped] = result.skipped
    assert skipped.score == pytest.approx(0.3)
    assert (skipped.box, skipped.depth, skipped.reason) == ((0, 0, 16, 16), 3, "max_zoom_pixels")


def test_no_second_at_all_is_no_zoom() -> None:
    image = noise((64, 80), 3)
    model = GreyModel()
    result = count_and_locate(model, image, ZoomSettings(max_seconds=0))
    flat = count_and_locate(GreyModel(), image, ZoomSettings(depth=1))
    assert len(model.seen) == 1
    assert result.regions == ()
    assert len(result.skipped) > 0
    assert {(region.reason, region.depth) for region in result.skipped} == {("max_seconds", 2)}
    assert torch.equal(result.points, flat.points)
    assert result.count == flat.count


@pytest.mark.parametrize("limit", ["max_zoom_pixels", "max_seconds"])
def test_a_large_image_without_a_budget_has_its_overview_alone(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raz.zoom.scales.LONG_SIDE", 64)
    monkeypatch.setattr("raz.zoom.scales.SHORT_SIDE", 32)
    image = bumps((192, 256), [(40, 40), (200, 150)])
    image[1] = 100
    model = BumpModel()
    limits = ZoomSettings(**{limit: 0})  # type: ignore[arg-type]
    result = count_and_locate(model, image, limits)
    assert model.seen == [(1, 3, 48, 64)]
    assert (result.scale, result.count_points, result.regions) == (1 / 4, 2, ())
    assert result.count_density == pytest.approx(2)
    assert {(region.reason, region.depth) for region in result.skipped} == {(limit, 2)}
    free = count_and_locate(BumpModel(), image)
    assert [each.box for each in result.skipped] == [each.box for each in free.regions]


@settings(max_examples=15, deadline=None)
@given(pixels=st.integers(0, 120_000), seed=st.integers(0, 1000))
def test_pixels_of_a_large_image_are_kept_to(pixels: int, seed: int) -> None:
    model, image = GreyModel(POINT), noise((64, 96), seed)
    image[1] = 128
    with overviews_of(24, 12):
        result = count_and_locate(model, image, ZoomSettings(max_zoom_pixels=pixels))
        trace = collect_trace(GreyModel(POINT), image, ZoomSettings(max_zoom_pixels=pixels))
    assert result.scale == 1 / 4
    assert zoomed_pixels(model) <= pixels
    assert {region.reason for region in result.skipped} <= {"max_zoom_pixels"}
    # What was looked at and what was skipped are the children of those that were looked at.
    front = [trace.root]
    while front:
        seen = front.pop()
        covered = sum(
            (box[2] - box[0]) * (box[3] - box[1])
            for box in (each.box for each in (*seen.children, *seen.skipped))
        )
        whole = (seen.box[2] - seen.box[0]) * (seen.box[3] - seen.box[1])
        assert covered == (whole if seen.crop.scale < 2 else 0)
        front += seen.children


def test_time_is_looked_at_before_each_batch_and_the_best_batch_comes_first(clock: Clock) -> None:
    # Sizes differ, so each region is a batch. The worse one is proposed first, at depth 3.
    rounds = [
        [((0.0, 0.0, 4.0, 4.0), 0.9), ((4.0, 4.0, 8.0, 8.0), 0.8)],
        [((0.0, 0.0, 2.0, 4.0), 0.5)],
        [((0.0, 0.0, 4.0, 4.0), 0.7)],
    ]
    with proposing(*rounds):
        result = count_and_locate(
            SlowModel(clock),
            painted((64, 64), []),
            ZoomSettings(depth=3, max_seconds=1.5, context=0),
        )
    looked = [(region.depth, round(region.score, 2)) for region in tree(result.regions)]
    assert looked == [(2, 0.9), (2, 0.8), (3, 0.7)]
    assert [region.seconds for region in tree(result.regions)] == [0.5, 0.5, 1]
    [skipped] = result.skipped
    assert (round(skipped.score, 2), skipped.reason) == (0.5, "max_seconds")


def test_a_trace_names_the_skipped_regions_of_the_depth_and_threshold_asked_for() -> None:
    rounds = [
        [((0.0, 0.0, 4.0, 4.0), 0.9), ((4.0, 4.0, 8.0, 8.0), 0.5), ((4.0, 0.0, 8.0, 4.0), 0.25)],
        [((0.0, 0.0, 4.0, 4.0), 0.75)],
    ]
    with proposing(*rounds):
        trace = collect_trace(
            DotModel(),
            painted((64, 64), []),
            ZoomSettings(depth=3, max_regions=10, max_zoom_pixels=64 * 64, context=0),
        )

    def skipped(threshold: float, depth: int) -> list[tuple[int, float]]:
        result = resolve(trace, OperatingPoint((0.4,), 4.0, threshold), depth=depth)
        return [(region.depth, region.score) for region in result.skipped]

    assert skipped(0.01, 3) == [(2, 0.5), (2, 0.25), (3, 0.75)]
    assert skipped(0.5, 3) == [(2, 0.5), (3, 0.75)]
    assert skipped(0.01, 2) == [(2, 0.5), (2, 0.25)]
    assert skipped(0.01, 1) == []
