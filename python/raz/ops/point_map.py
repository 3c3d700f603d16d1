"""Point map: the localization target, a small cross on every head."""

from __future__ import annotations

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check


def point_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Mark every head inside the image by a cross of five pixels, cut at the image's edges.

    The cross is the kernel K = [0 1 0; 1 1 1; 0 1 0] of the localization map (Liu et al., CVPR
    2019). Where crosses meet the map stays 1.

    Args:
        points: heads ``[N, 2]``, (x, y) in pixels; float32, float64, float16 or bfloat16. A head
            marks the pixel (floor(x), floor(y)); x = W or y = H means the last one. A head outside
            the image, or with a NaN or infinite coordinate, marks nothing.
        size: (H, W) of the image in pixels.
        batch: image of every head, int64 ``[N]`` in ``[0, batch_size)``.
        batch_size: number of images B; goes with ``batch``.

    Returns:
        float32 ``[H, W]`` of 0 and 1, or with ``batch`` ``[B, H, W]``. It has no gradient.

    Raises:
        TypeError: ``points`` or ``batch`` is not a tensor of these dtypes, or ``size`` no pair.
        ValueError: a shape, ``size`` or ``batch`` out of its range.

    Example:
        >>> import torch
        >>> point_map(torch.tensor([[1.5, 1.5]]), (3, 4))
        tensor([[0., 1., 0., 0.],
                [1., 1., 1., 0.],
                [0., 1., 0., 0.]])
    """
    _check.shape("points", points, "[N, 2]")
    _check.dtype("points", points, _check.FLOATS)
    height, width = _check.size("size", size)
    images = _check.optional_batch(batch, batch_size, points)

    points = _native.constant(points)
    if not _native.serves("point_map", points, batch):
        return reference.point_map(
            points, (height, width), batch=batch, batch_size=None if batch is None else images
        )
    if points.dtype in _check.HALVES:
        points = points.float()
    result: Tensor = torch.ops.raz.point_map.default(points, height, width, batch, images)
    return result[0] if batch is None else result


@_registration.register_fake("point_map")
def _(points: Tensor, height: int, width: int, batch: Tensor | None, batch_size: int) -> Tensor:
    return points.new_empty((batch_size, height, width), dtype=torch.float32)
