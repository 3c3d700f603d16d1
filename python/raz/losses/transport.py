"""The losses of DM-Count (Wang et al., NeurIPS 2020): distribution matching.

They compare the density with the heads themselves, without Gaussians. Both look at the shares of
cells, ``D / |D|``; how many there are is left to ``count_l1``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from raz.losses._precision import full_precision, widened
from raz.losses.bayes import squared_distances
from raz.losses.targets import STRIDE

_LEAST_COUNT = 1e-6
_LEAST_SHARE = 1e-16
_REFRESH = 10
"""Steps of scaling between two in the log domain."""

_MOST_LOG_FACTOR = 20.0
_LEAST_EXPONENT = -80.0
"""exp is slow where it underflows, and so are products with denormal numbers."""


def dm_ot(
    density: Tensor,
    points: Sequence[Tensor],
    *,
    stride: int = STRIDE,
    entropy: float = 10.0,
    steps: int = 100,
) -> Tensor:
    """Entropic optimal transport of the density to the heads, averaged over the batch.

    ``min_P sum P C + entropy sum P log P`` over plans P from ``D / |D|`` to heads of ``1 / N``
    each, C the squared distance from a cell's centre to a head. Unit: pixels^2; it may be negative,
    as entropy counts. It is computed as ``<D / |D|, f> + <1 / N, g>``, the dual potentials f and g
    held constant. So the gradient is DM-Count's, ``f / |D| - <D, f> / |D|^2``; the value is not its
    0. An image without heads costs nothing here.

    In float32 (float64 for float64 input) and stable for any distance: one step in ten is made
    in the log domain, those between by scaling the plan that it leaves (Schmitzer, 2019) as long as
    that is safe. To tell, it waits for an accelerator ten times per image.

    Costs some 300 passes over a table of cells x heads per image for 100 steps, several times that
    where scaling is not safe, without a gradient; ``bench/test_targets.py`` times it.

    Args:
        density: [B, h, w], persons per cell; negative cells count as 0.
        points: heads inside each image, [N, 2] in pixels.
        stride: side of a cell in pixels.
        entropy: weight of the entropy in pixels^2.
        steps: of Sinkhorn's iteration.

    Example:
        >>> import torch
        >>> density = torch.zeros(1, 2, 2)
        >>> density[0, 0, 0] = 1.0
        >>> dm_ot(density, [torch.tensor([[12.0, 4.0]])]).round()
        tensor(64.)
    """
    with full_precision(density):
        density = widened(density)
        losses = [
            _transport(d, p.to(d), stride, entropy, steps)
            for d, p in zip(density, points, strict=True)
        ]
        return torch.stack(losses).mean()


def dm_tv(density: Tensor, dots: Tensor) -> Tensor:
    """Total variation between density and heads, averaged over the batch.

    ``1/B sum_b N sum_x |D / |D| - dots / N|``, N = |dots|; 0 without heads. Unit: persons.

    Args:
        density: [B, h, w], persons per cell; negative cells count as 0.
        dots: the same shape, heads in every cell.

    Example:
        >>> import torch
        >>> density, dots = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
        >>> dm_tv(density, dots)
        tensor(2.0000)
    """
    heads = dots.sum((-2, -1), keepdim=True)
    error = (_shares(widened(density)) * heads - dots).abs()
    return torch.where(heads > 0, error, 0.0).sum((-2, -1)).mean()


def _shares(density: Tensor) -> Tensor:
    density = density.clamp(min=0)
    return density / (density.sum((-2, -1), keepdim=True) + _LEAST_COUNT)


def _transport(density: Tensor, heads: Tensor, stride: int, entropy: float, steps: int) -> Tensor:
    share = _shares(density).flatten()
    if len(heads) == 0:
        return (share * 0).sum()
    with torch.no_grad():
        cost = squared_distances(density, heads, stride) / entropy
        f, g = _sinkhorn(share.clamp(min=_LEAST_SHARE), cost, steps)
    return entropy * ((share * f).sum() + g.mean())


def _sinkhorn(share: Tensor, cost: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Dual potentials of cells [M] and heads [N] in units of the entropy, like ``cost`` [M, N].

    1. A step in the log domain, which nothing can underflow, leaves a plan whose columns are right.
    2. Steps of scaling its rows and columns, which are the same but far cheaper. Where a factor
       grows so large that entries which underflowed matter, they are repeated in the log domain.
    """
    log_share, g = share.log(), cost.new_zeros(cost.shape[1])
    for start in range(0, steps, _REFRESH):
        f, g = _log_step(log_share, g, cost)
        more = min(_REFRESH, steps - start) - 1
        plan = (g - cost).add_(f[:, None]).clamp_(min=_LEAST_EXPONENT).exp_()
        columns = torch.ones_like(g)
        rows = torch.ones_like(f)
        for _ in range(more):
            rows = share / plan.mv(columns)
            columns = 1 / (len(g) * plan.T.mv(rows))
        factors = torch.cat([rows, columns]).log()
        if bool((factors.abs() <= _MOST_LOG_FACTOR).all()):
            g = g + columns.log()
        else:
            for _ in range(more):
                f, g = _log_step(log_share, g, cost)
    return log_share - _log_sum_exp(g - cost, 1), g


def _log_step(log_share: Tensor, g: Tensor, cost: Tensor) -> tuple[Tensor, Tensor]:
    f = log_share - _log_sum_exp(g - cost, 1)
    return f, -math.log(len(g)) - _log_sum_exp(f[:, None] - cost, 0)


def _log_sum_exp(x: Tensor, dim: int) -> Tensor:
    """Five times as fast as torch.logsumexp on such tables; overwrites ``x``."""
    most = x.amax(dim, keepdim=True)
    return x.sub_(most).clamp_(min=_LEAST_EXPONENT).exp_().sum(dim).log_() + most.squeeze(dim)
