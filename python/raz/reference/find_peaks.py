"""Peaks of a map by shifted comparisons; plateaus by connected components."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from raz.reference import _components
from raz.reference._mean3 import mean3

_NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def find_peaks(
    x: Tensor,
    *,
    threshold: float,
    smooth: int = 3,
    max_points: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`raz.ops.find_peaks`.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 5, 6)
        >>> x[0, 2, 3] = 0.9
        >>> points, scores, counts = find_peaks(x, threshold=0.5, smooth=1)
        >>> points[0], counts
        (tensor([[3.5000, 2.5000]]), tensor([1]))
    """
    batch_size = x.shape[0]
    x = x.float()
    values = mean3(x) if smooth == 3 else x
    image, row, column = _peaks(values.detach(), threshold).nonzero(as_tuple=True)
    scores = values[image, row, column]
    counts = torch.bincount(image, minlength=batch_size)
    if max_points is None:
        max_points = int(counts.max()) if batch_size else 0
    else:
        kept = _highest(image, scores.detach(), counts, max_points)
        image, row, column, scores = image[kept], row[kept], column[kept], scores[kept]
    rank = _rank(image, counts.clamp(max=max_points))
    points = torch.stack([column, row], 1).float() + 0.5
    return (
        x.new_full((batch_size, max_points, 2), -1).index_put((image, rank), points),
        x.new_zeros(batch_size, max_points).index_put((image, rank), scores),
        counts,
    )


def _peaks(values: Tensor, threshold: float) -> Tensor:
    """Mark the first pixel of every peak; ``values`` is [B, H, W] float32."""
    limit = torch.tensor(threshold, dtype=torch.float64).to(values.dtype)
    # As a neighbour a NaN is greater than all; NaN beyond the border compares false with all.
    bordered = pad(values.nan_to_num(math.inf, math.inf, -math.inf), (1, 1, 1, 1), value=math.nan)
    candidate = values >= limit.to(values.device)
    for shift in _NEIGHBOURS:
        candidate &= ~(_shifted(bordered, shift) > values)
    tied = torch.zeros_like(candidate)  # candidates with an equal neighbour ...
    dead = torch.zeros_like(candidate)  # ... that is no candidate itself
    neighbours = pad(candidate, (1, 1, 1, 1))
    for shift in _NEIGHBOURS:
        equal = candidate & (_shifted(bordered, shift) == values)
        tied |= equal
        dead |= equal & ~_shifted(neighbours, shift)
    peaks = candidate & ~tied
    if tied.any():
        peaks[tied] = _first_of_plateau(tied, dead[tied])
    return peaks


def _shifted(bordered: Tensor, shift: tuple[int, int]) -> Tensor:
    """Cut the neighbours at ``shift`` out of a [B, H+2, W+2] map."""
    dy, dx = shift
    height, width = bordered.shape[1] - 2, bordered.shape[2] - 2
    return bordered[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]


def _first_of_plateau(tied: Tensor, dead: Tensor) -> Tensor:
    """Tell which of the N tied candidates are the first pixel of a plateau without a dead one.

    Candidates that touch are equal, since neither exceeds the other: a plateau is a component of
    the mask ``tied`` [B, H, W]; ``dead`` is [N], in raster order like the result.
    """
    count = dead.numel()
    index = torch.full(tied.shape, -1, device=tied.device)
    index[tied] = torch.arange(count, device=tied.device)
    bordered = pad(index, (1, 1, 1, 1), value=-1)
    edges = [
        torch.stack([index, _shifted(bordered, shift)], -1)[tied]
        for shift in ((0, 1), (1, -1), (1, 0), (1, 1))
    ]
    a, b = torch.cat(edges).unbind(-1)
    label = _components.smallest_index(count, a[b >= 0], b[b >= 0])
    first = label == torch.arange(count, device=label.device)
    first[label[dead]] = False
    return first


def _highest(image: Tensor, scores: Tensor, counts: Tensor, limit: int) -> Tensor:
    """Index the ``limit`` highest peaks of every image, ties to the earlier; in raster order."""
    order = (scores + 0.0).argsort(descending=True, stable=True)  # + 0.0: one zero, not two
    order = order[image[order].argsort(stable=True)]
    return order[_rank(image[order], counts) < limit].sort().values


def _rank(image: Tensor, counts: Tensor) -> Tensor:
    """Number the peaks of every image from 0; ``image`` is sorted, with ``counts`` of each."""
    start = counts.cumsum(0) - counts
    return torch.arange(image.numel(), device=image.device) - start[image]
