from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raz.zoom import ZoomSettings
from raz.zoom.scales import LONG_SIDE, REDUCED, SHORT_SIDE, doubling, overview_scale

sides = st.integers(1, 100_000)
SMALL, LARGE, ODD = (1024, 768), (4096, 3072), (3072, 2304)
THIRD = 1024 / 3072


@example(width=3072, height=2304)
@example(width=9000, height=1024)
@given(width=sides, height=sides)
def test_the_first_look_is_as_small_as_it_may_be(width: int, height: int) -> None:
    scale = overview_scale((width, height))
    assert overview_scale((height, width)) == scale
    longer, shorter = max(width, height), min(width, height)
    if scale < 1:
        assert scale < REDUCED
        # Neither side is smaller than it may be, and one is no larger.
        reduced = longer * scale, shorter * scale
        assert reduced[0] >= LONG_SIDE - 1e-6
        assert reduced[1] >= SHORT_SIDE - 1e-6
        assert min(reduced[0] - LONG_SIDE, reduced[1] - SHORT_SIDE) < 1e-6
    else:
        assert scale == 1
        assert longer * REDUCED <= LONG_SIDE + 1e-6 or shorter * REDUCED <= SHORT_SIDE + 1e-6


def test_the_longer_side_is_reduced_to_what_the_weights_know() -> None:
    assert overview_scale(ODD) == pytest.approx(1 / 3, abs=0)
    assert overview_scale((4000, 3000)) == 1024 / 4000
    assert overview_scale((9000, 1024)) == 0.5  # a panorama by its shorter one


def test_what_is_hardly_larger_than_its_overview_is_seen_as_it_is() -> None:
    assert overview_scale((1024, 1024)) == overview_scale((1448, 1448)) == 1
    assert overview_scale((1449, 1449)) == 1024 / 1449
    assert overview_scale((100_000, 724)) == 1
    assert overview_scale((100_000, 725)) == 512 / 725


@example(first=1 / 3, last=2.0)
@given(first=st.floats(1e-3, 4), last=st.floats(0.25, 4096))
def test_each_scale_is_twice_the_one_before(first: float, last: float) -> None:
    scales = doubling(first, last)
    assert scales[0] == first
    assert all(after == 2 * before for before, after in itertools.pairwise(scales))
    if first <= last * math.sqrt(2):
        assert scales[-1] <= last * math.sqrt(2)
    else:
        assert scales == (first,)
    assert scales[-1] * 2 > last * math.sqrt(2)


@given(first=st.integers(0, 12), last=st.integers(-2, 12))
def test_scales_of_powers_of_two_end_at_the_last(first: int, last: int) -> None:
    scales = doubling(0.5**first, 2.0**last)
    assert scales[-1] == max(2.0**last, 0.5**first)
    assert len(scales) == max(0, first + last) + 1


@pytest.mark.parametrize(
    ("options", "small", "large", "odd"),
    [
        ({}, (1, 2), (0.25, 0.5, 1, 2), (THIRD, 2 * THIRD, 4 * THIRD, 8 * THIRD)),
        (
            {"quality": "best"},
            (1, 2),
            (0.25, 0.5, 1, 2),
            (THIRD, 2 * THIRD, 4 * THIRD, 8 * THIRD),
        ),
        ({"quality": "fast"}, (1,), (0.25, 0.5, 1), (THIRD, 2 * THIRD, 4 * THIRD)),
        ({"regions": "anchors"}, (1, 2), (1, 2), (1, 2)),
        ({"regions": "anchors", "quality": "fast"}, (1,), (1,), (1,)),
        ({"depth": 1}, (1,), (1,), (1,)),
        ({"depth": 2}, (1, 2), (1, 2), (1, 2)),
        ({"depth": 4, "quality": "fast"}, (1, 2, 4, 8), (1, 2, 4, 8), (1, 2, 4, 8)),
    ],
)
def test_the_settings_tell_the_scales_of_an_image(
    options: dict[str, Any],
    small: tuple[float, ...],
    large: tuple[float, ...],
    odd: tuple[float, ...],
) -> None:
    assert ZoomSettings(**options).scales(SMALL) == small
    assert ZoomSettings(**options).scales(LARGE) == large
    assert ZoomSettings(**options).scales(ODD) == odd


def test_a_depth_of_any_number_has_scales() -> None:
    scales = ZoomSettings(depth=5000).scales((64, 48))
    assert scales[:4] == (1, 2, 4, 8)
    assert all(map(math.isfinite, scales))


@given(width=sides, height=sides)
def test_every_image_is_looked_at_up_to_about_twice_its_size(width: int, height: int) -> None:
    scales = ZoomSettings().scales((width, height))
    assert scales[0] == overview_scale((width, height))
    small = max(width, height) < 1024 / math.sqrt(2)
    last = 4 if small else 2
    assert last / math.sqrt(2) < scales[-1] <= last * math.sqrt(2)
    assert ZoomSettings(quality="fast").scales((width, height)) == scales[: -2 if small else -1]
    assert [ZoomSettings().is_last_resort(scale) for scale in scales[-2:]] == [False, small]
    assert not ZoomSettings(depth=3).is_last_resort(4.0)
