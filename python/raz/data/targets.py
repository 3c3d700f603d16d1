"""Training targets that are made of points: how crowded a head is, and the attention map.

The density map and the point map are `raz.ops.density_map` and `raz.ops.point_map`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

CROWDED_LIMIT = 12.0
"""Mean distance to the three nearest heads, in pixels, below which a head is crowded (ours)."""

_CHUNK = 1 << 18


def congestion(points: Any, neighbours: int = 3) -> npt.NDArray[np.float64]:
    """Mean distance of each head to its nearest neighbours.

    Takes O(N^2) time and a bounded amount of memory.

    Args:
        points: ``[N, 2]``, (x, y) in pixels; an array or a CPU tensor.
        neighbours: how many nearest heads to average over, at least 1.

    Returns:
        float64 ``[N]``, pixels; infinity where there are not ``neighbours`` other heads.

    Raises:
        ValueError: ``points`` is not [N, 2], or ``neighbours`` is less than 1.
    """
    xy = _as_points(points)
    if neighbours < 1:
        raise ValueError(f"neighbours is {neighbours}, must be at least 1")
    count = len(xy)
    if count <= neighbours:
        return np.full(count, np.inf)
    result = np.empty(count)
    x, y = np.ascontiguousarray(xy.T, dtype=np.float32)
    step = max(1, _CHUNK // count)
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count))
        squared = np.square(x[rows, None] - x)
        squared += np.square(y[rows, None] - y)
        squared[rows - start, rows] = np.inf
        total = np.zeros(len(rows))
        for _ in range(neighbours):
            nearest = squared.argmin(axis=1)
            total += np.hypot(*(xy[rows] - xy[nearest]).T)
            squared[rows - start, nearest] = np.inf
        result[rows] = total / neighbours
    return result


def attention_map(
    points: Any,
    size: tuple[int, int],
    *,
    stride: int = 8,
    limit: float = CROWDED_LIMIT,
    sigma: float = 4.0,
    neighbours: int = 3,
) -> torch.Tensor:
    """Target of the zooming-region-proposal branch: high where heads are small and crowded (ours).

    Heads whose mean distance to their ``neighbours`` nearest is below ``limit`` get a Gaussian of
    peak 1, evaluated at the pixel centres up to ceil(4 sigma) pixels away, combined by maximum.
    That map of the full size is averaged over cells of ``stride`` x ``stride`` pixels (over the
    pixels inside the image, where the last row or column of cells is cut). Heads outside the image
    count as neighbours and get no Gaussian. With no more than ``neighbours`` heads the map is zero.

    Args:
        points: ``[N, 2]``, (x, y) in pixels; an array or a CPU tensor.
        size: (height, width) of the image in pixels.
        stride: side of a cell in pixels.
        limit: pixels; infinity marks every head.
        sigma: standard deviation of the Gaussian in pixels.
        neighbours: how many nearest heads make a crowd.

    Returns:
        float32 ``[ceil(H / stride), ceil(W / stride)]`` in [0, 1].

    Raises:
        ValueError: ``points`` is not [N, 2], or a number is out of its range.
    """
    height, width = size
    if height < 0 or width < 0 or stride < 1:
        raise ValueError(f"size is {size} and stride {stride}, must be >= 0 and >= 1")
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}, must be positive")
    xy = _as_points(points)
    x, y = xy.T
    marked = congestion(xy, neighbours) < limit
    marked &= (x >= 0) & (y >= 0) & (x <= width) & (y <= height)
    full = _greatest_gaussian(xy[marked], size, sigma)
    return torch.from_numpy(_cell_means(full, stride))


def _greatest_gaussian(
    points: npt.NDArray[np.float64], size: tuple[int, int], sigma: float
) -> npt.NDArray[np.float32]:
    """Maximum over unit Gaussians at the points, float32 ``size``."""
    height, width = size
    radius = math.ceil(4 * sigma)
    side = 2 * radius + 1
    # A margin as wide as the radius makes every window whole; + 1 is for points on the last edge.
    canvas = np.zeros((height + side, width + side), dtype=np.float32)
    pixels = np.floor(points).astype(np.int64)
    offsets = np.arange(-radius, radius + 1) + 0.5
    distance = (pixels - points)[:, :, None] + offsets
    profile = np.exp(np.square(distance) / (-2 * sigma * sigma)).astype(np.float32)
    step = max(1, _CHUNK // (side * side))
    for start in range(0, len(points), step):
        rows, columns = profile[start : start + step, 1], profile[start : start + step, 0]
        gaussians = rows[:, :, None] * columns[:, None, :]
        for gaussian, (left, top) in zip(
            gaussians, pixels[start : start + step].tolist(), strict=True
        ):
            window = canvas[top : top + side, left : left + side]
            np.maximum(window, gaussian, out=window)
    return canvas[radius : radius + height, radius : radius + width]


def _cell_means(full: npt.NDArray[np.float32], stride: int) -> npt.NDArray[np.float32]:
    height, width = full.shape
    if full.size == 0:
        return np.zeros((-(-height // stride), -(-width // stride)), dtype=np.float32)
    tops, lefts = np.arange(0, height, stride), np.arange(0, width, stride)
    totals = np.add.reduceat(np.add.reduceat(full, tops, axis=0, dtype=np.float64), lefts, axis=1)
    tall = np.minimum(stride, height - tops)
    wide = np.minimum(stride, width - lefts)
    means: npt.NDArray[np.float32] = (totals / (tall[:, None] * wide)).astype(np.float32)
    return means


def _as_points(points: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"points has shape {array.shape}, must be [N, 2]")
    return array
