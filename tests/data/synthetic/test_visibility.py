"""Points of a crowd: which heads have one, and where it lies."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data.synthetic import crowd_scene
from raz.data.synthetic.crowd import draw_crowd
from raz.data.synthetic.visibility import visible_points

SEEDS = st.integers(0, 2**32 - 1)
SIZE = (96, 128)


def test_points_of_a_scene_are_those_shown_of_its_drawing():
    drawing = draw_crowd(5, SIZE, 60)
    points, shown = visible_points(drawing)
    scene = crowd_scene(5, SIZE, heads=60)
    assert np.array_equal(scene.image, drawing.image)
    assert np.array_equal(scene.points, points[shown])


@given(seed=SEEDS, heads=st.integers(1, 60))
@settings(max_examples=12)
def test_points_are_everybody_but_the_hidden(seed, heads):
    drawing = draw_crowd(seed, SIZE, heads)
    assert drawing.areas.shape == drawing.visible.shape == (heads,)
    assert (drawing.areas >= 1).all()
    assert (drawing.visible <= drawing.areas).all()
    seen = np.array([np.count_nonzero(drawing.owners == index) for index in range(heads)])
    hidden = (seen < 0.2 * drawing.areas) | (seen == 0)
    assert np.array_equal(visible_points(drawing)[1], ~hidden)


@given(seed=SEEDS, heads=st.integers(1, 80))
@settings(max_examples=12)
def test_every_point_lies_on_a_pixel_of_its_own_head(seed, heads):
    drawing = draw_crowd(seed, SIZE, heads)
    points, shown = visible_points(drawing)
    columns, rows = np.floor(points[shown]).astype(int).T
    assert np.array_equal(drawing.owners[rows, columns], np.flatnonzero(shown))


@given(seed=SEEDS)
@settings(max_examples=12)
def test_point_is_the_head_centre_unless_something_covers_it(seed):
    drawing = draw_crowd(seed, SIZE, 30)
    points, shown = visible_points(drawing)
    columns, rows = np.floor(drawing.centres).astype(int).T
    bare = shown & (drawing.owners[rows, columns] == np.arange(30))
    assert np.array_equal(points[bare], drawing.centres[bare])
