"""Speed of the density map against the usual recipe: for every head, filter the whole map.

The recipe is timed on 30 of the 3,000 heads; multiply its time by 100.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from raz import ops

SIZE = (768, 1024)


@pytest.fixture(scope="module")
def heads():
    """Return 3,000 heads, denser towards the top, at whole pixels: the recipe knows no others."""
    generator = np.random.default_rng(0)
    y = SIZE[0] * generator.random(3000) ** 2
    x = SIZE[1] * generator.random(3000)
    return np.floor(np.stack([x, y], axis=1)) + 0.5


def scipy_recipe(heads, sample):
    """Sum filtered maps of one head each; sigma is from a tree of all heads, at least 1 pixel."""
    distances, _ = cKDTree(heads).query(heads[sample], k=4)
    total = np.zeros(SIZE, dtype=np.float32)
    for (x, y), sigma in zip(heads[sample], 0.1 * distances[:, 1:].sum(1), strict=True):
        alone = np.zeros(SIZE, dtype=np.float32)
        alone[int(y), int(x)] = 1
        total += gaussian_filter(alone, max(sigma, 1.0), mode="constant")
    return total


@pytest.mark.benchmark(group="density map of 768 x 1024, adaptive sigma")
@pytest.mark.parametrize("stride", [1, 8])
def test_three_thousand_heads(benchmark, heads, stride):
    torch.set_num_threads(1)
    points = torch.tensor(heads, dtype=torch.float32)
    result = benchmark(ops.density_map, points, SIZE, stride=stride)
    assert float(result.sum()) == pytest.approx(3000, rel=1e-5)


@pytest.mark.benchmark(group="density map of 768 x 1024, adaptive sigma")
def test_scipy_on_thirty_heads(benchmark, heads):
    sample = np.arange(0, 3000, 100)
    result = benchmark.pedantic(scipy_recipe, (heads, sample), rounds=3, warmup_rounds=1)
    assert 28 < float(result.sum()) < 30  # it loses what lies beyond the borders
