"""Images of nothing but texture."""

from __future__ import annotations

import numpy as np
import pytest

from raz.data.synthetic import TEXTURES, texture


@pytest.mark.parametrize("kind", TEXTURES)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (8, 8), (60, 90)])
def test_texture_has_nobody(kind, size):
    for seed in range(2):
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
    names = {texture(seed, (4, 4)).name.split("-")[1] for seed in range(60)}
    assert names == set(TEXTURES)


def test_bad_kind_names_the_kinds():
    with pytest.raises(ValueError, match=r"kind is 'marble'.*cobble"):
        texture(0, (8, 8), "marble")
