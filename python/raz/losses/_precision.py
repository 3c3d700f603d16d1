"""Losses are computed in float32 or wider, whatever precision the net runs in."""

from __future__ import annotations

import torch
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """Return ``x`` as float32, float64 as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def full_precision(x: Tensor) -> torch.autocast:
    """Context in which matrix products are not rounded, also within an autocast of the net."""
    return torch.autocast(x.device.type, enabled=False)
