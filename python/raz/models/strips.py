"""A block that widens, filters and narrows, computed strip by strip of its rows (ours).

Between its convolutions an inverted residual block holds six times the channels of its input, at
stride 2 more memory than everything else in the net. Strip by strip these activations stay in the
processor's cache and never exist whole.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIP_BYTES = 4 << 20
"""Memory of the widened activations of one strip, about at most (ours, by measurement)."""


def in_strips(
    x: Tensor,
    widen: Callable[[Tensor], Tensor],
    depthwise: nn.Conv2d,
    narrow: Callable[[Tensor], Tensor],
    padding: tuple[int, int],
) -> Tensor:
    """Compute ``narrow(depthwise(padded(widen(x))))`` strip by strip: the same up to rounding.

    Args:
        x: [B, C, H, W], any floating dtype.
        widen: [B, C, h, W] to [B, depthwise.in_channels, h, W], each pixel from itself alone.
        depthwise: Without dilation; its own padding is not used.
        narrow: Of what the depthwise convolution puts out, each pixel from itself alone.
        padding: Zeros before and after each axis of the widened activations, not fewer after.
    """
    height = x.shape[-2]
    stride = depthwise.stride[0]
    weight, zeros = _symmetric(depthwise.weight, padding)
    kernel = weight.shape[-1]
    strips = []
    rows = (height + sum(padding) - depthwise.kernel_size[0]) // stride + 1
    for first, last in _strips(x, depthwise, rows):
        top, bottom = first * stride - zeros, (last - 1) * stride + kernel - zeros
        at_border = top < 0 or bottom > height
        # At a border the convolution pads both ends, and what it puts out too much is cut off.
        start = max(0, top - (-zeros % stride if at_border else 0))
        filtered = F.conv2d(
            widen(x[:, :, start : min(height, bottom)]),
            weight,
            depthwise.bias,
            stride,
            (zeros if at_border else 0, zeros),
            groups=depthwise.groups,
        )
        if at_border:
            skipped = (top - start + zeros) // stride
            filtered = filtered[:, :, skipped : skipped + last - first]
        strips.append(narrow(filtered))
    return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)


def _symmetric(weight: Tensor, padding: tuple[int, int]) -> tuple[Tensor, int]:
    """Weights with rows and columns of zeros before them, for the same padding on both sides.

    Multiplying by zero takes less time than a copy of the activations with zeros around them.
    """
    before, after = padding
    return F.pad(weight, (after - before, 0, after - before, 0)), after


def _strips(x: Tensor, depthwise: nn.Conv2d, rows: int) -> list[tuple[int, int]]:
    """First and last row (exclusive) of each strip of the output, all but the last alike."""
    row_bytes = x.shape[0] * depthwise.in_channels * x.shape[-1] * x.element_size()
    number = -(-rows * depthwise.stride[0] * row_bytes // STRIP_BYTES)
    step = -(-rows // max(1, min(rows, number)))
    return [(first, min(first + step, rows)) for first in range(0, rows, step)]
