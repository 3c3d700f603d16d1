"""Density map: where heads are, in persons per cell."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._linear import linear


def density_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    sigma: Literal["adaptive"] | float = "adaptive",
    stride: int = 8,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Spread every head inside the image over a map of cells that sums to the number of heads.

    A cell holds the integral of a head's Gaussian over the cell (not its value at the centre), cut
    at the image's edges and at 4 sigma, divided by what those cuts leave: a head inside the image
    gives exactly one person, also in a corner. (That normalisation is ours.)

    The adaptive sigma is that of CSRNet's data, which RAZ-Net follows for crowded images:
    0.1 (d1 + d2 + d3), the distances to the three nearest heads. Ours are the clamp to [1, 50]
    pixels and (H + W) / 8, clamped likewise, for a head with fewer than three neighbours. Sparse
    images take ``sigma=15.0``.

    Args:
        points: heads ``[N, 2]``, (x, y) in pixels; float32, float64, float16 or bfloat16. A head
            with x outside [0, W] or y outside [0, H] gives nothing, yet it is a neighbour of the
            others. A head with a NaN or infinite coordinate gives nothing and is no neighbour.
        size: (H, W) of the image in pixels.
        sigma: standard deviation in pixels, positive and finite, or "adaptive".
        stride: side of a cell in pixels. Cells of the last row and column end with the image.
        batch: image of every head, int64 ``[N]`` in ``[0, batch_size)``. Heads are neighbours
            within their image.
        batch_size: number of images B; goes with ``batch``.

    Returns:
        Persons per cell, ``[ceil(H / stride), ceil(W / stride)]``, or with ``batch``
        ``[B, ceil(H / stride), ceil(W / stride)]``; float64 for float64 points, else float32,
        rounded once from float64. Differentiable with respect to ``points``, sigma held constant;
        the native kernel has no second derivative, and says so.

    Raises:
        TypeError: ``points`` or ``batch`` is not a tensor of these dtypes, or ``size`` no pair.
        ValueError: a shape, ``size``, ``sigma``, ``stride`` or ``batch`` out of its range.

    Example:
        >>> import torch
        >>> density_map(torch.tensor([[8.0, 8.0]]), (16, 24), sigma=4.0)
        tensor([[0.2442, 0.2442, 0.0116],
                [0.2442, 0.2442, 0.0116]])
    """
    _check.shape("points", points, "[N, 2]")
    _check.dtype("points", points, _check.FLOATS)
    height, width = _check.size("size", size)
    stride = _check.whole("stride", stride)
    if stride < 1:
        raise ValueError(f"stride is {stride}; it must be at least 1")
    if sigma is None or isinstance(sigma, str):
        if sigma != "adaptive":
            raise ValueError(f'sigma is {sigma!r}; it must be "adaptive" or pixels')
    else:
        sigma = _check.real("sigma", sigma)
        if not 0 < sigma < math.inf:
            raise ValueError(f"sigma is {sigma}; it must be positive and finite")
    images = _check.optional_batch(batch, batch_size, points)

    if not _native.serves("density_map", points, batch):
        return reference.density_map(
            points,
            (height, width),
            sigma=sigma,
            stride=stride,
            batch=batch,
            batch_size=None if batch is None else images,
        )
    result: Tensor = _native.call(
        torch.ops.raz.density_map.default,
        points.float() if points.dtype in _check.HALVES else points,
        height,
        width,
        None if isinstance(sigma, str) else sigma,
        stride,
        batch,
        images,
    )
    return result[0] if batch is None else result


@_registration.register_fake("density_map")
def _(
    points: Tensor,
    height: int,
    width: int,
    sigma: float | None,
    stride: int,
    batch: Tensor | None,
    batch_size: int,
) -> Tensor:
    return points.new_empty((batch_size, -(-height // stride), -(-width // stride)))


@_registration.register_fake("density_map_backward")
def _(
    grad: Tensor,
    points: Tensor,
    height: int,
    width: int,
    sigma: float | None,
    stride: int,
    batch: Tensor | None,
) -> Tensor:
    return points.new_empty(points.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    points, ctx.height, ctx.width, ctx.sigma, ctx.stride, batch, _ = inputs
    ctx.save_for_backward(points, batch)


@_registration.register_gradient("density_map", save=_save, kernels=("density_map_backward",))
@linear
def _(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    points, batch = ctx.saved_tensors
    of_points = torch.ops.raz.density_map_backward.default(
        grad.double(), points.double(), ctx.height, ctx.width, ctx.sigma, ctx.stride, batch
    )
    return of_points.to(points.dtype), None, None, None, None, None, None
