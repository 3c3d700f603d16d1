from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.io.plot.canvas import font_of
from raz.io.plot.heat import draw_bar, draw_heat, scale_of


@given(st.floats(1e-4, 50), st.integers(1, 9), st.integers(1, 9))
def test_the_end_of_the_bar_is_in_persons_per_area(density, height, width):
    scale = scale_of(np.full((height, width), density, np.float32))
    per_area = density * 100 * 100 / 64
    assert per_area <= scale.top * (1 + 1e-6)
    assert scale.top <= 2 * per_area
    assert not scale.clipped


def test_one_cell_does_not_hide_all_others():
    density = np.full((40, 40), 0.1, np.float32)
    density[3, 4] = 9
    scale = scale_of(density)
    assert scale.top <= 20  # of 1,406 in one cell and 15.6 in the others
    assert scale.clipped


@pytest.mark.parametrize("values", [0, -0.5, np.nan])
def test_nobody_has_no_scale(values):
    assert scale_of(np.full((3, 4), values, np.float32)) is None


def test_dense_and_empty_places_are_told_apart_on_any_ground():
    density = np.zeros((10, 10), np.float32)
    density[:, 5:] = 0.2
    for ground in (0, 128, 255):
        canvas = Image.new("RGB", (80, 80), (ground,) * 3)
        drawn = np.asarray(draw_heat(canvas, density, scale_of(density), (80, 80))).astype(int)
        np.testing.assert_array_equal(drawn[:, :30], np.asarray(canvas)[:, :30])
        assert np.ptp(drawn[:, 50:], axis=2).min() > 80  # a strong colour


def test_cells_past_the_edge_are_cut_off():
    density = np.zeros((2, 2), np.float32)
    density[:, 1] = 1  # covers the columns from 8 to 9 of 9
    drawn = np.asarray(draw_heat(Image.new("RGB", (90, 90)), density, scale_of(density), (9, 9)))
    assert drawn[:, 0].max() == 0
    assert drawn[:, -1].max() > 100


def test_cells_of_another_size_are_drawn_where_they_are():
    density = np.zeros((20, 20), np.float32)
    density[:, 10:] = 0.05  # as dense as 0.2 in cells of 8 x 8 pixels
    scale = scale_of(density, stride=4)
    assert scale == scale_of(density[::2, ::2] * 4)
    canvas = Image.new("RGB", (80, 80))
    drawn = np.asarray(draw_heat(canvas, density, scale, (80, 80), stride=4)).astype(int)
    assert drawn[:, :30].max() == 0
    assert np.ptp(drawn[:, 50:], axis=2).min() > 80


@pytest.mark.parametrize("width", [60, 186, 2000])
def test_the_bar_runs_through_the_colours_of_the_map(width):
    font = font_of(12)
    bar = np.asarray(draw_bar(scale_of(np.full((2, 2), 0.1, np.float32)), width, font)).astype(int)
    assert bar.shape[1] == width
    first, last = bar[2, 0], bar[2, min(width, 16 * 12) - 1]
    assert np.ptp(first) < 30  # grey: nobody
    assert last[0] > last[2] + 100  # red: dense
    assert (bar[len(bar) // 2 :] < 60).any()  # what it means
