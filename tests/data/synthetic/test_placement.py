"""How many people come to a crowd."""

from __future__ import annotations

import numpy as np
import pytest

from raz.data.synthetic.placement import random_count


def test_count_is_drawn_over_a_wide_range():
    rng = np.random.default_rng(0)
    counts = [random_count(rng, (768, 1024)) for _ in range(4000)]
    assert 5 <= min(counts) < 10
    assert 1400 < max(counts) <= 1500
    assert np.median(counts) == pytest.approx(np.sqrt(5 * 1500), rel=0.15)
