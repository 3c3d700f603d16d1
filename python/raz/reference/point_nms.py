"""Greedy non-maximum suppression of points, all images and all independent points at once."""

from __future__ import annotations

import torch
from torch import Tensor


def point_nms(
    points: Tensor, scores: Tensor, radius: float, *, batch: Tensor | None = None
) -> Tensor:
    """See :func:`raz.ops.point_nms`. Memory: 16 bytes a pair of points within the radius.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([1, 2])
    """
    order = _by_score(scores)
    batch = None if batch is None else batch[order]
    return order[_greedy(points[order].float(), radius, batch)]


def point_nms_mask(
    points: Tensor, scores: Tensor, radius: float, *, batch: Tensor | None = None
) -> Tensor:
    """See :func:`raz.ops.point_nms_mask`.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms_mask(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([False,  True,  True])
    """
    mask = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
    mask[point_nms(points, scores, radius, batch=batch)] = True
    return mask


def _by_score(scores: Tensor) -> Tensor:
    """Index the scores that are not NaN from high to low, ties to the lower index."""
    scores = scores.float() + 0.0  # one zero, not two
    index = (~scores.isnan()).nonzero().flatten()
    return index[scores[index].argsort(descending=True, stable=True)]


def _greedy(points: Tensor, radius: float, batch: Tensor | None) -> Tensor:
    """Tell which of the points, best first, are kept.

    A point none of whose better neighbours is undecided is kept, its neighbours are suppressed,
    and so on: the greedy result in as many rounds as the longest chain of such decisions.
    """
    better, worse = _pairs(points, radius, batch)
    kept = torch.zeros(points.shape[0], dtype=torch.bool, device=points.device)
    undecided = ~kept
    while undecided.any():
        best = undecided.clone()
        best[worse] = False
        kept |= best
        undecided &= ~best
        undecided[worse[best[better]]] = False
        open_pairs = undecided[better] & undecided[worse]
        better, worse = better[open_pairs], worse[open_pairs]
    return kept


def _pairs(points: Tensor, radius: float, batch: Tensor | None) -> tuple[Tensor, Tensor]:
    """Index all pairs of points of one image within the radius, the better (lower) one first."""
    limit = torch.tensor(radius, dtype=torch.float64).to(points)
    by_x = points[:, 0].argsort()
    sorted_points = points[by_x]
    better, worse = [by_x[:0]], [by_x[:0]]
    # Along x: every point with its next, its next but one, ... while any is near enough in x.
    for step in range(1, points.shape[0]):
        delta = sorted_points[step:] - sorted_points[:-step]
        squared = delta * delta
        near = squared[:, 0] <= limit * limit
        if not near.any():
            break
        near &= squared[:, 0] + squared[:, 1] <= limit * limit
        pairs = near.nonzero().flatten()
        first, second = by_x[pairs], by_x[pairs + step]
        if batch is not None:
            same = batch[first] == batch[second]
            first, second = first[same], second[same]
        better.append(torch.minimum(first, second))
        worse.append(torch.maximum(first, second))
    return torch.cat(better), torch.cat(worse)
