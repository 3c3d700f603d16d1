from __future__ import annotations

import inspect
import math
from dataclasses import MISSING, fields
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from raz import ops
from raz.zoom import ZoomOptions, ZoomSettings
from raz.zoom.settings import MOST_REGIONS, Quality
from raz.zoom.tiles import FAST_HALO, Tiling


def test_options_are_the_settings_by_name_and_type() -> None:
    assert get_type_hints(ZoomOptions) == get_type_hints(ZoomSettings)
    assert list(get_type_hints(ZoomOptions)) == [each.name for each in fields(ZoomSettings)]
    assert ZoomOptions.__required_keys__ == frozenset()


@pytest.mark.parametrize("each", fields(ZoomSettings), ids=lambda each: each.name)
def test_every_setting_says_what_the_command_line_needs(each) -> None:
    assert each.kw_only
    assert each.default is not MISSING
    assert set(each.metadata) == {"help", "kind", "least", "most", "choices", "metavar", "unset"}
    assert each.metadata["help"] % {"default": each.default}
    assert each.metadata["kind"] is str or each.metadata["least"] is not None
    assert bool(each.metadata["choices"]) == (each.metadata["kind"] is str)


def test_integers_of_numpy_are_integers() -> None:
    found = ZoomSettings(
        depth=np.int64(3),  # type: ignore[arg-type]
        max_regions=np.int32(5),  # type: ignore[arg-type]
        max_zoom_pixels=np.uint8(7),  # type: ignore[arg-type]
        max_seconds=np.float32(0.5),  # type: ignore[arg-type]
    )
    assert found == ZoomSettings(depth=3, max_regions=5, max_zoom_pixels=7, max_seconds=0.5)
    assert type(found.depth) is type(found.max_regions) is type(found.max_zoom_pixels) is int


def test_there_are_no_more_regions_than_anchors() -> None:
    attention = torch.ones(1, 30, 40)
    defaults = inspect.signature(ops.propose_regions).parameters
    found = ops.propose_regions(attention, iou_threshold=1.0, max_regions=2 * MOST_REGIONS)
    kinds = len(defaults["scales"].default) * len(defaults["ratios"].default)
    assert int(found[2]) <= defaults["num_points"].default * kinds == MOST_REGIONS
    assert ZoomSettings(max_regions=10**9) == ZoomSettings(max_regions=MOST_REGIONS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("max_regions", -1),
        ("max_zoom_pixels", -1),
        ("max_seconds", -0.5),
        ("max_seconds", math.nan),
        ("context", -1),
        ("seed", -(2**63) - 1),
        ("min_score", -0.1),
        ("min_score", 1.1),
        ("min_score", math.nan),
    ],
)
def test_what_is_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        ZoomSettings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 2.0), ("seed", "0"), ("max_seconds", "1"), ("max_seconds", True)],
)
def test_what_is_of_another_kind_is_named(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name} is {value!r}; it must be a"):
        ZoomSettings(**{name: value})  # type: ignore[arg-type]


def test_the_quality_tells_the_passes_unless_the_depth_does() -> None:
    assert [ZoomSettings(quality=each).passes for each in get_args(Quality)] == [1, 2, 2]
    assert ZoomSettings(quality="fast", depth=3).passes == 3
    assert ZoomSettings(depth=1).passes == 1
    with pytest.raises(ValueError, match="quality is 'good'; it must be 'fast' or 'balanced' or"):
        ZoomSettings(quality="good")  # type: ignore[arg-type]


def test_the_halo_covers_the_receptive_field() -> None:
    exact, fast = ZoomSettings(), ZoomSettings(overlap="fast")
    assert exact.tiling(297) == Tiling(2048, 320)
    assert exact.tiling(288) == Tiling(2048, 288)
    assert fast.tiling(297) == Tiling(2048, FAST_HALO)
    assert fast.tiling(20) == Tiling(2048, 32)


def test_nothing_is_cut_for_a_network_that_does_not_say_how_far_it_sees() -> None:
    assert ZoomSettings().tiling(0) is None


@pytest.mark.parametrize(
    ("tile", "overlap", "error", "words"),
    [
        (1000, "exact", ValueError, "tile is 1000; it must be a multiple of 32"),
        (0, "exact", ValueError, "tile is 0; it must be at least 1"),
        (-64, "exact", ValueError, "tile is -64; it must be at least 1"),
        (64.0, "exact", TypeError, "tile is 64.0; it must be an integer"),
        (True, "exact", TypeError, "tile is True"),
        (672, "exact", ValueError, "with overlap='exact' it must be at least 704"),
        (160, "fast", ValueError, "with overlap='fast' it must be at least 192"),
        (2048, "none", ValueError, "overlap is 'none'; it must be 'exact' or 'fast'"),
    ],
)
def test_a_tile_that_cannot_be_is_named(
    tile: int, overlap: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ZoomSettings(tile=tile, overlap=overlap).tiling(297)  # type: ignore[arg-type]
