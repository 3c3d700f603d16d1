"""Crops of images, enlarged or shrunk to one size: what zooming into a region looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._linear import linear

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
        ``mean`` and ``std``, the last two by plain torch. The native kernels have no second
        derivative, and say so.

    Raises:
        TypeError: an argument is not a tensor of these dtypes, or ``size`` is no pair.
        ValueError: a shape, ``size``, ``batch`` or ``std`` out of its range, or tensors on several
            devices.

    Example:
        >>> import torch
        >>> image = torch.tensor([[[[0.0, 8.0]]]])
        >>> crop_and_resize(image, torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([0]), (1, 4))
        tensor([[[[0., 2., 6., 8.]]]])
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

    if _learned(means, deviations) or not _native.serves(
        "crop_and_resize", images, boxes, batch, means, deviations
    ):
        return reference.crop_and_resize(
            images, boxes, batch, (height, width), mean=means, std=deviations
        )
    half = images.dtype in _check.HALVES
    result: Tensor = _native.call(
        torch.ops.raz.crop_and_resize.default,
        images.float() if half else images,
        boxes.double(),
        batch,
        height,
        width,
        means,
        deviations,
    )
    return result.to(images.dtype) if half else result


def _learned(*values: Tensor | None) -> bool:
    """Tell whether a gradient is asked for that no kernel gives."""
    return torch.is_grad_enabled() and any(
        value is not None and value.requires_grad for value in values
    )


def _per_channel(
    name: str, value: Tensor | Sequence[float] | None, images: Tensor
) -> Tensor | None:
    """Return a value per channel on the images' device, float32 or (float64 images) float64."""
    if value is None:
        return None
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    if isinstance(value, Tensor):
        _check.tensor(name, value)
        _check.dtype(name, value, _check.FLOATS)
        _check.same_device(name, value, "images", images)
        result = value.to(dtype)
    else:
        result = torch.tensor(_check.reals(name, value), dtype=dtype, device=images.device)
    _check.shape(name, result, "[C]")
    if result.shape[0] != images.shape[1]:
        raise ValueError(
            f"{name} has {result.shape[0]} values; it must have {images.shape[1]}, one per channel"
        )
    return result


@_registration.register_fake("crop_and_resize")
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


@_registration.register_fake("crop_and_resize_backward_images")
def _(
    grad: Tensor,
    boxes: Tensor,
    batch: Tensor,
    batch_size: int,
    height: int,
    width: int,
    std: Tensor | None,
) -> Tensor:
    return grad.new_empty((batch_size, grad.shape[1], height, width))


@_registration.register_fake("crop_and_resize_backward_boxes")
def _(grad: Tensor, images: Tensor, boxes: Tensor, batch: Tensor, std: Tensor | None) -> Tensor:
    return boxes.new_empty(boxes.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    images, boxes, batch, _, _, _, std = inputs
    if any(ctx.needs_input_grad[5:]):
        raise RuntimeError(
            "raz::crop_and_resize has no gradient for mean and std; raz.ops.crop_and_resize has"
        )
    ctx.image_shape = images.shape
    ctx.save_for_backward(boxes, batch, std, images if ctx.needs_input_grad[1] else None)


@_registration.register_gradient(
    "crop_and_resize",
    save=_save,
    kernels=("crop_and_resize_backward_images", "crop_and_resize_backward_boxes"),
)
@linear
def _(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    boxes, batch, std, images = ctx.saved_tensors
    of_images = of_boxes = None
    if ctx.needs_input_grad[0]:
        count, _, height, width = ctx.image_shape
        of_images = torch.ops.raz.crop_and_resize_backward_images.default(
            grad, boxes, batch, count, height, width, std
        )
    if ctx.needs_input_grad[1]:
        of_boxes = torch.ops.raz.crop_and_resize_backward_boxes.default(
            grad, images, boxes, batch, std
        )
    return of_images, of_boxes, None, None, None, None, None
