from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raz.network import OperatingPoint
from raz.zoom import ZoomSettings, average_counts, count_and_locate, fuse_counts

from .painting import DotModel, GreyModel, noise, painted, proposing

sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))
seeds = st.integers(0, 10_000)
edges = st.tuples(*[st.integers(0, 8)] * 4).filter(lambda e: e[0] != e[2] and e[1] != e[3])
cells = edges.map(
    lambda e: (min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3]))
).map(lambda box: tuple(map(float, box)))
overlapping = st.lists(cells, max_size=5).map(
    lambda boxes: list(zip(boxes, (0.9, 0.9, 0.5, 0.3, 0.2), strict=False))
)
far_apart = st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=30).map(
    lambda grid: sorted((4 * x + 2, 4 * y + 2) for x, y in grid)
)


def test_heads_2_px_apart_merge_at_depth_1_and_separate_at_depth_2() -> None:
    image = painted((64, 64), [(30, 32), (32, 32)])
    one = count_and_locate(DotModel(), image, ZoomSettings(depth=1))
    assert one.points.tolist() == [[31.5, 32.5]]
    assert one.regions == ()
    with proposing([((3.0, 3.0, 6.0, 6.0), 0.5)]):
        two = count_and_locate(DotModel(), image, ZoomSettings(depth=2))
    assert two.points.tolist() == [[30.25, 32.25], [32.25, 32.25]]
    [region] = two.regions
    assert region.box == (24, 24, 48, 48)
    assert (region.depth, region.scale, region.score) == (2, 2.0, 0.5)
    assert (region.points_before, region.points_after) == (1, 2)


def test_attention_leads_the_zoom_to_the_crowded_place() -> None:
    heads = [(20, 20), (22, 20), (80, 84), (82, 84)]
    image = painted((104, 101), heads)
    image[1, 8:40, 8:40] = 255
    result = count_and_locate(DotModel(OperatingPoint((0.4, 0.4), 4.0, 0.5)), image)
    assert result.points.tolist() == [[20.25, 20.25], [22.25, 20.25], [81.5, 84.5]]


def test_a_region_replaces_inside_and_nothing_outside() -> None:
    with proposing([((0.0, 0.0, 4.0, 4.0), 0.5)]):
        result = count_and_locate(DotModel(), painted((64, 64), [(5, 6), (50, 6)]))
    assert result.points.tolist() == [[5.25, 6.25], [50.5, 6.5]]


def test_heads_in_the_context_of_a_region_are_left_to_the_others() -> None:
    image = painted((64, 64), [(31, 9), (32, 20)])
    with proposing([((0.0, 0.0, 4.0, 4.0), 0.5)]):
        result = count_and_locate(DotModel(), image, ZoomSettings(context=16))
    assert result.points.tolist() == [[31.25, 9.25], [32.5, 20.5]]


@pytest.mark.parametrize(
    ("thresholds", "found"),
    [
        ((0.6, 0.8), [[5.25, 6.25]]),
        ((0.5, 0.8), [[5.25, 6.25], [50.5, 6.5]]),
        ((0.5, 0.9), [[50.5, 6.5]]),
        ((0.5,), [[5.25, 6.25], [50.5, 6.5]]),
    ],
)
def test_every_depth_has_its_own_threshold(
    thresholds: tuple[float, ...], found: list[list[float]]
) -> None:
    # A painted head scores 5/9 in the image and 8/9 in a crop.
    model = DotModel(OperatingPoint(thresholds))
    with proposing([((0.0, 0.0, 4.0, 4.0), 0.5)]):
        result = count_and_locate(model, painted((64, 64), [(5, 6), (50, 6)]))
    assert result.points.tolist() == found


