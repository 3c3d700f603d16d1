from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.io.plot.marks import draw_marks, mark, mark_radii


def grid(spacing: float, number: int) -> np.ndarray:
    along = (np.arange(number) + 0.5) * spacing
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


@given(st.floats(6.5, 40), st.integers(4, 12))
def test_marks_of_even_crowds_do_not_touch(spacing, number):
    radii = mark_radii(grid(spacing, number), (4000, 4000))
    assert (2 * radii < spacing).all()


def test_marks_follow_the_spacing_within_one_image():
    dense, sparse = grid(7, 20), 300 + grid(60, 4)
    radii = mark_radii(np.concatenate([dense, sparse]), (800, 800))
    assert radii[: len(dense)].max() < radii[len(dense) :].min()


def test_a_crowd_of_three_thousand_stays_legible():
    points = grid(16, 55)[:3000]
    size = (55 * 16, 55 * 16)
    image = Image.new("RGB", size)
    draw_marks(image, points, mark_radii(points, size), (255, 0, 0))
    pixels = np.asarray(image)
    assert (pixels.any(axis=2)).mean() < 0.5  # most of the photograph is still seen
    centres = pixels[tuple(np.floor(points).astype(int).T[::-1])]
    np.testing.assert_array_equal(centres, np.full((3000, 3), (255, 0, 0)))


def test_a_lone_head_and_heads_in_one_place_have_a_mark():
    assert mark_radii(np.zeros((1, 2)), (700, 700)).tolist() == [5]
    assert (mark_radii(np.zeros((5, 2)), (700, 700)) > 1).all()
    assert mark_radii(np.zeros((0, 2)), (700, 700)).shape == (0,)


@pytest.mark.parametrize("shape", ["dot", "ring", "cross"])
def test_marks_are_whole_and_their_edges_are_pale(shape):
    pixels = np.asarray(mark(6.0, (200, 0, 0), shape))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (border[:, 3] == 0).all()  # nothing is cut off
    opaque = pixels[pixels[..., 3] == 255][:, :3]
    assert (opaque == (200, 0, 0)).all(axis=1).any()
    assert opaque.min(axis=1).max() > 150
    centre = pixels[len(pixels) // 2, len(pixels) // 2, 3]
    assert (centre == 0) == (shape == "ring")
