"""Integral image by two running sums."""

from __future__ import annotations

import torch
from torch import Tensor


def integral_image(x: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """See :func:`raz.ops.integral_image`."""
    sum_dtype = torch.promote_types(x.dtype, dtype) if x.is_floating_point() else torch.int64
    sums = x.to(sum_dtype).cumsum(-1).cumsum(-2)
    return torch.nn.functional.pad(sums, (1, 0, 1, 0)).to(dtype)
