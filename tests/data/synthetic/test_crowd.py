"""Synthetic scenes: what the pictures promise about their points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data import synthetic
from raz.data.synthetic import TEXTURES, crowd_scene, empty_scene, texture

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 96), st.integers(1, 96))
TINY = [(1, 1), (1, 40), (40, 1), (2, 3), (8, 8)]


@given(seed=SEEDS, size=SIZES, heads=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_crowd_is_well_formed(seed, size, heads):
    scene = crowd_scene(seed, size, heads=heads)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.points.dtype == np.float32
    assert scene.points.shape[1:] == (2,)
    assert len(scene.points) <= heads
    assert (scene.points >= 0).all()
    assert (scene.points < (size[1], size[0])).all()


@given(seed=SEEDS, heads=st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_points_are_everybody_but_the_hidden(seed, heads):
    size = (96, 128)
    drawing = synthetic._draw_crowd(seed, size, heads)
    assert drawing.areas.shape == drawing.visible.shape == (heads,)
    assert (drawing.areas >= 1).all()
    assert (drawing.visible <= drawing.areas).all()
    seen = np.array([np.count_nonzero(drawing.owners == index) for index in range(heads)])
    hidden = (seen < 0.2 * drawing.areas) | (seen == 0)
    assert len(crowd_scene(seed, size, heads=heads).points) == heads - hidden.sum()


@given(seed=SEEDS, heads=st.integers(1, 80))
@settings(max_examples=20, deadline=None)
def test_every_point_lies_on_a_pixel_of_its_own_head(seed, heads):
    drawing = synthetic._draw_crowd(seed, (96, 128), heads)
    points, shown = synthetic._visible_points(drawing)
    columns, rows = np.floor(points[shown]).astype(int).T
    assert np.array_equal(drawing.owners[rows, columns], np.flatnonzero(shown))


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_point_is_the_head_centre_unless_something_covers_it(seed):
    drawing = synthetic._draw_crowd(seed, (96, 128), 30)
    points, shown = synthetic._visible_points(drawing)
    columns, rows = np.floor(drawing.centres).astype(int).T
    bare = shown & (drawing.owners[rows, columns] == np.arange(30))
    assert np.array_equal(points[bare], drawing.centres[bare])


def test_a_lone_head_is_round_its_point():
    found = 0
    for seed in range(40):
        drawing = synthetic._draw_crowd(seed, (192, 256), 1)
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
    drawing = synthetic._draw_crowd(4, (384, 512), 200)
    whole = drawing.visible > 0.95 * drawing.areas
    y, side = drawing.centres[whole, 1], np.sqrt(drawing.areas[whole])
    assert whole.sum() > 30
    assert np.corrcoef(y, side)[0, 1] > 0.6


def test_nearer_people_hide_farther_ones():
    drawing = synthetic._draw_crowd(3, (96, 128), 400)
    order = drawing.centres[:, 1].argsort()
    share = drawing.visible / drawing.areas
    assert share[order[:200]].mean() < share[order[200:]].mean()
    assert (drawing.visible < 0.2 * drawing.areas).any()


@pytest.mark.parametrize("draw", [crowd_scene, empty_scene, texture])
def test_same_seed_same_scene_other_seed_another(draw):
    first, again, other = draw(7, (64, 80)), draw(7, (64, 80)), draw(8, (64, 80))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.points, again.points)
    assert first.name == again.name
    assert not np.array_equal(first.image, other.image)
    assert first.name != other.name


def test_drawing_leaves_the_global_random_state_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    crowd_scene(1, (32, 32))
    assert np.array_equal(before, np.random.get_state()[1])


def test_count_is_drawn_over_a_wide_range():
    rng = np.random.default_rng(0)
    counts = [synthetic._random_count(rng, (768, 1024)) for _ in range(4000)]
    assert 5 <= min(counts) < 10
    assert 1400 < max(counts) <= 1500
    assert np.median(counts) == pytest.approx(np.sqrt(5 * 1500), rel=0.15)


def test_no_heads_asked_for_no_points():
    assert crowd_scene(0, (48, 64), heads=0).points.shape == (0, 2)


@given(seed=SEEDS, size=SIZES)
@settings(max_examples=25, deadline=None)
def test_empty_scene_has_nobody(seed, size):
    scene = empty_scene(seed, size)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.points.shape == (0, 2)
    assert scene.points.dtype == np.float32


@pytest.mark.parametrize("kind", TEXTURES)
@pytest.mark.parametrize("size", [*TINY, (60, 90)])
def test_texture_has_nobody(kind, size):
    for seed in range(3):
        sample = texture(seed, size, kind)
        assert sample.image.shape == (*size, 3)
        assert sample.image.dtype == np.uint8
        assert sample.points.shape == (0, 2)
        assert kind in sample.name


def test_black_white_and_plain_are_what_they_say():
    assert (texture(0, (9, 9), "black").image == 0).all()
    assert (texture(0, (9, 9), "white").image == 255).all()
    assert len(np.unique(texture(0, (9, 9), "plain").image.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("kind", sorted(set(TEXTURES) - {"black", "white", "plain"}))
def test_other_textures_are_not_plain(kind):
    assert texture(1, (96, 128), kind).image.std() > 2


def test_texture_draws_every_kind():
    names = {texture(seed, (4, 4)).name.split("-")[1] for seed in range(200)}
    assert names == set(TEXTURES)


@pytest.mark.parametrize("size", TINY)
@pytest.mark.parametrize("heads", [None, 0, 1, 5])
def test_tiny_sizes(size, heads):
    for seed in range(4):
        assert crowd_scene(seed, size, heads=heads).image.shape == (*size, 3)
        assert empty_scene(seed, size).image.shape == (*size, 3)


def test_one_pixel_shows_at_most_one_head():
    assert len(crowd_scene(0, (1, 1), heads=5).points) <= 1


def test_size_may_be_a_list_of_numpy_integers():
    scene = crowd_scene(np.int64(1), [np.int32(16), np.int32(24)], heads=np.int64(2))
    assert scene.image.shape == (16, 24, 3)


@pytest.mark.parametrize("draw", [crowd_scene, empty_scene, texture])
@pytest.mark.parametrize(
    ("size", "error"),
    [
        ((0, 8), ValueError),
        ((8, -1), ValueError),
        ((8,), ValueError),
        ((8, 8, 3), ValueError),
        ((8.0, 8), TypeError),
        ((True, 8), TypeError),
        (8, TypeError),
    ],
)
def test_bad_sizes(draw, size, error):
    with pytest.raises(error, match="size"):
        draw(0, size)


@pytest.mark.parametrize("draw", [crowd_scene, empty_scene, texture])
@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError)])
def test_bad_seeds(draw, seed, error):
    with pytest.raises(error, match="seed"):
        draw(seed, (8, 8))


@pytest.mark.parametrize(("heads", "error"), [(-1, ValueError), (2.5, TypeError)])
def test_bad_heads(heads, error):
    with pytest.raises(error, match="heads"):
        crowd_scene(0, (8, 8), heads=heads)


def test_bad_kind_names_the_kinds():
    with pytest.raises(ValueError, match=r"kind is 'marble'.*cobble"):
        texture(0, (8, 8), "marble")
