"""Crops by reading the four neighbours of every sample."""

from __future__ import annotations

import torch
from torch import Tensor

from raz.reference._clamped import clamped


def crop_and_resize(
    images: Tensor,
    boxes: Tensor,
    batch: Tensor,
    size: tuple[int, int],
    *,
    mean: Tensor | None = None,
    std: Tensor | None = None,
) -> Tensor:
    """See :func:`raz.ops.crop_and_resize`; ``mean`` and ``std`` are tensors ``[C]``.

    The same operations in the same order: equal to the bit on the CPU, up to the rounding of a
    float32 division on a GPU, where torch divides by 255 by way of the reciprocal.

    Example:
        >>> import torch
        >>> image = torch.tensor([[[[0.0, 8.0]]]])
        >>> crop_and_resize(image, torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([0]), (1, 4))
        tensor([[[[0., 2., 6., 8.]]]])
    """
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    result_dtype = dtype if images.dtype == torch.uint8 else images.dtype
    count, channels, height, width = images.shape
    if images.numel() == 0:
        result = images.new_zeros((len(boxes), channels, *size), dtype=result_dtype)
        for argument in (images, boxes, mean, std):
            if argument is not None:
                result = result + argument[:0].sum()  # 0, but for a gradient of zeros
        return result
    if images.dtype != torch.uint8:
        # Before pixels are read: the gradients of all samples of a pixel are added in this dtype.
        images = images.to(dtype)
    known = boxes.isfinite().all(1) & (batch >= 0) & (batch < count)
    x1, y1, x2, y2 = torch.where(known[:, None], boxes, 0).double().unbind(1)
    image = batch.clamp(0, count - 1)[:, None, None]
    left, right, across = _sample_axis(x1, x2, size[1], width)
    top, bottom, down = _sample_axis(y1, y2, size[0], height)

    def value(pixels: Tensor) -> Tensor:
        """Normalise pixels [..., C]."""
        values = pixels.to(dtype)
        if images.dtype == torch.uint8:
            values = values / 255
        if mean is not None:
            values = values - mean
        if std is not None:
            values = values / std
        return values

    def row(y: Tensor) -> Tensor:
        """Sample one neighbouring row along x, [K, h, w, C]."""
        first = value(images[image, :, y[:, :, None], left[:, None]])
        second = value(images[image, :, y[:, :, None], right[:, None]])
        weight = across[:, None, :, None].to(dtype)
        return first * (1 - weight) + second * weight

    weight = down[:, :, None, None].to(dtype)
    values = row(top) * (1 - weight) + row(bottom) * weight
    values = torch.where(known[:, None, None, None], values, 0)
    return values.permute(0, 3, 1, 2).to(result_dtype).contiguous()


def _sample_axis(
    low: Tensor, high: Tensor, count: int, length: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return both neighbours of every sample and the weight of the second, each [K, count]."""
    centres = torch.arange(count, dtype=torch.float64, device=low.device) + 0.5
    at = low[:, None] + centres * (high - low)[:, None] / count - 0.5
    at = clamped(at, 0, length - 1)
    first = at.detach().long()
    return first, (first + 1).clamp(max=length - 1), at - first
