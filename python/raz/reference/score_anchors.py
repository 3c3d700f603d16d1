"""Scores of boxes from an integral image, in the order of operations of csrc's box_score.h."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class _Cover(NamedTuple):
    """What intervals cover of one axis: part of a first pixel, whole ones, part of a last one."""

    edges: Tensor  # [B, N, 4] int64: of the first pixel, then of the last
    first: Tensor  # [B, N] length inside the first pixel
    last: Tensor  # [B, N] length inside the last pixel, 0 where the interval ends on an edge


def score_anchors(integral: Tensor, boxes: Tensor, *, reduction: str = "mean") -> Tensor:
    """See :func:`raz.ops.score_anchors`.

    Example:
        >>> import torch
        >>> from raz.reference import integral_image
        >>> table = integral_image(torch.ones(1, 4, 4))
        >>> score_anchors(table, torch.tensor([[[0.0, 0.0, 2.0, 2.5]]]), reduction="sum")
        tensor([[5.]], dtype=torch.float64)
    """
    height, width = integral.shape[-2] - 1, integral.shape[-1] - 1
    x1, y1, x2, y2 = boxes.to(torch.float64).unbind(-1)
    x1, x2 = _clip(x1, width), _clip(x2, width)
    y1, y2 = _clip(y1, height), _clip(y2, height)
    covers = (x2 > x1) & (y2 > y1) & (_area(x1, y1, x2, y2) > 0)  # false where an edge is NaN

    # Boxes that cover nothing are made zero before they are used, so that neither their values
    # nor their gradients can be NaN.
    x1, y1, x2, y2 = (torch.where(covers, edge, 0.0) for edge in (x1, y1, x2, y2))
    score = _sum_boxes(integral, _cover(x1, x2, width), _cover(y1, y2, height))
    if reduction == "mean":
        score = score / torch.where(covers, _area(x1, y1, x2, y2), 1.0)
    wide = torch.float64 in (integral.dtype, boxes.dtype)
    return torch.where(covers, score, 0.0).to(torch.float64 if wide else torch.float32)


def _clip(edge: Tensor, size: int) -> Tensor:
    # Not clamp: at the far edge the derivative to the right is zero, like outside.
    inside = torch.where(edge < 0, 0.0, edge)
    return torch.where(inside >= size, float(size), inside)


def _area(x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> Tensor:
    return (x2 - x1) * (y2 - y1)


def _cover(begin: Tensor, end: Tensor, size: int) -> _Cover:
    first_begin = begin.detach().floor().long()
    first_end = (first_begin + 1).clamp(max=size)
    last_begin = torch.maximum(end.detach().floor().long(), first_end)
    last_end = (last_begin + 1).clamp(max=size)
    # Comparisons are strict, so that derivatives are those to the right.
    first = torch.where(end < first_end, end, first_end.to(end.dtype)) - begin
    last = torch.where(end >= last_begin, end - last_begin, 0.0)
    return _Cover(torch.stack((first_begin, first_end, last_begin, last_end), -1), first, last)


def _sum_boxes(integral: Tensor, across: _Cover, down: _Cover) -> Tensor:
    rows, columns = down.edges.unsqueeze(-1), across.edges.unsqueeze(-2)
    index = rows * integral.shape[-1] + columns  # [B, N, 4, 4]
    table = integral.reshape(integral.shape[0], integral.shape[1] * integral.shape[2])
    corners = table.gather(1, index.flatten(1)).reshape(index.shape).to(torch.float64)
    column = _integrate(down, (corners[..., 3] - corners[..., 2]).detach()).isfinite()
    row = _integrate(across, (corners[..., 3, :] - corners[..., 2, :]).detach()).isfinite()
    # A row that is not covered and not finite goes: in a gradient, too, 0 x NaN is NaN.
    kept = (row | (down.last > 0))[..., None, None]
    corners = torch.cat((corners[..., :3, :], torch.where(kept, corners[..., 3:, :], 0.0)), -2)
    return _integrate(down, _integrate(across, corners, column), row)


def _integrate(along: _Cover, sums: Tensor, finite: Tensor | None = None) -> Tensor:
    """Integrate over the last dimension of ``sums``: the running sums at the cover's edges.

    ``finite`` [B, N]: whether all is finite that a box gains where its end moves on. Else the
    end gains nothing: a part of it would be the gradient of no map.
    """
    extra = sums.dim() - along.first.dim() - 1
    first, last = _widened(along.first, extra), _widened(along.last, extra)
    s0, s1, s2, s3 = sums.unbind(-1)
    # 0 x NaN is NaN: a pixel that is not covered must not reach the sum.
    seen = (s3 - s2).isfinite()
    if finite is not None:
        seen = seen & _widened(finite, extra)
    beyond = torch.where((last > 0) | seen, s3 - s2, 0.0)
    return first * (s1 - s0) + (s2 - s1) + last * beyond


def _widened(values: Tensor, extra: int) -> Tensor:
    return values.reshape(values.shape + (1,) * extra)
