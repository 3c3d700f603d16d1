"""Crops of images, enlarged or shrunk to one size: what zooming into a region looks at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from raz import _native, reference
from raz.ops import _check

_IMAGES = (torch.uint8, *_check.FLOATS)


def crop_and_resize(
    images: Tensor,
    boxes: Tensor,
    batch: Tensor,
    size: tuple[int, int],
    *,
    mean: Tensor | Sequence[float] | None = None,
    std: Tensor | Sequence[float] | None = None,
) -> Tensor:
    """Cut boxes out of images and resize each to ``size`` by bilinear interpolation.

    Column j of w samples ``x1 + (j + 0.5) (x2 - x1) / w``, clamped to the pixel centres of the
    image, not of the box: the neighbourhood of a box is seen at its edges, and what lies outside
    the image repeats its border. There is no antialiasing. The box of the whole image gives what
    ``torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`` gives, and at the
    image's own size the image itself.

    Args:
        images: ``[B, C, H, W]``; uint8, which is divided by 255, or float32, float64, float16 or
            bfloat16, which is not.
        boxes: ``[K, 4]``, edges (x1, y1, x2, y2) in pixels; float32, float64, float16 or bfloat16.
            An inverted box gives a mirrored crop. A box with a NaN or infinite edge gives zeros.
        batch: image of every box, int64 ``[K]`` in ``[0, B)``. (A CUDA device does not check, and
            gives zeros for others.)
        size: (h, w) of the crops in pixels.
        mean: per channel, ``[C]``, subtracted from pixels that are already divided by 255; a tensor
            on the images' device, or numbers, which every call copies there.
        std: per channel, ``[C]``, positive; divides what is left.

    Returns:
        Crops ``[K, C, h, w]``: float32 for uint8 images, else of the images' dtype. Positions are
        float64, values float32 (float64 for float64 images), rounded at the end to the dtype.
        An image without pixels gives zeros. Differentiable with respect to ``images``, ``boxes``,
        ``mean`` and ``std``.

    Raises:
        TypeError: an argument is not a tensor of these dtypes, or ``size`` is no pair.
        ValueError: a shape, ``size``, ``batch`` or ``std`` out of its range, or tensors on several
            devices.
    """
    _check.shape("images", images, "[B, C, H, W]")
    _check.dtype("images", images, _IMAGES)
    _check.shape("boxes", boxes, "[K, 4]")
    _check.dtype("boxes", boxes, _check.FLOATS)
    _check.same_device("boxes", boxes, "images", images)
    _check.batch_index("batch", batch, boxes.shape[0], images.shape[0], boxes)
    height, width = _check.size("size", size)
    means = _per_channel("mean", mean, images)
    deviations = _per_channel("std", std, images)
    if deviations is not None and _check.readable(deviations) and not (deviations > 0).all():
        raise ValueError(f"std is {std}; it must be positive")

    if not _native.serves("crop_and_resize", images, boxes, batch, means, deviations):
        return reference.crop_and_resize(
            images, boxes, batch, (height, width), mean=means, std=deviations
        )
    half = images.dtype in _check.HALVES
    result: Tensor = torch.ops.raz.crop_and_resize.default(
        images.float() if half else images, boxes.double(), batch, height, width, means, deviations
    )
    return result.to(images.dtype) if half else result


def _per_channel(
    name: str, value: Tensor | Sequence[float] | None, images: Tensor
) -> Tensor | None:
    """Return a value per channel on the images' device, float32 or (float64 images) float64."""
    if value is None:
        return None
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    if isinstance(value, Tensor):
        _check.dtype(name, value, _check.FLOATS)
        _check.same_device(name, value, "images", images)
        result = value.to(dtype)
    else:
        result = torch.tensor(value, dtype=dtype, device=images.device)
    _check.shape(name, result, "[C]")
    if result.shape[0] != images.shape[1]:
        raise ValueError(
            f"{name} has {result.shape[0]} values; it must have {images.shape[1]}, one per channel"
        )
    return result


@_native.register_fake("crop_and_resize")
def _(
    images: Tensor,
    boxes: Tensor,
    batch: Tensor,
    height: int,
    width: int,
    mean: Tensor | None,
    std: Tensor | None,
) -> Tensor:
    dtype = torch.float32 if images.dtype == torch.uint8 else images.dtype
    return images.new_empty((boxes.shape[0], images.shape[1], height, width), dtype=dtype)
