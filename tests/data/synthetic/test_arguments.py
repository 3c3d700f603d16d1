"""What both kinds of scene share: seeds, sizes and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from raz.data.synthetic import empty_scene, texture


@pytest.mark.parametrize("draw", [empty_scene, texture])
def test_same_seed_same_scene_other_seed_another(draw):
    first, again, other = draw(7, (64, 80)), draw(7, (64, 80)), draw(8, (64, 80))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.points, again.points)
    assert first.name == again.name
    assert not np.array_equal(first.image, other.image)
    assert first.name != other.name


def test_size_may_be_a_list_of_numpy_integers():
    scene = empty_scene(np.int64(1), [np.int32(16), np.int32(24)])
    assert scene.image.shape == (16, 24, 3)


@pytest.mark.parametrize("draw", [empty_scene, texture])
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


@pytest.mark.parametrize("draw", [empty_scene, texture])
@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError)])
def test_bad_seeds(draw, seed, error):
    with pytest.raises(error, match="seed"):
        draw(seed, (8, 8))
