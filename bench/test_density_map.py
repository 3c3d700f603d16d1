"""Speed of density_map against a window per head in NumPy, adaptive sigmas included in both."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.special import erf

from raz import ops

HEADS = 3_000
HEIGHT, WIDTH = 1080, 1920


def heads():
    """Return the heads of a crowd seen in perspective: dense far away, at the top."""
    generator = np.random.default_rng(0)
    y = HEIGHT * generator.random(HEADS) ** 2
    return np.stack([WIDTH * generator.random(HEADS), y], axis=1)


def raz(points, stride):
    return ops.density_map(torch.from_numpy(points), (HEIGHT, WIDTH), stride=stride).numpy()


def sigmas_of(points):
    distances, _ = cKDTree(points).query(points, k=4)
    return np.clip(0.1 * distances[:, 1:].sum(1), 1, 50)


def shares(centre, sigma, length, stride):
    """Return the window's first cell and the mass in each, by the error function at the edges."""
    cells = -(-length // stride)
    first = max(math.ceil((centre - 4 * sigma) / stride) - 1, 0)
    last = min(math.floor((centre + 4 * sigma) / stride) + 1, cells)
    edges = np.minimum(np.arange(first, last + 1) * stride, length)
    z = np.clip((edges - centre) / sigma, -4, 4)
    mass = np.diff(erf(z * math.sqrt(0.5)))
    return slice(first, last), mass / mass.sum()


def scipy(points, stride):
    """Return the same map: the same integrals over cells, window and normalisation."""
    result = np.zeros((-(-HEIGHT // stride), -(-WIDTH // stride)))
    for (x, y), sigma in zip(points.tolist(), sigmas_of(points).tolist(), strict=True):
        rows, down = shares(y, sigma, HEIGHT, stride)
        columns, across = shares(x, sigma, WIDTH, stride)
        result[rows, columns] += down[:, None] * across
    return result


def numpy(points, stride):
    """Return a cheaper, less exact map: values at the cells' centres, a window of 4 sigma."""
    result = np.zeros((-(-HEIGHT // stride), -(-WIDTH // stride)))
    for (x, y), sigma in zip(points.tolist(), sigmas_of(points).tolist(), strict=True):
        weights = []
        for centre, cells in ((y, result.shape[0]), (x, result.shape[1])):
            first = max(int((centre - 4 * sigma) / stride), 0)
            last = min(int((centre + 4 * sigma) / stride) + 1, cells)
            away = (np.arange(first, last) + 0.5) * stride - centre
            weight = np.exp(away * away * (-0.5 / sigma**2))
            weights.append((slice(first, last), weight / weight.sum()))
        (rows, down), (columns, across) = weights
        result[rows, columns] += down[:, None] * across
    return result


CONTENDERS = {"raz": raz, "numpy": numpy, "scipy": scipy}


@pytest.mark.parametrize("stride", [1, 8])
@pytest.mark.parametrize("contender", CONTENDERS)
def test_density_map(compare, contender, stride):
    points = heads()
    result = compare(
        CONTENDERS[contender],
        points,
        stride,
        op="density_map",
        size=f"{HEADS:,} heads {WIDTH}x{HEIGHT} stride {stride}",
        note="adaptive, float64, allocated",
        bytes=math.ceil(HEIGHT / stride) * math.ceil(WIDTH / stride) * 8,
        target=20 if contender != "raz" and stride == 1 else None,
        rounds=5 if contender != "raz" else 15,
    )
    assert result.sum() == pytest.approx(HEADS)
    if contender == "scipy":
        np.testing.assert_allclose(raz(points, stride), result, rtol=1e-9, atol=1e-15)