@pytest.mark.parametrize("scores", [(0.75, 0.5), (0.5, 0.75), (0.5, 0.5)])
def test_in_an_overlap_the_higher_score_wins(scores: tuple[float, float]) -> None:
    class BlindInSquares(DotModel):
        """Sees nothing in square crops."""

        def __call__(self, images: Tensor) -> dict[str, Tensor]:
            outputs = super().__call__(images)
            if images.shape[-2:] == (64, 64):
                outputs["localization"] = torch.full_like(outputs["localization"], -20.0)
            return outputs

    square, wide = (0.0, 0.0, 4.0, 4.0), (2.0, 2.0, 6.0, 4.0)
    image = painted((96, 96), [(20, 20), (40, 20), (3, 3), (90, 3)])
    with proposing([(square, scores[0]), (wide, scores[1])]):
        result = count_and_locate(BlindInSquares(), image, ZoomSettings(context=0))
    winner_is_blind = scores[0] >= scores[1]
    found = [[90.5, 3.5], [20.25, 20.25], [40.25, 20.25]]
    assert result.points.tolist() == [p for p in found if p[0] != 20.25 or not winner_is_blind]
    first, second = result.regions
    assert first.box == ((0, 0, 32, 32) if winner_is_blind else (16, 16, 48, 32))
    assert (first.score, second.score) == (max(scores), min(scores))
    after = {region.box[2]: region.points_after for region in result.regions}
    assert after == ({32: 0, 48: 1} if winner_is_blind else {32: 1, 48: 2})


def test_depth_3_replaces_within_depth_2() -> None:
    heads = [(30, 30), (31, 30), (44, 44)]
    image = painted((64, 64), heads)
    parent, child = ((2.0, 2.0, 6.0, 6.0), 0.5), ((2.0, 2.0, 5.0, 5.0), 0.25)
    with proposing([parent]):
        two = count_and_locate(DotModel(), image, ZoomSettings(depth=2))
    with proposing([parent], [child]):
        three = count_and_locate(DotModel(), image, ZoomSettings(depth=3))
    [region] = three.regions
    [inner] = region.children
    assert (inner.box, inner.depth, inner.scale) == ((24, 24, 36, 36), 3, 4.0)
    assert inner.points_after == three.count_points - 1
    assert three.points.tolist()[-1] == two.points.tolist()[-1] == [44.25, 44.25]


@settings(max_examples=40)
@given(heads=far_apart, regions=overlapping, context=st.sampled_from([0, 3, 32]))
def test_every_head_is_found_once_whatever_the_regions(
    heads: list[tuple[int, int]],
    regions: list[tuple[tuple[float, float, float, float], float]],
    context: int,
) -> None:
    with proposing(regions):
        result = count_and_locate(
            DotModel(), painted((64, 64), heads), ZoomSettings(context=context)
        )
    assert sorted((int(x), int(y)) for x, y in result.points.tolist()) == heads
    boxes = [[8 * edge for edge in box] for box, _ in regions]
    for x, y in result.points.tolist():
        zoomed = any(x1 <= x < x2 and y1 <= y < y2 for x1, y1, x2, y2 in boxes)
        assert (x % 1, y % 1) == ((0.25, 0.25) if zoomed else (0.5, 0.5))


