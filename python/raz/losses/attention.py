"""Losses of the attention map: ``[B, h, w]`` in [0, 1], as is its target. Results are scalars."""

from __future__ import annotations

from torch import Tensor

from raz.losses._precision import widened

_LEAST_PROBABILITY = 1e-6


def attention_mse(attention: Tensor, target: Tensor) -> Tensor:
    """Squared error, summed over an image, averaged over the batch.

    ``1/B sum_b sum_x (A - Y)^2``, the loss of the proposal branch of Liu et al., CVPR 2019; the
    paper does not print its normalisation. No unit.

    Args:
        attention: [B, h, w].
        target: same shape.

    Example:
        >>> import torch
        >>> attention_mse(torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5))
        tensor(1.)
    """
    return (widened(attention) - target).square().sum((-2, -1)).mean()


def attention_bce(attention: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, summed over an image, averaged over the batch.

    ``1/B sum_b sum_x [-Y log A - (1 - Y) log(1 - A)]``, as SFANet learns its attention (Zhu et al.,
    2019), there to a binary target. At its least it is the entropy of the target. Unit: nats. A is
    kept 1e-6 away from 0 and 1.

    Args:
        attention: [B, h, w], probabilities.
        target: same shape.

    Example:
        >>> import torch
        >>> attention_bce(torch.full((1, 2, 2), 0.5), torch.ones(1, 2, 2))
        tensor(2.7726)
    """
    a = widened(attention).clamp(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return -(target * a.log() + (1 - target) * (-a).log1p()).sum((-2, -1)).mean()
