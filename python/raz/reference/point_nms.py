"""Greedy non-maximum suppression of points, all images and all independent points at once."""

from __future__ import annotations

import torch
from torch import Tensor


def point_nms(
    points: Tensor,
    scores: Tensor,
    radius: float,
    *,
    batch: Tensor | None = None,
    radii: Tensor | None = None,
) -> Tensor:
    """See :func:`raz.ops.point_nms`. Memory: 16 bytes a pair of points within ``radius``.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([1, 2])
    """
    order = _by_score(scores)
    batch = None if batch is None else batch[order]
    bound = torch.tensor(radius, dtype=torch.float64).to(points.device, torch.float32)
    own = bound.expand(points.shape[0]) if radii is None else radii.float().minimum(bound)
    return order[_greedy(points[order].float(), bound, own[order], batch)]


def point_nms_mask(
    points: Tensor,
    scores: Tensor,
    radius: float,
    *,
    batch: Tensor | None = None,
    radii: Tensor | None = None,
) -> Tensor:
    """See :func:`raz.ops.point_nms_mask`.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms_mask(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([False,  True,  True])
    """
    mask = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
    mask[point_nms(points, scores, radius, batch=batch, radii=radii)] = True
    return mask


def _by_score(scores: Tensor) -> Tensor:
    """Index the scores that are not NaN from high to low, ties to the lower index."""
    scores = scores.float() + 0.0  # one zero, not two
    index = (~scores.isnan()).nonzero().flatten()
    return index[scores[index].argsort(descending=True, stable=True)]


def _greedy(points: Tensor, bound: Tensor, radii: Tensor, batch: Tensor | None) -> Tensor:
    """Tell which of the points, best first, are kept.

    A point none of whose better neighbours is undecided is kept, those that have it in their radius
    are suppressed, and so on: the greedy result in as many rounds as the longest chain of such
    decisions.
    """
    better, worse = _pairs(points, bound, radii, batch)
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


def _pairs(
    points: Tensor, bound: Tensor, radii: Tensor, batch: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Index all pairs of points of one image that lie within the radius of the worse (higher) one.

    The better one comes first. No radius exceeds ``bound``; negative and NaN ones have no pairs.
    """
    limits = torch.where(radii >= 0, radii * radii, -1.0)
    by_x = points[:, 0].argsort()
    sorted_points = points[by_x]
    better, worse = [by_x[:0]], [by_x[:0]]
    # Along x: every point with its next, its next but one, ... while any is near enough in x.
    for step in range(1, points.shape[0]):
        delta = sorted_points[step:] - sorted_points[:-step]
        squared = delta * delta
        near = squared[:, 0] <= bound * bound
        if not near.any():
            break
        summed = squared[:, 0] + squared[:, 1]
        pairs = (near & (summed <= bound * bound)).nonzero().flatten()
        first, second = by_x[pairs], by_x[pairs + step]
        lower, higher = torch.minimum(first, second), torch.maximum(first, second)
        inside = summed[pairs] <= limits[higher]
        if batch is not None:
            inside &= batch[first] == batch[second]
        better.append(lower[inside])
        worse.append(higher[inside])
    return torch.cat(better), torch.cat(worse)
