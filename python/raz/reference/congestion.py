"""Congestion from all distances, a chunk of heads at a time."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 1 << 22
"""Most distances held at once."""


def congestion(
    points: Tensor,
    *,
    neighbours: int = 3,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """See :func:`raz.ops.congestion`: equal up to the rounding of float64.

    Example:
        >>> import torch
        >>> congestion(torch.tensor([[0.0, 0.0], [3.0, 4.0], [9.0, 12.0]]), neighbours=1)
        tensor([ 5.,  5., 10.], dtype=torch.float64)
    """
    xy = points.detach().double()
    count = len(xy)
    image = torch.zeros(count, dtype=torch.int64, device=xy.device) if batch is None else batch
    finite = xy.isfinite().all(1)
    index = torch.arange(count, device=xy.device)
    # As many neighbours at infinity, so that there are always enough to take.
    nowhere = xy.new_full((1, neighbours), torch.inf)
    result = [xy.new_empty(0)]
    for rows in torch.split(index, max(1, _CHUNK // max(count, 1))):
        neighbour = (image[rows, None] == image) & (rows[:, None] != index) & finite
        squared = (xy[rows, None] - xy).square().sum(2)
        squared = torch.where(neighbour, squared, torch.inf)
        squared = torch.cat([squared, nowhere.expand(len(rows), -1)], dim=1)
        nearest = squared.topk(neighbours, dim=1, largest=False).values.sqrt()
        result.append(nearest.mean(1))
    return torch.where(finite, torch.cat(result), torch.inf)
