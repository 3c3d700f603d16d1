from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.errors import ResourceError
from raz.zoom import MAX_BATCH_PIXELS, ZoomSettings, memory
from raz.zoom.coordinates import CropGeometry, window_around
from raz.zoom.proposals import InsideRegion, cover

CPU = torch.device("cpu")


def anchors(**options):
    return ZoomSettings(regions="anchors", **options)


def net(bytes_per_pixel, receptive_field=0):
    """Stands for a network: what it costs, and how far it sees."""
    return SimpleNamespace(bytes_per_pixel=bytes_per_pixel, receptive_field=receptive_field)


sides = st.integers(1, 5000)


@given(height=sides, width=sides, depth=st.integers(1, 4))
def test_grows_with_depth_and_size(height, width, depth):
    needed = memory.required_bytes(net(300), (height, width), anchors(depth=depth))
    assert needed >= 300 * height * width
    assert memory.required_bytes(net(300), (height, width), anchors(depth=depth + 1)) >= needed
    assert memory.required_bytes(net(300), (height + 1, width), anchors(depth=depth)) > needed


# What an image of 300 x 300 pixels takes beside the net: itself, and 24 bytes a cell.
HELD = 3 * 300**2 + 24 * 300**2 // 64


def maps(pixels):
    """Bytes of the maps of enlarged regions of so many pixels: of 4 and 8 bytes a cell."""
    return 12 * pixels // 64


def needed(settings, **options):
    return memory.required_bytes(net(1), (300, 300), settings, **options)


def test_a_square_image_by_hand():
    # Depth 2: a region of 2/3 of 300 px, twice enlarged, with 2 x 32 px of context on either side.
    crop = (400 + 128) ** 2
    assert needed(anchors(max_regions=1)) == crop + HELD + maps(crop)
    assert needed(anchors(max_regions=0)) == 300**2 + HELD
    assert needed(anchors(max_regions=0), image_bytes=7) == 300**2 + HELD - 3 * 300**2 + 7


def test_two_maps_of_every_region_are_kept():
    crops = [int((300 * (4 / 3) ** n + 128) ** 2) for n in (1, 2)]
    assert needed(anchors(depth=3, max_regions=1)) == crops[1] + HELD + maps(sum(crops))


def test_a_budget_of_pixels_bounds_the_maps_that_are_kept():
    settings = anchors(depth=4, max_regions=10, max_zoom_pixels=200_000)
    assert needed(settings) == 200_000 + HELD + maps(200_000)


def test_many_small_crops_fill_a_batch():
    crop = (400 + 128) ** 2
    assert needed(anchors(max_regions=10)) == 10 * crop + HELD + maps(10 * crop)
    assert needed(anchors(max_regions=1000)) == MAX_BATCH_PIXELS + HELD + maps(1000 * crop)


def test_a_budget_of_zooming_bounds_the_largest_crop():
    assert needed(anchors(max_seconds=0)) == 300**2 + HELD
    assert needed(anchors(max_zoom_pixels=1000)) == 300**2 + HELD + maps(1000)
    assert needed(anchors(max_zoom_pixels=200_000)) == 200_000 + HELD + maps(200_000)


@given(height=st.integers(1, 10**5), width=st.integers(1, 10**5), depth=st.integers(1, 2))
def test_in_tiles_the_net_needs_no_more_than_a_tile(height, width, depth):
    cells = 24 * height * width // 64
    regions = maps(10 * int((min(height, width) * 4 / 3 + 128) ** 2)) if depth == 2 else 0
    most = 300 * 512**2 + cells + regions
    settings = anchors(depth=depth, tile=512)
    needs = memory.required_bytes(net(300, 64), (height, width), settings, image_bytes=0)
    assert needs <= most
    if max(height, width) <= 512 and depth == 1:
        assert needs == 300 * height * width + cells


def test_the_work_of_an_image_by_hand():
    whole = memory.workload(net(1), (300, 300), anchors(depth=3, max_regions=2))
    first, second = (int((300 * (4 / 3) ** n + 128) ** 2) for n in (1, 2))
    assert (whole.tiles, whole.pixels, whole.most_regions) == (1, 300**2, 2 + 4)
    assert whole.most_zoom_pixels == pytest.approx(2 * first + 4 * second, rel=0.01)
    assert whole.memory == needed(anchors(depth=3, max_regions=2))
    # Two tiles a side of 192 and 172 pixels, each with 32 for the other's sake.
    cut = memory.workload(net(1, 32), (300, 300), anchors(depth=1, tile=192))
    assert (cut.tiles, cut.pixels, cut.most_regions) == (4, (300 + 2 * 32) ** 2, 0)


def test_zooming_is_bounded_by_its_budget():
    free = memory.workload(net(1, 64), (3000, 3000), anchors(tile=1024))
    bound = memory.workload(net(1, 64), (3000, 3000), anchors(max_zoom_pixels=10**6, tile=1024))
    assert 10**6 < bound.most_zoom_pixels < 2 * 10**6 < free.most_zoom_pixels


def test_refuses_what_does_not_fit(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10**9)
    memory.check_memory(net(300), (1000, 1000), CPU, anchors(depth=1))
    with pytest.raises(ResourceError, match=r"2000 x 2000 pixels at depth 1 need about 1\.2 GB"):
        memory.check_memory(net(300), (2000, 2000), CPU, anchors(depth=1))


def test_refuses_only_what_even_tiles_cannot_hold(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10**9)
    memory.check_memory(net(300, 64), (9000, 9000), CPU, anchors(tile=1024))
    with pytest.raises(ResourceError, match=r"at depth 2 in tiles of 2048 pixels need about 1\.6"):
        memory.check_memory(net(300, 64), (9000, 9000), CPU, anchors(), image_bytes=0)


def test_where_nothing_tells_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: None)
    memory.check_memory(net(300), (10**5, 10**5), CPU)


@given(
    height=st.integers(1, 600),
    width=st.integers(1, 600),
    most=st.integers(1, 12),
    context=st.integers(0, 40),
    seed=st.integers(0, 99),
)
def test_the_cover_is_bounded_by_its_tiles(height, width, most, context, seed):
    generator = torch.Generator().manual_seed(seed)
    crop = CropGeometry(0, 0, width, height)
    attention = torch.rand(-(-height // 8), -(-width // 8), generator=generator)
    where = InsideRegion.of_pass(attention, crop, crop.box, 8)
    windows = [
        window_around(each.box, context, crop.size[::-1], 2) for each in cover(where, 0.3, most)
    ]
    [(count, pixels)] = memory._rounds(
        (height, width), ZoomSettings(max_regions=most, context=context)
    )
    assert len(windows) <= count <= most
    assert all(window.size[0] * window.size[1] <= pixels for window in windows)


def test_the_best_quality_sees_everything_twice():
    once, twice = (
        memory.workload(net(1), (768, 1024), ZoomSettings(quality=quality))
        for quality in ("balanced", "best")
    )
    assert twice.pixels == 2 * once.pixels
    assert twice.most_zoom_pixels == 2 * once.most_zoom_pixels
    assert (twice.most_regions, twice.memory) == (once.most_regions, once.memory)


def test_the_cover_enlarges_less_than_the_anchors():
    cover, random = (
        memory.workload(net(1), (768, 1024), settings) for settings in (ZoomSettings(), anchors())
    )
    assert cover.most_regions < random.most_regions
    assert cover.most_zoom_pixels < random.most_zoom_pixels / 2
