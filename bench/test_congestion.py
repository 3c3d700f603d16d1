"""Speed of the search for the three nearest heads against a k-d tree of scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from raz import ops


@pytest.mark.parametrize("layout", ["spread", "column"])
@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_congestion(benchmark, layout, count):
    """Time heads that are spread out, and heads that all stand in one column."""
    torch.set_num_threads(1)
    benchmark.group = f"three nearest of {count:,} heads"
    points = torch.rand(count, 2, generator=torch.Generator().manual_seed(0)) * 4000
    if layout == "column":
        points[:, 0] = 100.0
    found = benchmark(ops.congestion, points)
    assert found.isfinite().all()


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_congestion_by_scipy(benchmark, count):
    benchmark.group = f"three nearest of {count:,} heads"
    points = torch.rand(count, 2, generator=torch.Generator().manual_seed(0)).numpy() * 4000
    found = benchmark(lambda: cKDTree(points).query(points, k=4)[0][:, 1:].mean(1))
    assert np.isfinite(found).all()
