"""Point map by writing ones at indices; what falls outside goes to a spare entry."""

from __future__ import annotations

import torch
from torch import Tensor

_CROSS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def point_map(
    points: Tensor,
    size: tuple[int, int],
    *,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """See :func:`raz.ops.point_map`. The same to the bit.

    Example:
        >>> import torch
        >>> point_map(torch.tensor([[1.5, 1.5]]), (3, 4))
        tensor([[0., 1., 0., 0.],
                [1., 1., 1., 0.],
                [0., 1., 0., 0.]])
    """
    height, width = size
    images = 1 if batch_size is None else batch_size
    xy = points.detach().double()
    x, y = xy.unbind(1)
    image = torch.zeros_like(x, dtype=torch.int64) if batch is None else batch
    inside = (x >= 0) & (x <= width) & (y >= 0) & (y <= height) & (image >= 0) & (image < images)
    cross = torch.tensor(_CROSS, device=points.device)
    pixel = torch.where(inside[:, None], xy, 0).long()
    columns = pixel[:, :1].clamp(max=width - 1) + cross[:, 0]
    rows = pixel[:, 1:].clamp(max=height - 1) + cross[:, 1]
    inside = inside[:, None] & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    index = (image[:, None] * height + rows) * width + columns
    total = images * height * width
    result = torch.zeros(total + 1, device=points.device)
    result[torch.where(inside, index, total)] = 1.0
    result = result[:total].reshape(images, height, width)
    return result[0] if batch is None else result
