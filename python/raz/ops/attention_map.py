"""Attention map: the target of the zooming-region-proposal branch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops.congestion import MOST_NEIGHBOURS

CROWDED_LIMIT = 12.0
"""Mean distance to the three nearest heads, in pixels, below which a head is crowded (ours)."""

MOST_PIXELS = 2**36
"""Most pixels of one full-size map; a minute or so of one CPU core."""

MOST_WORK = 2**37
"""Most pixels in the reach of heads, all heads together; a quarter of an hour or so."""


def attention_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    stride: int = 8,
    limit: float = CROWDED_LIMIT,
    sigma: float = 4.0,
    neighbours: int = 3,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Mark where heads are small and crowded by soft blobs (ours; the paper prints no target).

    Heads whose mean distance to their ``neighbours`` nearest is below ``limit`` get a Gaussian of
    peak 1, evaluated at the pixel centres up to ceil(4 sigma) pixels away along both axes, combined
    by maximum. That map of the full size is averaged over cells of ``stride`` x ``stride`` pixels
    (over the pixels inside the image, where the last row or column of cells is cut). Heads outside
    the image count as neighbours and get no Gaussian. An image with no more than ``neighbours``
    heads is zero.

    With ``neighbours=0`` every head is marked, which at ``stride=1`` is the heat map of a point
    detector.

    Args:
        points: heads ``[N, 2]``, (x, y) in pixels; float32, float64, float16 or bfloat16. A head
            with a NaN or infinite coordinate is no neighbour and gets no Gaussian.
        size: (H, W) of the image in pixels, at most 2^36 of them.
        stride: side of a cell in pixels, at most 2^31.
        limit: pixels; infinity marks every head that has enough neighbours.
        sigma: standard deviation of the Gaussian in pixels, positive and finite. The pixels that
            all heads reach must be at most 2^37.
        neighbours: how many nearest heads make a crowd, in [0, 32].
        batch: image of every head, int64 ``[N]`` in ``[0, batch_size)``. Heads are neighbours
            within their image.
        batch_size: number of images B; goes with ``batch``.

    Returns:
        float32 in [0, 1], ``[ceil(H / stride), ceil(W / stride)]``, or with ``batch``
        ``[B, ceil(H / stride), ceil(W / stride)]``. It has no gradient.

    Raises:
        TypeError: ``points`` or ``batch`` is not a tensor of these dtypes, or ``size`` no pair.
        ValueError: a shape, ``size``, a number or ``batch`` out of its range.

    Example:
        >>> import torch
        >>> attention_map(torch.tensor([[4.0, 4.0]]), (8, 24), neighbours=0, sigma=3.0)
        tensor([[5.9355e-01, 6.5297e-02, 1.6358e-05]])
    """
    _check.shape("points", points, "[N, 2]")
    _check.dtype("points", points, _check.FLOATS)
    height, width = _check.size("size", size)
    stride, neighbours = _check.whole("stride", stride), _check.whole("neighbours", neighbours)
    limit, sigma = _check.real("limit", limit), _check.real("sigma", sigma)
    if not 1 <= stride <= 2**31:
        raise ValueError(f"stride is {stride}; it must be in [1, {2**31}]")
    if limit != limit:
        raise ValueError(f"limit is {limit}; it must be pixels")
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma is {sigma}; it must be positive and finite")
    if not 0 <= neighbours <= MOST_NEIGHBOURS:
        raise ValueError(f"neighbours is {neighbours}; it must be in [0, {MOST_NEIGHBOURS}]")
    images = _check.optional_batch(batch, batch_size, points)
    _check_work(points.shape[0], height, width, sigma)

    points = _native.constant(points)
    if not _native.serves("attention_map", points, batch):
        return reference.attention_map(
            points,
            (height, width),
            stride=stride,
            limit=limit,
            sigma=sigma,
            neighbours=neighbours,
            batch=batch,
            batch_size=None if batch is None else images,
        )
    result: Tensor = torch.ops.raz.attention_map.default(
        points.double(), height, width, stride, limit, sigma, neighbours, batch, images
    )
    result = result.float()
    return result[0] if batch is None else result


def _check_work(heads: int, height: int, width: int, sigma: float) -> None:
    """Refuse what would take hours. Sizes that a graph leaves open are not looked at."""
    if torch.compiler.is_compiling() or any(
        isinstance(number, torch.SymInt) for number in (heads, height, width)
    ):
        return
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"size is {(height, width)}; it must be at most {MOST_PIXELS} pixels altogether"
        )
    reach = 2 * math.ceil(4 * min(sigma, 1e9)) + 1
    work = heads * min(reach, height) * min(reach, width)
    if work > MOST_WORK:
        raise ValueError(
            f"sigma is {sigma}; {heads} heads would reach {work} pixels, and it must be at most "
            f"{MOST_WORK}"
        )


@_registration.register_fake("attention_map")
def _(
    points: Tensor,
    height: int,
    width: int,
    stride: int,
    limit: float,
    sigma: float,
    neighbours: int,
    batch: Tensor | None,
    batch_size: int,
) -> Tensor:
    return points.new_empty((batch_size, -(-height // stride), -(-width // stride)))
