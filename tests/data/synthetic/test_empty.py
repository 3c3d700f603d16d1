"""Places without anybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data.synthetic import empty_scene

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(1, 96), st.integers(1, 96))


@given(seed=SEEDS, size=SIZES)
@settings(max_examples=12)
def test_empty_scene_has_nobody(seed, size):
    scene = empty_scene(seed, size)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.points.shape == (0, 2)
    assert scene.points.dtype == np.float32


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (8, 8)])
def test_tiny_places(size):
    for seed in range(4):
        assert empty_scene(seed, size).image.shape == (*size, 3)
