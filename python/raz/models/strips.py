"""A block that widens, filters and narrows, computed strip by strip of its rows (ours).

Between its convolutions an inverted residual block holds six times the channels of its input, at
stride 2 more memory than everything else in the net; what the first block reads is the widest map
of the net. Strip by strip these activations stay in the processor's cache and never exist whole.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIP_BYTES = 4 << 20
"""Memory of the widened activations of one strip, about at most (ours, by measurement)."""

Widened = Callable[[int, int], Tensor]
"""Computes rows of widened activations [B, C, H, W], from the first to the last (exclusive)."""


def in_strips(
    widened: Widened,
    size: tuple[int, int, int],
    depthwise: nn.Conv2d,
    narrow: Callable[[Tensor], Tensor],
    padding: tuple[int, int],
) -> Tensor:
    """Compute ``narrow(depthwise(padded(widened)))`` strip by strip: the same up to rounding.

    Args:
        widened: Rows of the input of ``depthwise``; those that two strips need are asked for twice.
        size: (B, H, W) of all of them.
        depthwise: Without dilation; its own padding is not used.
        narrow: Of what the depthwise convolution puts out, each pixel from itself alone.
        padding: Zeros before and after each axis of the widened activations, not fewer after.
    """
    _, height, _ = size
    stride = depthwise.stride[0]
    weight, zeros = _symmetric(depthwise.weight, padding)
    kernel = weight.shape[-1]
    rows = (height + sum(padding) - depthwise.kernel_size[0]) // stride + 1
    whole = None
    for first, last in _strips(size, depthwise, rows):
        top, bottom = first * stride - zeros, (last - 1) * stride + kernel - zeros
        at_border = top < 0 or bottom > height
        # At a border the convolution pads both ends, and what it puts out too much is cut off.
        start = max(0, top - (-zeros % stride if at_border else 0))
        filtered = F.conv2d(
            widened(start, min(height, bottom)),
            weight,
            depthwise.bias,
            stride,
            (zeros if at_border else 0, zeros),
            groups=depthwise.groups,
        )
        if at_border:
            skipped = (top - start + zeros) // stride
            filtered = filtered[:, :, skipped : skipped + last - first]
        strip = narrow(filtered)
        if last - first == rows:
            return strip
        if whole is None:
            whole = _of_height(strip, rows)
        whole[:, :, first:last] = strip
    assert whole is not None
    return whole


def _of_height(strip: Tensor, rows: int) -> Tensor:
    """An empty tensor like ``strip`` [B, C, h, W], in its memory format, with so many rows."""
    batch, channels, _, width = strip.shape
    last = strip.is_contiguous(memory_format=torch.channels_last)
    return torch.empty(
        (batch, channels, rows, width),
        dtype=strip.dtype,
        device=strip.device,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )


def _symmetric(weight: Tensor, padding: tuple[int, int]) -> tuple[Tensor, int]:
    """Weights with rows and columns of zeros before them, for the same padding on both sides.

    Multiplying by zero takes less time than a copy of the activations with zeros around them.
    """
    before, after = padding
    return F.pad(weight, (after - before, 0, after - before, 0)), after


def _strips(size: tuple[int, int, int], depthwise: nn.Conv2d, rows: int) -> list[tuple[int, int]]:
    """First and last row (exclusive) of each strip of the output, all but the last alike."""
    batch, _, width = size
    row_bytes = batch * depthwise.in_channels * width * depthwise.weight.element_size()
    number = -(-rows * depthwise.stride[0] * row_bytes // STRIP_BYTES)
    step = -(-rows // max(1, min(rows, number)))
    return [(first, min(first + step, rows)) for first in range(0, rows, step)]
