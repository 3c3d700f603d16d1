"""Crowds: what is drawn, and what the images promise about their points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data.synthetic import crowd_scene
from raz.data.synthetic.crowd import draw_crowd

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 96), st.integers(1, 96))


@given(seed=SEEDS, size=SIZES, heads=st.integers(0, 60))
@settings(max_examples=12)
def test_crowd_is_well_formed(seed, size, heads):
    scene = crowd_scene(seed, size, heads=heads)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.points.dtype == np.float32
    assert scene.points.shape[1:] == (2,)
    assert len(scene.points) <= heads
    assert (scene.points >= 0).all()
    assert (scene.points < (size[1], size[0])).all()


def test_a_lone_head_is_round_its_point():
    found = 0
    for seed in range(16):
        drawing = draw_crowd(seed, (192, 256), 1)
        rows, columns = np.nonzero(drawing.owners == 0)
        if rows.size == 0 or drawing.visible[0] < drawing.areas[0]:
            continue
        x, y = drawing.centres[0]
        inside = rows.min() > 0 and columns.min() > 0 and rows.max() < 191 and columns.max() < 255
        if not inside:
            continue
        found += 1
        extent = 1 + np.array((np.ptp(columns), np.ptp(rows)))
        off = np.abs((columns.mean() + 0.5 - x, rows.mean() + 0.5 - y))
        assert (off <= 0.2 * extent + 0.5).all()
    assert found >= 10


def test_heads_grow_towards_the_camera():
    drawing = draw_crowd(4, (384, 512), 200)
    whole = drawing.visible > 0.95 * drawing.areas
    y, side = drawing.centres[whole, 1], np.sqrt(drawing.areas[whole])
    assert whole.sum() > 30
    assert np.corrcoef(y, side)[0, 1] > 0.6


def test_nearer_people_hide_farther_ones():
    drawing = draw_crowd(3, (96, 128), 400)
    order = drawing.centres[:, 1].argsort()
    share = drawing.visible / drawing.areas
    assert share[order[:200]].mean() < share[order[200:]].mean()
    assert (drawing.visible < 0.2 * drawing.areas).any()


def test_drawing_leaves_the_global_random_state_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    crowd_scene(1, (32, 32))
    assert np.array_equal(before, np.random.get_state()[1])


def test_no_heads_asked_for_no_points():
    assert crowd_scene(0, (48, 64), heads=0).points.shape == (0, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (8, 8)])
@pytest.mark.parametrize("heads", [None, 0, 1, 5])
def test_tiny_crowds(size, heads):
    for seed in range(2):
        assert crowd_scene(seed, size, heads=heads).image.shape == (*size, 3)


def test_one_pixel_shows_at_most_one_head():
    assert len(crowd_scene(0, (1, 1), heads=5).points) <= 1