@settings(max_examples=15)
@given(size=sizes, seed=seeds, depth=st.integers(1, 3))
def test_a_result_is_consistent_with_itself(size: tuple[int, int], seed: int, depth: int) -> None:
    model = GreyModel(OperatingPoint((0.5, 0.6), 2.0, 0.4))
    result = count_and_locate(
        model, noise(size, seed), ZoomSettings(depth=depth, max_regions=3), path="a.png"
    )
    height, width = size
    points = result.points
    assert points.dtype == result.scores.dtype == result.density.dtype == torch.float32
    assert result.image_size == (width, height)
    assert result.count_points == len(points) == len(result.scores)
    assert bool((points > 0).all())
    assert bool((points < torch.tensor([width, height])).all())
    assert bool((result.scores >= 0.5).all())
    rows_first = sorted(points.tolist(), key=lambda point: (point[1], point[0]))
    assert points.tolist() == rows_first
    assert result.density.shape == (-(-height // 8), -(-width // 8))
    assert result.count_density == pytest.approx(float(result.density.double().sum()))
    assert result.count == fuse_counts(result.density, points, result.image_size, 2.0)
    assert (result.path, result.model) == ("a.png", "GreyModel")
    assert result.speed["total"] >= result.speed["main"] > 0
    assert set(result.speed) == {"main", "zoom", "merge", "total"}
    for region in result.regions:
        x1, y1, x2, y2 = region.box
        inside = [x1 <= x < x2 and y1 <= y < y2 for x, y in points.tolist()]
        assert region.points_after == sum(inside)


@settings(max_examples=15)
@given(size=sizes, seed=seeds)
def test_without_a_region_depth_2_is_depth_1(size: tuple[int, int], seed: int) -> None:
    image = noise(size, seed)
    image[1] = 0
    model = GreyModel()
    one, two = (count_and_locate(model, image, ZoomSettings(depth=depth)) for depth in (1, 2))
    assert len(model.seen) == 2
    assert two.regions == ()
    assert torch.equal(one.points, two.points)
    assert torch.equal(one.scores, two.scores)
    assert torch.equal(one.density, two.density)
    assert one.count == two.count


def test_runs_repeat_bit_for_bit_and_the_seed_moves_the_regions() -> None:
    image = noise((64, 80), 3)
    first, again, other = (
        count_and_locate(GreyModel(), image, ZoomSettings(regions="anchors", seed=seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first.points, again.points)
    assert first.regions == again.regions
    assert first.regions != other.regions


def test_no_more_regions_than_allowed() -> None:
    image = noise((64, 80), 3)
    assert len(count_and_locate(GreyModel(), image, ZoomSettings(max_regions=2)).regions) == 2
    assert count_and_locate(GreyModel(), image, ZoomSettings(max_regions=0)).regions == ()


def test_heads_below_the_least_score_are_dropped_and_the_count_keeps_them() -> None:
    image = painted((64, 64), [(5, 6), (50, 6), (30, 40)])
    image[0, 40, 30] = 140  # a fainter head
    image[2] = 100
    model = GreyModel(OperatingPoint((0.01, 0.01)))
    every = count_and_locate(model, image)
    high = float(every.scores.max())
    kept = count_and_locate(model, image, ZoomSettings(min_score=high))
    above = every.scores >= high
    assert torch.equal(kept.points, every.points[above])
    assert torch.equal(kept.scores, every.scores[above])
    assert (kept.count_points, every.count_points) == (2, 3)
    assert torch.equal(kept.density, every.density)
    assert (kept.count, kept.count_density) == (every.count, every.count_density)
    assert count_and_locate(model, image, ZoomSettings(min_score=1)).count_points == 0


def test_an_empty_scene_has_no_points_and_no_count() -> None:
    result = count_and_locate(DotModel(), painted((40, 24), [], attention=255))
    assert result.regions != ()
    assert result.points.shape == (0, 2)
    assert result.scores.shape == (0,)
    assert (result.count, result.count_density, result.count_points) == (0, 0, 0)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_image_of_one_pixel(depth: int) -> None:
    image = painted((1, 1), [(0, 0)], attention=255)
    result = count_and_locate(DotModel(), image, ZoomSettings(depth=depth))
    assert result.image_size == (1, 1)
    assert result.density.shape == (1, 1)
    assert result.count_points == 1
    assert result.points.tolist() in ([[0.5, 0.5]], [[0.25, 0.25]], [[0.125, 0.125]])
    assert result.count == average_counts(result.density, result.points) == 0.5


def test_results_may_be_changed_and_differentiated_afterwards() -> None:
    result = count_and_locate(DotModel(), painted((16, 16), [(5, 5)]))
    for values in (result.points, result.scores, result.density):
        assert not values.is_inference()


def test_a_module_runs_in_its_own_type() -> None:
    class HalfModel(nn.Module):
        stride = 8
        receptive_field = bytes_per_pixel = 0
        architecture = "half"
        operating_point = OperatingPoint()

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            red = images[:, 0] * self.weight
            density = torch.ones(len(images), 1, 1, dtype=images.dtype) * self.weight
            return {"localization": 40 * red - 20, "density": density, "attention": density}

    result = count_and_locate(HalfModel(), painted((8, 8), [(3, 3)]), ZoomSettings(depth=1))
    assert result.model == "half"
    assert result.count_density == 1
    assert result.density.dtype == torch.float32
