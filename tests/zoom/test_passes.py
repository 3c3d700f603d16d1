from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.zoom import Pass, ZoomSettings, collect_trace, passes, resolve
from raz.zoom.passes import batches_by_size
from raz.zoom.scales import TOO_SMALL
from raz.zoom.trace import MARGIN

from .painting import BumpModel, DotModel, bumps, painted, proposing

sizes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=20)


@given(sizes=sizes, limit=st.integers(1, 60))
def test_batches_hold_equal_crops_once_each_within_the_limit(
    sizes: list[tuple[int, int]], limit: int
) -> None:
    batches = list(batches_by_size(sizes, limit))
    assert sorted(index for batch in batches for index in batch) == list(range(len(sizes)))
    for batch in batches:
        height, width = sizes[batch[0]]
        assert all(sizes[index] == (height, width) for index in batch)
        assert len(batch) == 1 or len(batch) * height * width <= limit


def test_crops_of_a_round_share_bounded_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regions = [((float(i), 0.0, i + 1.0, 1.0), 0.5) for i in range(3)]
    monkeypatch.setattr(passes, "MAX_BATCH_PIXELS", 2 * 16 * 16)
    dots = DotModel()
    with proposing(regions):
        trace = collect_trace(
            dots, painted((64, 64), [(3, 3), (12, 3), (20, 5)]), ZoomSettings(context=0)
        )
    assert dots.seen == [(1, 3, 64, 64), (2, 3, 16, 16), (1, 3, 16, 16)]
    # Whatever the batch, each pass has the points of its own region.
    found = [child.points.tolist() for child in trace.root.children]
    assert found == [[[3.25, 3.25]], [[12.25, 3.25]], [[20.25, 5.25]]]


def test_a_crop_is_the_region_and_its_context_enlarged_exactly_twice() -> None:
    dots = DotModel()
    with proposing([((2.1, 1.0, 4.0, 5.3), 0.5)]):
        trace = collect_trace(dots, painted((64, 99), []), ZoomSettings(context=5))
    [child] = trace.root.children
    assert child.box == pytest.approx((16.8, 8, 32, 42.4), abs=1e-5)
    assert child.crop.box == (11, 3, 37, 48)
    assert dots.seen[1] == (1, 3, 90, 52)


def test_a_deeper_round_enlarges_again_and_samples_the_image() -> None:
    # The second map is the region's part of the crop's: cells of 4 px, from (16, 16) on.
    dots = DotModel()
    with proposing([((2.0, 2.0, 6.0, 6.0), 0.5)], [((2.0, 1.0, 5.0, 4.0), 0.25)]):
        trace = collect_trace(dots, painted((64, 64), [(30, 25)]), ZoomSettings(depth=3, context=8))
    [child] = trace.root.children
    [grandchild] = child.children
    assert grandchild.box == (24, 20, 36, 32)
    assert grandchild.crop.box == (20, 16, 40, 36)
    assert (grandchild.depth, grandchild.crop.scale) == (3, 4)
    assert dots.seen[2] == (1, 3, 80, 80)
    [[x, y]] = grandchild.points.tolist()
    assert (x, y) == pytest.approx((30.5, 25.5), abs=0.5)


def test_deeper_regions_stay_inside_their_parent() -> None:
    trace = collect_trace(
        DotModel(),
        painted((72, 64), [(30, 30)], attention=200),
        ZoomSettings(depth=4, max_regions=2, context=9),
    )
    rounds = [trace.root]
    for depth in (2, 3, 4):
        for parent in rounds:
            for child in parent.children:
                assert child.depth == depth
                assert child.crop.scale == 2 ** (depth - 1)
                assert parent.box[0] <= child.box[0] < child.box[2] <= parent.box[2]
                assert parent.box[1] <= child.box[1] < child.box[3] <= parent.box[3]
        rounds = [child for parent in rounds for child in parent.children]
    assert trace.root.children[0].children


def test_a_map_of_another_size_than_the_image_is_refused() -> None:
    class Halved(DotModel):
        def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            outputs = super().__call__(images)
            return {**outputs, "localization": outputs["localization"][:, ::2, ::2]}

    with pytest.raises(ValueError, match="localization"):
        collect_trace(Halved(), painted((16, 16), []))


@pytest.mark.parametrize("image", [torch.zeros(3, 4, 4), "image.jpg"])
def test_an_image_that_is_not_bytes_is_a_type_error(image: object) -> None:
    with pytest.raises(TypeError, match="uint8"):
        collect_trace(DotModel(), image)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (3, 0, 4), (4, 4, 3)])
def test_an_image_of_the_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        collect_trace(DotModel(), torch.zeros(shape, dtype=torch.uint8))


