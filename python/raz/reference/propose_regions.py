"""Region proposals, in the order of operations of csrc's anchor.h and propose_regions.h.

Nothing here waits for the device: sizes do not depend on the data.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from raz.reference.integral_image import integral_image
from raz.reference.score_anchors import score_anchors


def propose_regions(
    attention: Tensor,
    *,
    num_points: int = 200,
    scales: Sequence[float] = (1 / 3, 2 / 3),
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    score_threshold: float = 0.01,
    iou_threshold: float = 0.3,
    max_regions: int = 10,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`raz.ops.propose_regions`.

    Example:
        >>> import torch
        >>> attention = torch.zeros(1, 12, 16)
        >>> attention[0, 2:6, 4:8] = 1.0
        >>> boxes, scores, counts = propose_regions(attention, max_regions=2)
        >>> boxes.shape, counts
        (torch.Size([1, 2, 4]), tensor([2]))
    """
    attention = attention.detach()
    height, width = attention.shape[1:]
    points = random_points(seed, num_points, height, width, attention.device)
    anchors = anchor_boxes(points, height, width, scales, ratios)
    boxes = anchors.expand(attention.shape[0], *anchors.shape)

    table = integral_image(attention, dtype=torch.float64)
    scores = score_anchors(table, boxes).float()
    empty = (anchors[:, 2] <= anchors[:, 0]) | (anchors[:, 3] <= anchors[:, 1])
    threshold = torch.tensor(score_threshold, dtype=torch.float32, device=scores.device)
    alive = (scores >= threshold) & ~empty  # false for a NaN score
    return _select(boxes, scores, alive, iou_threshold, max_regions)


def random_points(
    seed: int, count: int, height: int, width: int, device: torch.device | None = None
) -> Tensor:
    """Return ``count`` points (x, y), uniform over the map, float64 ``[count, 2]``."""
    index = torch.arange(1, count + 1, device=device)
    start = _mix_bits(torch.tensor(seed, device=device))
    bits = _mix_bits(start + index * _signed(0x9E3779B97F4A7C15))
    x = _shift_right(bits, 40).double() * 2.0**-24
    y = (_shift_right(bits, 16) & 0xFFFFFF).double() * 2.0**-24
    return torch.stack((width * x, height * y), -1)


def anchor_boxes(
    points: Tensor, height: int, width: int, scales: Sequence[float], ratios: Sequence[float]
) -> Tensor:
    """Return the clipped anchors of points ``[P, 2]``: float32 ``[P * scales * ratios, 4]``."""
    shapes = []
    for scale, ratio in itertools.product(scales, ratios):
        side, root = scale * min(height, width), math.sqrt(ratio)
        shapes.append((side * root * 0.5, side / root * 0.5))
    half = torch.tensor(shapes, dtype=torch.float64, device=points.device).reshape(-1, 2)
    limit = torch.tensor((width, height), dtype=torch.float64, device=points.device)
    upper_left = (points[:, None] - half).clamp(min=0)
    lower_right = torch.minimum(points[:, None] + half, limit)
    return torch.cat((upper_left, lower_right), -1).float().flatten(0, 1)


def _signed(bits: int) -> int:
    return bits - 2**64 if bits >= 2**63 else bits


def _shift_right(bits: Tensor, by: int) -> Tensor:
    """Shift in zeros, as for unsigned integers: torch's >> repeats the sign bit."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _mix_bits(z: Tensor) -> Tensor:
    """Finish as SplitMix64 does; int64 products wrap around."""
    z = (z ^ _shift_right(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift_right(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift_right(z, 31)


def _select(
    boxes: Tensor, scores: Tensor, alive: Tensor, iou_threshold: float, max_regions: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Keep greedily by score, for all images at once."""
    batch, count = scores.shape
    kept_boxes = boxes.new_zeros((batch, max_regions, 4))
    kept_scores = scores.new_zeros((batch, max_regions))
    counts = torch.zeros(batch, dtype=torch.int64, device=scores.device)
    if count == 0:
        return kept_boxes, kept_scores, counts

    order = torch.where(alive, scores, -math.inf).argsort(dim=1, descending=True, stable=True)
    boxes = boxes.gather(1, order[..., None].expand(-1, -1, 4))
    scores, alive = scores.gather(1, order), alive.gather(1, order)
    rank = torch.arange(count, device=scores.device)
    for k in range(min(max_regions, count)):
        found = alive.any(1)
        best = torch.where(alive, rank, count - 1).amin(1, keepdim=True)
        box = boxes.gather(1, best[..., None].expand(-1, -1, 4))
        kept_boxes[:, k] = torch.where(found[:, None], box[:, 0], 0.0)
        kept_scores[:, k] = torch.where(found, scores.gather(1, best)[:, 0], 0.0)
        counts += found
        alive = alive & (_iou(box.double(), boxes.double()) <= iou_threshold) & (rank != best)
    return kept_boxes, kept_scores, counts


def _iou(box: Tensor, boxes: Tensor) -> Tensor:
    """Return intersection over union of boxes ``[B, 1, 4]`` and ``[B, N, 4]``: ``[B, N]``."""
    upper_left = torch.maximum(box[..., :2], boxes[..., :2])
    lower_right = torch.minimum(box[..., 2:], boxes[..., 2:])
    intersection = (lower_right - upper_left).clamp(min=0).prod(-1)
    union = _area(box) + _area(boxes) - intersection
    return torch.where(intersection > 0, intersection / union, 0.0)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
