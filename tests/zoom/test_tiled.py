"""Tiles against the whole: the same points, the same density."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import raz
from raz.io.decoding import to_image
from raz.models import get_model
from raz.network import OperatingPoint
from raz.zoom import Network, Pass, Trace, ZoomSettings, collect_trace, count_and_locate, resolve
from raz.zoom.tiles import FAST_HALO

from .painting import (
    BumpModel,
    DotModel,
    Regions,
    bumps,
    noise,
    overviews_of,
    painted,
    proposing,
)

WHOLE = 32 * 10_000
FLOOR = 0.05
NARROW = {
    "counting_widths": (8,) * 6,
    "localization_width": 8,
    "localization_widths": (8, 8, 8),
    "deconvolution_width": 4,
    "proposal_widths": (4, 4),
}


class SeesNear(DotModel):
    """Bright red pixels are heads, for sure: nothing is rounded, in tiles or in the whole.

    They are so few that none lie together wider than tiles overlap: such a plateau may have two
    points.
    """

    receptive_field = 1

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        outputs = super().__call__(images)
        logits = torch.full_like(images[:, 0], -torch.inf)
        return {**outputs, "localization": logits.masked_fill_(images[:, 0] > 0.9, torch.inf)}


class Source:
    """An image of which windows are read, and no more than that."""

    def __init__(self, image: Tensor) -> None:
        self._image = image
        self.image_size = (image.shape[2], image.shape[1])
        self.read_pixels: list[int] = []

    def read(self, window: tuple[int, int, int, int]) -> Tensor:
        x1, y1, x2, y2 = window
        assert 0 <= x1 < x2 <= self.image_size[0]
        assert 0 <= y1 < y2 <= self.image_size[1]
        self.read_pixels.append((x2 - x1) * (y2 - y1))
        return self._image[:, y1:y2, x1:x2].clone()


sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@settings(max_examples=30)
@given(
    size=sizes,
    seed=st.integers(0, 9999),
    depth=st.integers(1, 3),
    quality=st.sampled_from(["balanced", "best"]),
)
def test_any_image_gives_the_same_in_tiles_at_any_depth(size, seed, depth, quality):
    model = SeesNear(OperatingPoint((0.3, 0.5), 2.0, 0.4))
    limits = {"depth": depth, "quality": quality, "max_regions": 3}
    image = noise(size, seed)
    whole = count_and_locate(model, image, ZoomSettings(**limits, tile=WHOLE))
    for source in (image, Source(image)):
        tiled = count_and_locate(model, source, ZoomSettings(**limits, tile=128))
        assert torch.equal(tiled.points, whole.points)
        assert torch.equal(tiled.scores, whole.scores)
        assert torch.equal(tiled.density, whole.density)
        assert tiled.count == whole.count
        assert [r.box for r in tiled.regions] == [r.box for r in whole.regions]
    assert all(shape[2] <= 128 and shape[3] <= 128 for shape in model.seen[-1:])


@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(st.integers(200, 500), st.integers(200, 500)),
    heads=st.lists(st.tuples(st.integers(0, 499), st.integers(0, 499)), max_size=25),
    edge=st.integers(0, 500),
    quality=st.sampled_from(["fast", "balanced"]),
    seed=st.integers(0, 9999),
)
def test_a_reduced_first_look_gives_the_same_in_tiles(size, heads, edge, quality, seed):
    image = bumps(size, heads, radius=12)
    image[0] = torch.maximum(image[0], noise(size, seed)[0] // 3)
    image[1, :, :edge] = 100
    limits = {"quality": quality, "context": 16}
    model = BumpModel()
    with overviews_of(140, 100):
        whole = count_and_locate(model, image, ZoomSettings(**limits, tile=WHOLE))
        model.seen.clear()
        for source in (image, Source(image)):
            tiled = count_and_locate(model, source, ZoomSettings(**limits, tile=128))
            assert tiled.scale == whole.scale
            assert torch.equal(tiled.points, whole.points)
            assert torch.equal(tiled.density, whole.density)
            assert tiled.count == whole.count
            assert tiled.warnings == whole.warnings
            assert [r.box for r in tiled.regions] == [r.box for r in whole.regions]
    assert all(shape[2] <= 128 and shape[3] <= 128 for shape in model.seen)
    assert len(model.seen) > 2


def test_no_more_is_read_of_a_large_image_than_a_strip(monkeypatch):
    monkeypatch.setattr("raz.zoom.scales.LONG_SIDE", 175)
    monkeypatch.setattr("raz.zoom.scales.SHORT_SIDE", 100)
    monkeypatch.setattr("raz.zoom.views.STRIP_PIXELS", 4096)
    source = Source(bumps((500, 700), [(100, 100), (400, 300)], radius=30))
    result = count_and_locate(BumpModel(), source, ZoomSettings(tile=128))
    assert (result.scale, result.count_points) == (1 / 4, 2)
    # A strip of two rows of a tile's pixels, each 4 x 4 of the image, and one pixel around it.
    assert max(source.read_pixels) <= (4 + 4 * 128 + 4) * (4 + 2 * 4 + 4) < 2.1 * 4096
    assert len(source.read_pixels) > 500 * 700 / 4096


def test_no_pass_and_no_window_is_larger_than_a_tile():
    model = SeesNear(OperatingPoint((0.5,), 2.0, 0.1))
    source = Source(noise((500, 700), 3))
    with proposing([((10.0, 10.0, 60.0, 50.0), 0.9), ((0.0, 0.0, 5.0, 5.0), 0.8)]):
        result = count_and_locate(model, source, ZoomSettings(tile=160))
    assert len(result.regions) == 2
    assert max(batch * h * w for batch, _, h, w in model.seen) <= 160**2
    assert max(source.read_pixels) <= 160**2


def test_small_crops_share_batches_no_larger_than_a_tile():
    model = SeesNear()
    regions = [((4.0 * i, 0.0, 4.0 * i + 4, 4.0), 0.5) for i in range(6)]
    with proposing(regions):
        collect_trace(model, painted((100, 200), []), ZoomSettings(tile=128, context=0))
    assert [shape for shape in model.seen if shape[2:] == (64, 64)] == [
        (4, 3, 64, 64),
        (2, 3, 64, 64),
    ]


def test_a_network_that_does_not_say_how_far_it_sees_is_not_cut():
    model = DotModel()
    collect_trace(model, painted((200, 300), []), ZoomSettings(tile=128))
    assert model.seen == [(1, 3, 200, 300)]


def test_time_that_is_up_between_tiles_ends_the_region(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    class Slow(SeesNear):
        def __call__(self, images):
            clock[0] += 1
            return super().__call__(images)

    model = Slow()
    with proposing([((0.0, 0.0, 30.0, 30.0), 0.9), ((30.0, 30.0, 34.0, 34.0), 0.8)]):
        result = count_and_locate(
            model, painted((300, 300), []), ZoomSettings(max_seconds=3, tile=128)
        )
    assert result.regions == ()
    assert [region.reason for region in result.skipped] == ["max_seconds"] * 2


def test_what_cannot_be_is_refused_before_anything_is_looked_at():
    model = SeesNear()
    for options in ({"tile": 100}, {"tile": 64}, {"overlap": "none"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            collect_trace(model, painted((8, 8), []), ZoomSettings(**options))
    assert model.seen == []


def assert_same(model: Network, image: Tensor, regions: Regions = (), **options: Any) -> Trace:
    """Hold tiles against the whole by the rule of DESIGN.md, for the first pass and its regions."""
    depth = 2 if regions else 1
    with proposing(regions):
        whole = collect_trace(model, image, ZoomSettings(depth=depth, tile=WHOLE), floor=FLOOR)
    with proposing(regions):
        tiled = collect_trace(
            model, Source(image), ZoomSettings(depth=depth, **options), floor=FLOOR
        )
    passes = [(whole.root, tiled.root), *zip(whole.root.children, tiled.root.children, strict=True)]
    for one, other in passes:
        assert one.box == other.box
        assert float((other.density - one.density).abs().max()) <= 1e-4
        doubtful = doubtful_places(model, image, one)
        points, others = as_set(one.points), as_set(other.points)
        assert len(points & doubtful) <= 0.1 * len(points)  # else the rule would say little
        assert points ^ others <= doubtful
    return tiled


def as_set(points: Tensor) -> set[tuple[float, ...]]:
    return {tuple(point) for point in points.tolist()}


def doubtful_places(model: Network, image: Tensor, one: Pass) -> set[tuple[float, ...]]:
    """Pixels of a pass's view whose score lies within 1e-4 of the threshold or of a tie."""
    crop = one.crop
    box = torch.tensor([crop.box], dtype=torch.float64)
    pixels = raz.ops.crop_and_resize(image[None], box, torch.zeros(1, dtype=torch.int64), crop.size)
    with torch.inference_mode():
        heat = torch.sigmoid(model(pixels)["localization"])
    smooth = F.avg_pool2d(heat[:, None], 3, 1, 1, count_include_pad=False)
    around = F.unfold(F.pad(smooth, (1, 1, 1, 1), value=-1.0), 3)[0]
    centre = around[4]
    others = torch.cat((around[:4], around[5:])).amax(0)
    doubtful = ((centre - others).abs() <= 1e-4) | ((centre - FLOOR).abs() <= 1e-4)
    rows, columns = doubtful.reshape(crop.size).nonzero(as_tuple=True)
    return as_set(crop.points_to_image(torch.stack((columns, rows), 1) + 0.5))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(150, 901), (737, 710)])
