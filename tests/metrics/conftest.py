from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def scenes():
    """Predictions, scores, heads, sigmas, levels and sizes of eleven random images.

    On a coarse grid, so that points coincide and distances and scores tie; with an image of
    each kind of emptiness, and a head alone.
    """
    rng = np.random.default_rng(7)
    numbers = [(0, 0), (3, 0), (0, 4), (2, 1)] + [tuple(rng.integers(5, 40, 2)) for _ in range(7)]
    images = []
    for predictions, heads in numbers:
        images.append(
            {
                "points": rng.integers(0, 60, (predictions, 2)).astype(float),
                "scores": rng.integers(0, 8, predictions) / 8,
                "heads": rng.integers(0, 60, (heads, 2)).astype(float),
                "sigmas": np.sort(rng.integers(1, 12, (heads, 2)), axis=1).astype(float),
                "levels": rng.integers(0, 5, heads),
                "size": (60, 61),
            }
        )
    return images
