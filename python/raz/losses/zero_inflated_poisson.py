"""Counting as a zero-inflated Poisson process over blocks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from raz.losses._precision import widened

BLOCK = 2
"""Cells per side of a block that shares one probability of being empty for good."""

_LEAST_RATE = 1e-12
"""Persons per cell: keeps the logarithm of a rate finite in float32."""

_LEAST_LOG = -60.0
"""Of the probability that a block is occupied: keeps its inverse finite in float32."""


def zero_inflated_poisson(density: Tensor, empty: Tensor, counts: Tensor) -> Tensor:
    """Negative log-likelihood of the heads in each cell, summed over an image, mean over the batch.

    A block of 2x2 cells is empty for good with probability ``p = sigmoid(empty)``; else its cells
    hold independent Poisson numbers of rates ``r = density / (1 - p)``, so that ``density`` is what
    is to be expected. With R the sum of r over the block and y the heads in its cells:

    - no head: ``-log(p + (1 - p) exp(-R))``;
    - heads: ``-log(1 - p) + R - sum y log r``, up to a constant that depends on the heads alone.

    After ZIP (Ma et al., 2025), whose blocks have one rate and whose rates are sums over bins; that
    cells share a block's p and have rates of their own is ours.

    A Poisson likelihood fits the mean; an absolute error fits the median, which is 0 where people
    are few.

    Args:
        density: float ``[B, h, w]``, persons per cell, >= 0.
        empty: float ``[B, ceil(h / 2), ceil(w / 2)]``, logits.
        counts: ``[B, h, w]``, heads in each cell.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import torch
        >>> density, empty = torch.full((1, 2, 2), 0.5), torch.zeros(1, 1, 1)
        >>> zero_inflated_poisson(density, empty, torch.ones(1, 2, 2))
        tensor(4.6931)
    """
    batch, height, width = density.shape
    blocks = (batch, -(-height // BLOCK), -(-width // BLOCK))
    if empty.shape != blocks or counts.shape != density.shape:
        raise ValueError(
            f"empty has shape {list(empty.shape)} and counts {list(counts.shape)}; for a density "
            f"of {list(density.shape)} they must be {list(blocks)} and {list(density.shape)}"
        )
    density, empty = widened(density), widened(empty)
    if density.numel() == 0:
        return density.sum()
    empty = empty.clamp_max(-_LEAST_LOG)  # beyond, 1 - p is 0 to the rate's division
    log_occupied = F.logsigmoid(-empty)
    heads = _block_sums(counts)
    rate = _block_sums(density) * torch.exp(-log_occupied)
    log_rates = _block_sums(counts * density.clamp_min(_LEAST_RATE).log()) - heads * log_occupied
    without_heads = -log_occupied - torch.logaddexp(empty, -rate)
    with_heads = -log_occupied + rate - log_rates
    return torch.where(heads > 0, with_heads, without_heads).sum((-2, -1)).mean()


def _block_sums(cells: Tensor) -> Tensor:
    padded = F.pad(cells[:, None], (0, cells.shape[-1] % BLOCK, 0, cells.shape[-2] % BLOCK))
    return F.avg_pool2d(padded, BLOCK, divisor_override=1)[:, 0]
