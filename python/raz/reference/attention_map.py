"""Attention map: every head lowers the distances in its window; Gaussians of what is left."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from raz.reference.congestion import congestion

_CHUNK = 1 << 22
"""Most pixels of windows held at once."""


def attention_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    stride: int = 8,
    limit: float = 12.0,
    sigma: float = 4.0,
    neighbours: int = 3,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """See :func:`raz.ops.attention_map`: equal up to the rounding of float64, before the last.

    Example:
        >>> import torch
        >>> attention_map(torch.tensor([[4.0, 4.0]]), (8, 24), neighbours=0, sigma=3.0)
        tensor([[5.9355e-01, 6.5297e-02, 1.6358e-05]])
    """
    xy = points.detach().double()
    images = 1 if batch_size is None else batch_size
    image = torch.zeros(len(xy), dtype=torch.int64, device=xy.device) if batch is None else batch
    if neighbours == 0:
        crowd = torch.zeros_like(xy[:, 0])
    else:
        crowd = congestion(xy, neighbours=neighbours, batch=batch, batch_size=batch_size)
    edges = torch.tensor([size[1], size[0]], dtype=xy.dtype, device=xy.device)
    marked = ((xy >= 0) & (xy <= edges)).all(1) & (image >= 0) & (image < images) & (crowd < limit)
    squared = _nearest(xy, image, marked, (images, *size), min(math.ceil(4 * sigma), max(size)))
    result = _cell_means(torch.exp(-0.5 * (squared.sqrt() / sigma).square()), stride).float()
    return result[0] if batch is None else result


def _nearest(
    xy: Tensor, image: Tensor, marked: Tensor, shape: tuple[int, int, int], reach: int
) -> Tensor:
    """Squared distance [B, H, W] of pixel centres to the nearest marked head whose window it is."""
    _, height, width = shape
    result = xy.new_full((math.prod(shape) + 1,), torch.inf)  # the last takes what lies outside
    offsets = torch.arange(-reach, reach + 1, device=xy.device)
    # Chunks of all heads, not of the marked ones: their number is not known without waiting.
    for heads in torch.split(torch.arange(len(xy), device=xy.device), _heads_at_once(reach)):
        centre = torch.where(marked[heads, None], xy[heads], 0.0)
        pixel = centre.long()[:, :, None] + offsets
        axes = (pixel + 0.5 - centre[:, :, None]).square()
        squared = axes[:, 1, :, None] + axes[:, 0, None, :]
        column, row = pixel[:, 0, None, :], pixel[:, 1, :, None]
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        inside = inside & marked[heads, None, None]
        index = (image[heads, None, None] * height + row) * width + column
        index = torch.where(inside, index, math.prod(shape))
        result.scatter_reduce_(0, index.flatten(), squared.flatten(), "amin")
    return result[:-1].view(shape)


def _heads_at_once(reach: int) -> int:
    return max(1, _CHUNK // (2 * reach + 1) ** 2)


def _cell_means(full: Tensor, stride: int) -> Tensor:
    """Mean over cells [B, ceil(H / stride), ceil(W / stride)] of the pixels inside the image."""
    images, height, width = full.shape
    # One cell all the same, and not padded to a stride that no memory holds.
    tall, wide = min(stride, max(height, 1)), min(stride, max(width, 1))
    down, right = -height % tall, -width % wide
    rows, columns = (height + down) // tall, (width + right) // wide
    cells = F.pad(full, (0, right, 0, down)).view(images, rows, tall, columns, wide)
    heights = (height - torch.arange(rows, device=full.device) * tall).clamp(max=tall)
    widths = (width - torch.arange(columns, device=full.device) * wide).clamp(max=wide)
    return cells.sum((2, 4)) / (heights[:, None] * widths)