def test_a_context_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="context"):
        collect_trace(DotModel(), painted((8, 8), []), ZoomSettings(context=-1))


HEADS = [(40.0, 40.0), (100.3, 60.0), (230.0, 30.0), (90.0, 120.0), (200.0, 150.7), (17.0, 170.0)]
SIZE = (192, 256)
ASKING, CLOSER = 100, 20
"""Green from which zooming goes on, and one that gets a closer look only."""


@pytest.fixture
def small_overview(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of 256 x 192 pixels are large: the first look at them has a quarter of their scale."""
    monkeypatch.setattr("raz.zoom.scales.LONG_SIDE", 64)
    monkeypatch.setattr("raz.zoom.scales.SHORT_SIDE", 32)


def rounds_of(root: Pass) -> list[list[Pass]]:
    rounds = [[root]]
    while below := [child for parent in rounds[-1] for child in parent.children]:
        rounds.append(below)
    return rounds


def scales_of(root: Pass) -> list[set[float]]:
    return [{seen.crop.scale for seen in passes} for passes in rounds_of(root)]


@pytest.mark.usefixtures("small_overview")
def test_a_large_image_in_which_nobody_is_crowded_is_seen_once() -> None:
    model = BumpModel()
    trace = collect_trace(model, bumps(SIZE, HEADS))
    assert model.seen == [(1, 3, 48, 64)]
    assert (trace.root.crop.box, trace.root.crop.scale) == ((0, 0, 256, 192), 1 / 4)
    assert len(trace.root.points) == len(HEADS)
    assert float(trace.root.crowded.sum()) == 0


@pytest.mark.usefixtures("small_overview")
@pytest.mark.parametrize(
    ("options", "scales"),
    [
        ({}, [1 / 4, 1 / 2, 1, 2]),
        ({"quality": "best"}, [1 / 4, 1 / 2, 1, 2]),
        ({"quality": "fast"}, [1 / 4, 1 / 2, 1]),
        ({"depth": 1}, [1]),
        ({"depth": 3}, [1, 2, 4]),
    ],
)
def test_attention_that_asks_at_every_scale_gets_the_last(
    options: dict[str, Any], scales: list[float]
) -> None:
    image = bumps(SIZE, HEADS)
    image[1] = ASKING
    trace = collect_trace(BumpModel(), image, ZoomSettings(**options))
    assert scales_of(trace.root) == [{scale} for scale in scales]
    assert trace.depth == len(scales)
    for passes_of_a_round in rounds_of(trace.root):
        # The regions of a round cover what is crowded, here everything, once.
        persons = sum(float(seen.crowded.sum()) for seen in passes_of_a_round)
        assert persons == len(HEADS)
        areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (s.box for s in passes_of_a_round)]
        assert sum(areas) == 256 * 192


@pytest.mark.usefixtures("small_overview")
def test_zooming_goes_on_where_the_parent_could_not_count() -> None:
    image = bumps(SIZE, HEADS)
    image[1, :, :128], image[1, :, 128:] = ASKING, CLOSER
    trace = collect_trace(BumpModel(), image)
    rounds = rounds_of(trace.root)
    assert [seen[0].crop.scale for seen in rounds] == [1 / 4, 1 / 2, 1, 2]
    # The right half has its closer look, and that is all.
    assert max(seen.box[2] for seen in rounds[1]) == 256
    for below in rounds[2:]:
        assert max(seen.box[2] for seen in below) == 128
    for seen in rounds[1]:
        assert bool(seen.children) == (seen.box[0] < 128)
    left = sum(x < 128 for x, _ in HEADS)
    for passes_of_a_round in rounds:
        assert sum(float(seen.crowded.sum()) for seen in passes_of_a_round) == left


@pytest.mark.usefixtures("small_overview")
@pytest.mark.parametrize("size", [(187, 250), (141, 193)])
def test_no_strip_between_regions_is_left_out_at_odd_scales(size: tuple[int, int]) -> None:
    image = bumps(size, [(40.0, 40.0)])
    image[1] = ASKING
    trace = collect_trace(BumpModel(), image)
    assert trace.root.crop.scale not in (1 / 4, 1 / 2)
    *rounds, last = rounds_of(trace.root)
    assert len(rounds) == 3
    for passes_of_a_round in rounds:
        areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (s.box for s in passes_of_a_round)]
        assert sum(areas) == pytest.approx(size[0] * size[1])
    # Cells that the image's edge cuts may be too faint by now, and nothing else.
    edge = 8 / rounds[-1][0].crop.scale
    for each in rounds[-1]:
        x1, y1, x2, y2 = each.box
        areas = [(s.box[2] - s.box[0]) * (s.box[3] - s.box[1]) for s in each.children]
        right, lower = edge * (x2 == size[1]), edge * (y2 == size[0])
        assert sum(areas) >= (x2 - x1 - right) * (y2 - y1 - lower) - 1e-6
    assert last


@pytest.mark.usefixtures("small_overview")
def test_zooming_goes_on_where_a_reduced_parent_was_blind() -> None:
    class Blind(BumpModel):
        """Its attention is faint in the overview, as that of dense crowds far from their size."""

        def __call__(self, images: Tensor) -> dict[str, Tensor]:
            faint = 0.07 if images.shape[2:] == (48, 64) else 1.0
            outputs = super().__call__(images)
            return {**outputs, "attention": faint * torch.ones_like(outputs["attention"])}

    assert Blind().operating_point.region_threshold < 0.07 < TOO_SMALL
    trace = collect_trace(Blind(), bumps(SIZE, HEADS))
    assert scales_of(trace.root) == [{1 / 4}, {1 / 2}, {1}, {2}]


@pytest.mark.usefixtures("small_overview")
def test_with_a_depth_every_round_has_a_closer_look_at_all_that_is_crowded() -> None:
    image = bumps(SIZE, HEADS)
    image[1] = CLOSER
    trace = collect_trace(BumpModel(), image, ZoomSettings(depth=3))
    for passes_of_a_round in rounds_of(trace.root):
        assert max(seen.box[2] for seen in passes_of_a_round) == 256


@pytest.mark.usefixtures("small_overview")
def test_the_fast_quality_takes_no_closer_look() -> None:
    image = bumps(SIZE, HEADS)
    image[1, :, :128], image[1, :, 128:] = ASKING, CLOSER
    trace = collect_trace(BumpModel(), image, ZoomSettings(quality="fast"))
    assert scales_of(trace.root) == [{1 / 4}, {1 / 2}, {1}]
    for below in rounds_of(trace.root)[1:]:
        assert max(seen.box[2] for seen in below) == 128
    # The thresholds that it was asked for still apply, and a higher one of the weights holds.
    point = BumpModel().operating_point
    assert trace.region_floor == point.region_threshold < TOO_SMALL
    assert resolve(trace, point).regions
    strict = BumpModel(OperatingPoint((0.25,), 1e9, 0.5))
    assert collect_trace(strict, image, ZoomSettings(quality="fast")).root.children == []


@pytest.mark.usefixtures("small_overview")
def test_a_pass_keeps_peaks_as_far_around_as_its_parent_can_mistake_them() -> None:
    """A pixel of a reduced parent is several of the image, and so is the margin."""
    near, far = 128 + 2.5 * MARGIN, 128 + 5 * MARGIN
    assert near < 128 + 4 * MARGIN < far < 254
    heads = [(40.0, 40.0), (near, 100.0), (far, 100.0)]
    image = bumps(SIZE, heads)
    image[1, :, :128] = ASKING
    trace = collect_trace(BumpModel(), image, ZoomSettings(context=40))
    rounds = rounds_of(trace.root)
    assert [seen[0].crop.scale for seen in rounds] == [1 / 4, 1 / 2, 1, 2]
    for passes_of_a_round, reach in zip(rounds[1:], (4, 2, 1), strict=True):
        for seen in passes_of_a_round:
            margin = reach * MARGIN
            x1, y1, x2, y2 = seen.box
            # What lies in the window, in reach of the box.
            left, top = max(x1 - margin, seen.crop.x), max(y1 - margin, seen.crop.y)
            right = min(x2 + margin, seen.crop.x + seen.crop.width)
            bottom = min(y2 + margin, seen.crop.y + seen.crop.height)
            expected = sum(left <= x < right and top <= y < bottom for x, y in heads)
            assert len(seen.points) == expected
    # At the edge of what is crowded the first round sees the near one, and not the far one.
    edge = [seen for seen in rounds[1] if seen.box[2] == 128 and seen.box[1] <= 100 < seen.box[3]]
    assert edge
    for seen in edge:
        assert float(seen.points[:, 0].max()) == pytest.approx(near, abs=2)


@pytest.mark.usefixtures("small_overview")
def test_the_context_has_as_many_pixels_of_every_pass() -> None:
    image = bumps((768, 1024), [])  # 1/16 of it would be enough, and nobody is there to probe
    image[1, 384:448, 512:576] = 255
    trace = collect_trace(BumpModel(), image, ZoomSettings(context=8))
    assert trace.root.crop.scale == 1 / 16
    [child] = trace.root.children
    assert child.box == (512, 384, 640, 512)
    assert child.crop.box == (512 - 128, 384 - 128, 640 + 128, 512 + 128)
    [grandchild] = child.children
    assert grandchild.box == (512, 384, 576, 448)
    assert grandchild.crop.box == (512 - 64, 384 - 64, 576 + 64, 448 + 64)
