from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.result import Region, Result
from raz.zoom import (
    Pass,
    Trace,
    ZoomSettings,
    collect_trace,
    count_and_locate,
    merge_points,
    resolve,
    without_faint_cells,
)
from raz.zoom.coordinates import Box, CropGeometry

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


def bits(result: Result) -> tuple[object, ...]:
    """All that two results of the same bits have in common."""
    tensors = (result.points, result.scores, result.density)
    return (*(tensor.numpy().tobytes() for tensor in tensors), result.count, result.regions)


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
    none = count_and_locate(model, image, ZoomSettings(depth=2, max_zoom_pixels=0))
    one, two = (count_and_locate(model, image, ZoomSettings(depth=depth)) for depth in (1, 2))
    assert none.skipped
    assert torch.equal(none.density, one.density)
    assert not torch.equal(two.density, one.density)
    limits = ZoomSettings(depth=2, context=0, max_zoom_pixels=10_000)
    some = count_and_locate(model, image, limits)
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


def walk(regions: tuple[Region, ...]) -> Iterator[Region]:
    for region in regions:
        yield region
        yield from walk(region.children)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[tuple[float, float]], tuple[int, int]]:
    """Heads at least 45 px apart and 8 px from the edges of an image of (h, w) pixels."""
    size = draw(st.tuples(st.integers(100, 300), st.integers(100, 300)))
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(8 * 4, (size[1] - 8) * 4).map(lambda quarters: quarters / 4),
                st.integers(8 * 4, (size[0] - 8) * 4).map(lambda quarters: quarters / 4),
            ),
            max_size=20,
        )
    )
    heads: list[tuple[float, float]] = []
    for head in drawn:
        if all(math.dist(head, other) > 45 for other in heads):
            heads.append(head)
    return heads, size


@settings(max_examples=40, deadline=None)
@given(
    crowd=crowds(),
    corners=st.lists(st.integers(0, 300), min_size=4, max_size=4),
    context=st.sampled_from([16, 32]),
    quality=st.sampled_from(["fast", "balanced"]),
)
def test_each_head_of_a_large_image_is_found_once_at_any_scale(
    crowd: tuple[list[tuple[float, float]], tuple[int, int]],
    corners: list[int],
    context: int,
    quality: Literal["fast", "balanced"],
) -> None:
    heads, (height, width) = crowd
    image = bumps((height, width), heads)
    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    image[1, y1:y2, x1:x2] = 100
    with overviews_of(70, 35):
        result = count_and_locate(
            BumpModel(), image, ZoomSettings(context=context, quality=quality)
        )
    assert result.scale == max(70 / max(width, height), 35 / min(width, height))
    assert 0.2 < result.scale < 0.71
    assert result.image_size == (width, height)
    assert result.count_points == len(heads)
    for x, y in result.points.tolist():
        assert 0 < x < width
        assert 0 < y < height
    # A pass at scale s finds a head within 3 of its pixels.
    for head in heads:
        assert min(math.dist(head, point) for point in result.points.tolist()) <= 3 / result.scale
    assert result.density.shape == (-(-height // 8), -(-width // 8))
    assert float(result.density.double().sum()) == pytest.approx(result.count_density)
    scales = {region.scale for region in walk(result.regions)}
    last = math.sqrt(2) if quality == "fast" else 2 * math.sqrt(2)
    assert scales <= {result.scale * 2**n for n in range(1, 4)}
    assert all(scale <= last for scale in scales)
    for region in walk(result.regions):
        assert region.scale == result.scale * 2 ** (region.depth - 1)
    for region in result.regions:  # what deeper ones found may still go at a seam above them
        assert region.points_after == sum(
            region.box[0] <= x < region.box[2] and region.box[1] <= y < region.box[3]
            for x, y in result.points.double().tolist()
        )


def test_points_at_the_ragged_edges_of_a_reduced_look_lie_in_the_image() -> None:
    # At 1/4 the last pixels are cut to one: their centres lie beyond the image.
    heads = [(128.5, 58.0), (58.0, 96.5), (128.5, 96.5)]
    image = bumps((97, 129), heads, radius=20)
    with overviews_of(32.25, 24):
        result = count_and_locate(BumpModel(), image)
    assert result.scale == 1 / 4
    assert result.points.tolist() == [[128.5, 58.0], [58.0, 96.5], [128.5, 96.5]]


def test_a_large_image_has_the_density_of_the_last_scale_at_its_own_resolution() -> None:
    heads = [(20.0, 24.0), (60.0, 60.0), (140.0, 24.0), (200.0, 110.0)]
    image = bumps((128, 256), heads)
    image[1, :, :128] = 100
    with overviews_of(64, 32):
        result = count_and_locate(BumpModel(), image)
    assert result.scale == 1 / 4
    expected = torch.zeros(16, 32)
    # What is seen at 1/4 alone has its cells of 32 pixels cut into 4 x 4.
    for x, y in heads[2:]:
        row, column = int(y // 32) * 4, int(x // 32) * 4
        expected[row : row + 4, column : column + 4] += 1 / 16
    for x, y in heads[:2]:  # they lie in cells of 4 pixels of those of 8
        expected[int((y - 0.5) // 8), int((x - 0.5) // 8)] += 1
    torch.testing.assert_close(result.density, expected)
    assert result.count_density == pytest.approx(4)
    left = [region for region in walk(result.regions) if region.scale == 0.5]
    assert sum(region.crowded for region in left) == 2
    assert sum(region.count_before for region in left) == pytest.approx(2)
    assert sum(region.count_after for region in left) == pytest.approx(2)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(46, 90), st.integers(1, 90)),
    quality=st.sampled_from(["balanced", "best"]),
)
def test_an_image_of_the_usual_size_is_seen_as_with_depth_2(
    seed: int, size: tuple[int, int], quality: Literal["balanced", "best"]
) -> None:
    model, image = GreyModel(OperatingPoint((0.5, 0.6), 2.0, 0.05)), noise(size, seed)
    image[1] //= 3  # attention on either side of what asks to go on
    with overviews_of(64, 64):
        free = count_and_locate(model, image, ZoomSettings(quality=quality))
    two = count_and_locate(model, image, ZoomSettings(depth=2, quality=quality))
    assert bits(free) == bits(two)
    assert (free.scale, free.warnings) == (two.scale, two.warnings)
    assert free.scale == 1


@pytest.mark.parametrize(("attention", "dense", "passes"), [(8, 96, 1), (80, 8, 2), (80, 32, 3)])
def test_a_small_image_is_enlarged_once_more_only_if_it_is_too_dense(
    attention: int, dense: int, passes: int
) -> None:
    model = GreyModel(OperatingPoint(region_threshold=0.05))
    image = torch.full((3, 96, 48), 20, dtype=torch.uint8)  # as many persons in every row
    image[1] = 8
    image[1, :dense] = attention
    free = count_and_locate(model, image, ZoomSettings(context=0))
    depths = {region.depth for region in free.regions}
    depths |= {below.depth for region in free.regions for below in region.children}
    assert max(depths, default=1) == passes
    with overviews_of(96, 96):  # no small image any more
        usual = count_and_locate(model, image, ZoomSettings(context=0))
    assert not any(region.children for region in usual.regions)
    assert bool(usual.warnings) == (passes == 3)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), size=st.tuples(st.integers(1, 90), st.integers(1, 90)))
def test_the_fast_quality_sees_a_small_image_once(seed: int, size: tuple[int, int]) -> None:
    model, image = GreyModel(OperatingPoint((0.5, 0.6), 2.0, 0.05)), noise(size, seed)
    fast = count_and_locate(model, image, ZoomSettings(quality="fast"))
    assert bits(fast) == bits(count_and_locate(model, image, ZoomSettings(depth=1)))
    assert model.seen == [(1, 3, *size)] * 2


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), depth=st.integers(1, 3))
def test_a_depth_begins_at_the_image_whatever_its_size(seed: int, depth: int) -> None:
    model, image = GreyModel(OperatingPoint((0.5, 0.6), 2.0, 0.4)), noise((70, 90), seed)
    limits = ZoomSettings(depth=depth, max_regions=3)
    expected = count_and_locate(model, image, limits)
    with overviews_of(32, 16):
        assert bits(count_and_locate(model, image, limits)) == bits(expected)
    assert expected.scale == 1


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), used=st.integers(1, 4))
def test_a_trace_of_a_large_image_resolves_down_to_its_overview(seed: int, used: int) -> None:
    image = noise((70, 90), seed)
    image[1] = 100
    point = OperatingPoint((0.5,), 2.0, 0.05)
    with overviews_of(11.25, 5):
        trace = collect_trace(GreyModel(point), image, floor=0.5)
    assert trace.depth == 5
    result = resolve(trace, point, depth=used)
    assert result.scale == 1 / 8
    assert {region.scale for region in walk(result.regions)} == {
        2.0**n for n in range(-2, used - 4 + 1)
    }
    assert result.density.shape == (9, 12)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("quality", ["fast", "balanced"])
