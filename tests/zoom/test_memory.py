from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.errors import ResourceError
from raz.zoom import MAX_BATCH_PIXELS, ZoomSettings, memory
from raz.zoom.coordinates import CropGeometry, window_around
from raz.zoom.probe import BLIND
from raz.zoom.proposals import InsideRegion, cover

from .painting import overviews_of

CPU = torch.device("cpu")


def anchors(**options):
    return ZoomSettings(regions="anchors", **options)


def net(bytes_per_pixel, receptive_field=0, stride=8):
    """Stands for a network: what it costs, how far it sees, and the size of its cells."""
    return SimpleNamespace(
        bytes_per_pixel=bytes_per_pixel, receptive_field=receptive_field, stride=stride
    )


sides = st.integers(1, 5000)


@given(height=sides, width=sides, depth=st.integers(1, 4))
def test_grows_with_depth_and_size(height, width, depth):
    needed = memory.required_bytes(net(300), (height, width), anchors(depth=depth))
    assert needed >= 300 * height * width
    assert memory.required_bytes(net(300), (height, width), anchors(depth=depth + 1)) >= needed
    assert memory.required_bytes(net(300), (height + 1, width), anchors(depth=depth)) > needed


# What an image of 300 x 300 pixels takes beside the net: itself, and 28 bytes a cell.
HELD = 3 * 300**2 + 28 * 300**2 // 64


def maps(pixels):
    """Bytes of the maps of enlarged regions of so many pixels: two of 4 bytes a cell, one of 8."""
    return 16 * pixels // 64


def needed(settings, **options):
    return memory.required_bytes(net(1), (300, 300), settings, **options)


def test_a_square_image_by_hand():
    # Depth 2: a region of 2/3 of 300 px, twice enlarged, with 2 x 32 px of context on either side.
    crop = (400 + 128) ** 2
    assert needed(anchors(max_regions=1)) == crop + HELD + maps(crop)
    assert needed(anchors(max_regions=0)) == 300**2 + HELD
    assert needed(anchors(max_regions=0), image_bytes=7) == 300**2 + HELD - 3 * 300**2 + 7


def test_smaller_cells_take_more_memory():
    crop = (400 + 128) ** 2
    found = memory.required_bytes(net(1, stride=4), (300, 300), anchors(max_regions=1))
    assert found == crop + 3 * 300**2 + (28 * 300**2 + 16 * crop) // 16


def test_the_maps_of_every_region_are_kept():
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
    cells = 28 * height * width // 64
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
    with pytest.raises(ResourceError, match=r"pixels in tiles of 2048 pixels need about 1\.7"):
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
    settings = ZoomSettings(max_regions=most, context=context)
    each, *_ = memory._rounds((height, width), settings, 8)
    assert len(windows) <= each.regions <= most
    assert all(window.size[0] * window.size[1] <= each.crop for window in windows)


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


def test_an_image_that_is_reduced_by_hand() -> None:
    # 3072 x 1536: at 1/3 512 x 1024, 64 x 128 cells. Tiles of 43: two rows, three columns of 32 x
    # 43 cells, at 2/3 512 x 688 pixels with 2 x 64 of context a side; then of that its tiles, too.
    size, settings = (1536, 3072), ZoomSettings()
    assert settings.scales(size[::-1]) == (1 / 3, 2 / 3, 4 / 3, 8 / 3)
    each = (512 + 128) * (688 + 128)
    # 64 x 86 cells: two by two of 32 x 43, and so on.
    image = 3 * 1536 * 3072 + 28 * 1536 * 3072 // 64
    # In a round that is reduced itself, a cell is merged as 2 x 2 of the image's.
    kept = (8 + 8 * 4) * 6 * each // 64 + 16 * 24 * each // 64 + 16 * 96 * each // 64
    found = memory.required_bytes(net(1), size, settings)
    assert found == MAX_BATCH_PIXELS + image + kept
    # Regions that are reduced themselves are merged in cells of the image: 4 x 4 for each at 1/4.
    [quarter, half, own, twice] = [
        each.cell_bytes for each in memory._rounds((6144, 8192), settings, 8)
    ]
    assert (quarter, half, own, twice) == (8 + 8 * 16, 8 + 8 * 4, 8 + 8, 8 + 8)
    work = memory.workload(net(1), size, settings)
    assert (work.pixels, work.most_regions) == (512 * 1024, 6 + 24 + 96)


def test_without_a_depth_a_large_image_takes_no_more_than_with_depth_2() -> None:
    for model in (net(300), net(300, 64), net(1000, 200)):
        for options in ({}, {"tile": 1024}, {"max_zoom_pixels": 10**6}, {"max_seconds": 0}):
            reduced, two = (
                memory.required_bytes(model, (3072, 4096), ZoomSettings(depth=depth, **options))
                for depth in (None, 2)
            )
            # In tiles the net needs as much; beside it the maps of more regions are kept.
            assert reduced <= (two if model.receptive_field == 0 else 1.03 * two)


@given(height=sides, width=sides)
def test_the_fast_quality_takes_no_more_than_the_balanced(height, width):
    fast, balanced = (
        memory.required_bytes(net(300, 64), (height, width), ZoomSettings(quality=quality))
        for quality in ("fast", "balanced")
    )
    assert fast <= balanced


def test_a_probe_may_look_at_the_whole_image_at_its_own_size() -> None:
    size = (12_000, 16_000)
    assert ZoomSettings().scales(size[::-1])[0] == 1024 / 16_000 < BLIND
    settings = ZoomSettings(max_seconds=0)
    image = 3 * 12_000 * 16_000 + 28 * 12_000 * 16_000 // 64
    assert memory.required_bytes(net(2), size, settings) == 2 * 12_000 * 16_000 + image
    in_tiles = memory.required_bytes(net(2, 64), size, settings)
    assert in_tiles == 2 * 2048**2 + image
    assert memory.workload(net(2), size, settings).pixels == 768 * 1024


@given(
    height=st.integers(40, 400),
    width=st.integers(40, 400),
    most=st.integers(1, 12),
    context=st.integers(0, 40),
    seed=st.integers(0, 99),
)
def test_the_cover_of_a_reduced_image_is_bounded_by_its_tiles(height, width, most, context, seed):
    settings = ZoomSettings(max_regions=most, context=context)
    with overviews_of(64, 32):
        first, second, *_ = scales = settings.scales((width, height))
        rounds = memory._rounds((height, width), settings, 8)
    assert [each.scale for each in rounds] == list(scales[1:])
    crop = CropGeometry(0, 0, width, height, first)
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand([-(-side // 8) for side in crop.size], generator=generator)
    where = InsideRegion.of_pass(attention, crop, crop.box, 8)
    windows = [
        window_around(each.box, context / first, (width, height), second)
        for each in cover(where, 0.3, most)
    ]
    assert len(windows) <= rounds[0].regions <= most
    # Where cells are no whole pixels, a window grows to the next ones of the image.
    whole = (8 / first).is_integer() and (context / first).is_integer()
    more = 0 if whole else math.ceil(2 * second + 1)
    for window in windows:
        rows, columns = window.size
        assert max(1, rows - more) * max(1, columns - more) <= rounds[0].crop