def test_raznet_lite_on_noise_of_odd_sizes(size):
    model = get_model("raznet_lite")
    small = noise((size[0] // 8 + 1, size[1] // 8 + 1), 5)
    image = F.interpolate(small[None].float(), scale_factor=8, mode="bilinear")[0].byte()
    assert_same(model, image[:, : size[0], : size[1]], tile=704)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(97, 451), (533, 130)])
def test_raznet_vgg16_on_noise_of_odd_sizes(size):
    torch.manual_seed(0)
    model = get_model("raznet_vgg16", weights=None, **NARROW)
    for part in (model.localization, model.counting, model.proposal):
        torch.nn.init.normal_(part.output.weight, std=0.3)
        torch.nn.init.zeros_(part.output.bias)
    trace = assert_same(model, noise(size, 5), tile=384)
    assert len(trace.root.points) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("part", "number"), [("A", 10), ("B", 20)])
def test_raznet_lite_on_photographs_and_their_regions(raz_data, part, number):
    folder = raz_data / f"shanghaitech/part_{part}/train_data/images"
    image = to_image(folder / f"IMG_{number}.jpg")[:, -401:, :-5]
    height, width = image.shape[1:]
    region = (2.0, 6.0, width * 3 / 64, height / 16)
    model = get_model("raznet_lite")
    trace = assert_same(model, image, ((region, 0.5),), tile=704)
    assert trace.root.children[0].crop.size[1] > 704
    assert len(trace.root.points) > 10


@pytest.mark.slow
def test_the_fast_overlap_of_a_photograph_changes_little(raz_data):
    image = to_image(raz_data / "shanghaitech/part_A/train_data/images/IMG_40.jpg")
    model = get_model("raznet_lite")
    whole, tiled = (
        resolve(
            collect_trace(model, image, ZoomSettings(depth=1, **options)), model.operating_point
        )
        for options in ({"tile": WHOLE}, {"tile": 512, "overlap": "fast"})
    )
    assert not torch.equal(whole.density, tiled.density)
    assert tiled.count == pytest.approx(whole.count, rel=0.02)
    assert FAST_HALO == 64