def test_at_the_seams_of_a_reduced_look_heads_are_found_once(
    shift: float, quality: Literal["fast", "balanced"]
) -> None:
    """A scale may find a head some pixels of its own beside where the next one does."""
    heads = [(120 + row + shift, 30 + 48 * row + 2 * shift) for row in range(16)]
    image = bumps((800, 256), heads, radius=20)
    image[1, :, :128] = 100
    with overviews_of(200, 64):
        result = count_and_locate(BumpModel(), image, ZoomSettings(quality=quality))
    assert result.scale == 1 / 4
    assert max(region.box[2] for region in result.regions) == 128
    assert result.count_points == len(heads)
    found = result.points.double().tolist()
    assert all(min(math.dist(head, point) for point in found) < 6 for head in heads)


@pytest.mark.parametrize(
    ("scale", "outside", "inside", "points"),
    [
        (1 / 4, 126.0, 134.0, 1),  # each finds the head on its own side: 8 px are 2 of its pixels
        (1 / 4, 132.0, 124.0, 1),  # each on the other's
        (1 / 4, 120.0, 136.0, 2),
        (1, 126.0, 134.0, 2),
        (1, 132.0, 124.0, 0),
    ],
)
def test_a_seam_is_as_wide_as_pixels_of_the_proposing_pass(
    scale: float, outside: float, inside: float, points: int
) -> None:
    def seen(box: Box, depth: int, x: float, *below: Pass) -> Pass:
        crop = CropGeometry(0, 0, 256, 256, scale * depth)
        cells = torch.zeros([-(-side // 8) for side in crop.size])
        point = torch.tensor([[x, 50.0]], dtype=torch.float64)
        return Pass(crop, box, 0.5, depth, point, torch.ones(1), cells, cells, children=list(below))

    root = seen((0, 0, 256, 256), 1, outside, seen((128, 0, 256, 256), 2, inside))
    trace = Trace(
        root=root, image_size=(256, 256), stride=8, depth=2, floor=0.5, region_floor=0.1,
        model="none", path=None, speed={},
    )  # fmt: skip
    assert resolve(trace, OperatingPoint((0.5,), region_threshold=0.1)).count_points == points
