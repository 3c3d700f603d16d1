"""Integral image by two running sums, in the order of csrc's integral_image.h on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor


def integral_image(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """See :func:`raz.ops.integral_image`.

    Example:
        >>> import torch
        >>> integral_image(torch.tensor([[1, 2], [3, 4]]))
        tensor([[ 0,  0,  0],
                [ 0,  1,  3],
                [ 0,  4, 10]])
    """
    integer = not x.is_floating_point()
    if dtype is None:
        dtype = torch.int64 if integer else torch.float64
    sum_dtype = torch.int64 if integer else torch.float64  # also of a float32 table
    first, then = (-1, -2) if integer or x.dtype == torch.float64 else (-2, -1)
    sums = x.to(sum_dtype).cumsum(first).cumsum(then)
    return torch.nn.functional.pad(sums, (1, 0, 1, 0)).to(dtype)
