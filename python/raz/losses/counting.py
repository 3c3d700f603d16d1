"""Losses of the density map: of its cells, of blocks of them, and of the whole count.

``density``, ``target`` and ``counts`` are ``[B, h, w]`` in persons per cell. Results are scalars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from raz.losses._precision import widened

_LEAST_RATE = 1e-12
"""Persons per block: keeps the logarithm of a rate finite in float32."""


def density_mse(
    density: Tensor, target: Tensor, *, per: Literal["image", "cell"] = "image"
) -> Tensor:
    """Squared error of the density map, the counting loss of Liu et al., CVPR 2019.

    ``1/B sum_b sum_x (D - Y)^2`` per image, ``1/(B h w) sum_b sum_x (D - Y)^2`` per cell: the paper
    does not print which. Half of the first is CSRNet's (Li et al., CVPR 2018). Unit: persons^2.

    Args:
        density: [B, h, w], persons per cell.
        target: the same of the truth.
        per: "image", so that one person weighs the same in images of any size, or "cell".

    Raises:
        ValueError: ``per`` is neither.

    Example:
        >>> import torch
        >>> density, target = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)
        >>> density_mse(density, target)
        tensor(1.)
    """
    if per not in ("image", "cell"):
        raise ValueError(f"per is {per!r}; it must be 'image' or 'cell'")
    squared = (widened(density) - target).square()
    return squared.mean() if per == "cell" else squared.sum((-2, -1)).mean()


def block_mae(
    density: Tensor, target: Tensor, weights: Sequence[float] = (0.25, 0.5, 1.0)
) -> Tensor:
    """Absolute error of persons per block, summed over an image, averaged over the batch.

    ``1/B sum_b sum_k w_k sum_blocks |sum_block D - Y|``, blocks of 1, 2, 4, … cells a side. The
    multi-scale error of ZIP (Ma et al., 2025) with sums in place of means. Unit: persons.

    Args:
        density: [B, h, w], persons per cell.
        target: the same of the truth.
        weights: w_k. Blocks at the border are cut there.

    Example:
        >>> import torch
        >>> density, target = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)
        >>> block_mae(density, target)
        tensor(3.5000)
    """
    error = widened(density) - target
    largest = 2 ** (len(weights) - 1)
    error = F.pad(error, (0, -error.shape[-1] % largest, 0, -error.shape[-2] % largest))
    total = error.new_zeros(())
    for level, weight in enumerate(weights):
        side = 2**level
        blocks = F.avg_pool2d(error[:, None], side) * side**2
        total = total + weight * blocks.abs().sum() / len(error)
    return total


def block_poisson(
    density: Tensor, counts: Tensor, weights: Sequence[float] = (0.25, 0.5, 1.0)
) -> Tensor:
    """Poisson likelihood of the heads in a block, summed over an image, averaged over the batch.

    ``1/B sum_b sum_k w_k sum_blocks [R - y + y log(y / R)]``, R persons and y heads in the block,
    blocks of 1, 2, 4, … cells a side: the negative logarithm of the likelihood, less what a perfect
    R leaves. It is least where R is the mean of y, while an absolute error is least at the median,
    which is 0 where people are few (:func:`block_mae`). Ours. Unit: nats.

    Args:
        density: [B, h, w], persons per cell, >= 0.
        counts: the same shape, heads in each cell.
        weights: w_k. Blocks at the border are cut there.

    Example:
        >>> import torch
        >>> heads = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
        >>> float(block_poisson(heads, heads))
        0.0
    """
    largest = 2 ** (len(weights) - 1)
    padding = (0, -density.shape[-1] % largest, 0, -density.shape[-2] % largest)
    expected, heads = (F.pad(x, padding)[:, None] for x in (widened(density), counts))
    total = expected.new_zeros(())
    for level, weight in enumerate(weights):
        side = 2**level
        rate = F.avg_pool2d(expected, side, divisor_override=1)
        y = F.avg_pool2d(heads, side, divisor_override=1)
        # xlogy is 0 for no heads, also of a rate of 0, and its gradient is that of y log R alone.
        surplus = torch.xlogy(y, y) - torch.xlogy(y, rate.clamp_min(_LEAST_RATE))
        total = total + weight * (rate - y + surplus).sum() / len(density)
    return total


def count_l1(density: Tensor, target: Tensor) -> Tensor:
    """Absolute error of the count of an image, averaged over the batch.

    ``1/B sum_b |sum_x D - sum_x Y|``, the counting loss of DM-Count (Wang et al., NeurIPS 2020).
    Unit: persons.

    Args:
        density: [B, h, w], persons per cell.
        target: the same of the truth.

    Example:
        >>> import torch
        >>> density, target = torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)
        >>> count_l1(density, target)
        tensor(2.)
    """
    return (widened(density) - target).sum((-2, -1)).abs().mean()
