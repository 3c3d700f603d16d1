"""The 3x3 mean that peaks are found in."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def mean3(x: Tensor) -> Tensor:
    """Mean of [B, H, W] over the 3x3 pixels inside the image, summed in the native code's order."""
    padded = pad(x, (1, 1, 1, 1))
    rows = (padded[..., :-2] + padded[..., 1:-1]) + padded[..., 2:]
    total = (rows[:, :-2] + rows[:, 1:-1]) + rows[:, 2:]
    return total / (_inside(x.shape[1], x)[:, None] * _inside(x.shape[2], x))


def _inside(size: int, like: Tensor) -> Tensor:
    """Count, for every i, how many of i - 1, i and i + 1 lie in [0, size)."""
    index = torch.arange(size, device=like.device)
    return ((index + 2).clamp(max=size) - (index - 1).clamp(min=0)).to(like.dtype)
