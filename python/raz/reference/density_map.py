"""Density map as one matrix product: shares of rows times shares of columns."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from raz.reference._clamped import clamped
from raz.reference.congestion import congestion

_WINDOW = 4.0
_NEIGHBOURS = 3


def density_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    sigma: Literal["adaptive"] | float = "adaptive",
    stride: int = 8,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """See :func:`raz.ops.density_map`: equal up to the rounding of float64 sums, before the last.

    Takes O(N^2) time for an adaptive sigma, in chunks of bounded memory.

    Example:
        >>> import torch
        >>> density_map(torch.tensor([[8.0, 8.0]]), (16, 24), sigma=4.0)
        tensor([[0.2442, 0.2442, 0.0116],
                [0.2442, 0.2442, 0.0116]])
    """
    height, width = size
    xy = points.double()
    image = points.new_zeros(len(points), dtype=torch.int64) if batch is None else batch
    x, y = xy.unbind(1)
    inside = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
    if isinstance(sigma, str):
        spread = _adaptive_sigmas(xy, batch, batch_size, size)
    else:
        spread = torch.full_like(x, sigma)
    rows = _shares(torch.where(inside, y, 0), spread, height, stride)
    columns = _shares(torch.where(inside, x, 0), spread, width, stride)
    images = 1 if batch_size is None else batch_size
    result = rows.new_zeros((images, rows.shape[1], columns.shape[1]))  # or too large, at once
    if result.numel():
        maps = [(rows * (inside & (image == b))[:, None]).T @ columns for b in range(images)]
        result = torch.stack(maps)
    else:
        result = result + xy[:0].sum()  # 0, but for a gradient of zeros
    result = result.to(torch.promote_types(points.dtype, torch.float32))
    return result[0] if batch is None else result


def _shares(centre: Tensor, sigma: Tensor, length: int, stride: int) -> Tensor:
    """Return each head's mass in every cell of an axis, [N, ceil(length / stride)]; sums to 1."""
    cells = -(-length // stride)
    edges = torch.arange(cells + 1, dtype=torch.float64, device=centre.device) * stride
    edges = edges.clamp(max=length)
    z = clamped((edges - centre[:, None]) / sigma[:, None], -_WINDOW, _WINDOW)
    integral = torch.erf(z * math.sqrt(0.5))
    return integral.diff(dim=1) / (integral[:, -1:] - integral[:, :1])


def _adaptive_sigmas(
    xy: Tensor, batch: Tensor | None, batch_size: int | None, size: tuple[int, int]
) -> Tensor:
    mean = congestion(xy, neighbours=_NEIGHBOURS, batch=batch, batch_size=batch_size)
    lonely = min(max(sum(size) / 8, 1.0), 50.0)
    return torch.where(mean.isinf(), lonely, (0.1 * _NEIGHBOURS * mean).clamp(1.0, 50.0))
