"""Integral image (summed-area table)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._fold_batch import fold_batch
from raz.ops._linear import linear

_INTEGERS = (torch.uint8, torch.int32, torch.int64)
_MAPS = (*_check.FLOATS, *_INTEGERS)
_FLOAT_TABLES = (torch.float32, torch.float64)
_INTEGER_TABLES = (*_FLOAT_TABLES, torch.int64)


def integral_image(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """Sum a map over every box that starts at its upper left corner.

    ``table[..., y, x] = x[..., :y, :x].sum()``, so the sum over the box ``[y1, y2) x [x1, x2)`` is
    ``table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1]``.

    Args:
        x: map of shape ``[..., H, W]``; float32, float64, float16, bfloat16, uint8, int32 or int64.
        dtype: of the table, float32, float64 or int64 (integer maps only). By default float64 for
            floating point maps and int64, which is exact, for integers.

    Returns:
        Table of shape ``[..., H+1, W+1]``; row 0 and column 0 are zero. A NaN makes every entry
        below and right of it NaN. Differentiable, any number of times.

    Raises:
        TypeError: ``x`` is not a tensor of these dtypes, or ``dtype`` is not allowed.
        ValueError: ``x`` has fewer than two dimensions.

    Example:
        >>> import torch
        >>> integral_image(torch.tensor([[1, 2], [3, 4]]))
        tensor([[ 0,  0,  0],
                [ 0,  1,  3],
                [ 0,  4, 10]])
    """
    _check.tensor("x", x)
    _check.dtype("x", x, _MAPS)
    if x.dim() < 2:
        raise ValueError(f"x has shape {list(x.shape)}; it must be [..., H, W]")
    integer = x.dtype in _INTEGERS
    if dtype is None:
        dtype = torch.int64 if integer else torch.float64
    allowed = _INTEGER_TABLES if integer else _FLOAT_TABLES
    if not isinstance(dtype, torch.dtype) or dtype not in allowed:
        raise TypeError(f"dtype is {_check.told(dtype)}; for {x.dtype} it must be one of {allowed}")

    if not _native.serves("integral_image", x):
        return reference.integral_image(x, dtype=dtype)
    if x.dtype in _check.HALVES:
        x = x.float()
    # Integers are summed exactly, and float64 maps in float64; the table is rounded at the end.
    sum_dtype = torch.int64 if integer else torch.float64 if x.dtype == torch.float64 else dtype
    maps = x if x.dim() == 3 else x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    table: Tensor = _native.call(torch.ops.raz.integral_image.default, maps, sum_dtype)
    if x.dim() != 3:
        table = table.reshape(*x.shape[:-2], *table.shape[-2:])
    return table if sum_dtype == dtype else table.to(dtype)


@_registration.register_fake("integral_image")
def _(image: Tensor, dtype: torch.dtype) -> Tensor:
    batch, height, width = image.shape
    return image.new_empty((batch, height + 1, width + 1), dtype=dtype)


@_registration.register_fake("integral_image_backward")
def _(grad: Tensor, dtype: torch.dtype) -> Tensor:
    batch, height, width = grad.shape
    return grad.new_empty((batch, height - 1, width - 1), dtype=dtype)


def _save_dtype(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.dtype = inputs[0].dtype


@_registration.register_gradient(
    "integral_image", save=_save_dtype, kernels=("integral_image_backward",)
)
@linear
def _(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return torch.ops.raz.integral_image_backward.default(grad, ctx.dtype), None


@_registration.register_gradient(
    "integral_image_backward", save=_save_dtype, kernels=("integral_image",)
)
@linear
def _(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return torch.ops.raz.integral_image.default(grad, ctx.dtype), None


for _op in ("integral_image", "integral_image_backward"):
    _registration.register_vmap(_op)(fold_batch(_op, tensors=1))
