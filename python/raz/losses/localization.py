"""Losses of the localization map.

``logits`` are ``[B, H, W]``, before the sigmoid: p = sigmoid(logits). Results are scalars.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from raz import ops
from raz.losses._precision import widened
from raz.losses.targets import CROSS_PIXELS


def localization_loss(logits: Tensor, target: Tensor, *, gamma: float = 100.0) -> Tensor:
    """Weighted binary cross-entropy, eq. 3 of Liu et al., CVPR 2019.

    ``E = 1/(mn) sum_x [-gamma Y log p - (1 - Y) log(1 - p)]``: divided by the number of pixels, not
    by the sum of weights. Computed from logits, so that it stays finite. Unit: nats per pixel.

    Args:
        logits: ``[..., H, W]``, before the sigmoid.
        target: same shape, 1 on marked pixels, else 0.
        gamma: weight of marked pixels; 100 in all experiments of the paper.

    Example:
        >>> import torch
        >>> localization_loss(torch.zeros(1, 4, 4), torch.ones(1, 4, 4), gamma=1.0)
        tensor(0.6931)
    """
    return _pixel_losses(logits, target, gamma).mean()


def point_bce(
    logits: Tensor, target: Tensor, *, gamma: float = 100.0, per: Literal["head", "pixel"] = "head"
) -> Tensor:
    """Eq. 3 of Liu et al., CVPR 2019, per head (ours) or per pixel (:func:`localization_loss`).

    ``1/B sum_b sum_x [-gamma Y log p - (1 - Y) log(1 - p)] / (5 gamma)`` per head: a head that is
    missed at p costs about -log p, whatever the size of the image. Unit: nats.

    Args:
        logits: [B, H, W], before the sigmoid.
        target: same shape, 1 on the cross of every head, else 0.
        gamma: weight of marked pixels.
        per: "head", or "pixel", as printed.

    Raises:
        ValueError: ``per`` is neither.

    Example:
        >>> import torch
        >>> from raz.ops import point_map
        >>> target = point_map(torch.tensor([[4.0, 4.0]]), (8, 8))[None]
        >>> point_bce(10 * target - 5, target)
        tensor(0.0075)
    """
    if per not in ("head", "pixel"):
        raise ValueError(f"per is {per!r}; it must be 'head' or 'pixel'")
    if per == "pixel":
        return localization_loss(logits, target, gamma=gamma)
    summed = _pixel_losses(logits, target, gamma).sum((-2, -1)).mean()
    return summed / (CROSS_PIXELS * gamma)


def point_focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Focal loss on a heat map, summed over an image, averaged over the batch.

    ``-(1 - p)^2 log p`` where heat t is 1, ``-(1 - t)^4 p^2 log(1 - p)`` elsewhere: Law and Deng,
    ECCV 2018 (CornerNet), eq. 1; there divided by the number of heads, here not, so that one head
    weighs the same in any image (ours). Unit: nats, about one per head.

    Args:
        logits: [B, H, W], before the sigmoid.
        heat: same shape, exactly 1 at heads, less around them: ``raz.losses.heat_map``.

    Example:
        >>> import torch
        >>> heat = torch.zeros(1, 4, 4)
        >>> heat[0, 1, 2] = 1.0
        >>> point_focal(torch.full((1, 4, 4), -5.0), heat)
        tensor(4.9399)
    """
    z = widened(logits)
    missed = torch.sigmoid(-z).square() * F.softplus(-z)
    false = (1 - heat) ** 4 * torch.sigmoid(z).square() * F.softplus(z)
    return torch.where(heat == 1, missed, false).sum((-2, -1)).mean()


def point_dice(logits: Tensor, target: Tensor, *, smooth: float = 1.0) -> Tensor:
    """Dice loss of the marked pixels, averaged over the batch.

    ``1/B sum_b [1 - (2 sum_x p Y + s) / (sum_x p + sum_x Y + s)]``: Milletari et al., 3DV 2016,
    without squares; s is ours, so that an image without heads has a gradient. From 0, perfect, to
    1; it has no unit, so one head weighs less in a crowd.

    Args:
        logits: [B, H, W], before the sigmoid.
        target: same shape, 1 on the cross of every head, else 0.
        smooth: s in pixels, positive.

    Raises:
        ValueError: ``smooth`` is not positive.

    Example:
        >>> import torch
        >>> target = torch.eye(4)[None]
        >>> point_dice(40 * target - 20, target), point_dice(20 - 40 * target, target)
        (tensor(0.), tensor(0.9412))
    """
    if not smooth > 0:
        raise ValueError(f"smooth is {smooth}; it must be positive")
    p = torch.sigmoid(widened(logits))
    overlap = (p * target).sum((-2, -1))
    whole = p.sum((-2, -1)) + target.sum((-2, -1))
    return (1 - (2 * overlap + smooth) / (whole + smooth)).mean()


def consistency(logits: Tensor, density: Tensor, *, threshold: float = 0.25) -> Tensor:
    """Difference between the counts of both branches, averaged over the batch (ours).

    ``1/B sum_b |sum of p at the peaks - sum_x D|``. The density is held constant: only the peaks
    are moved. Unit: persons.

    Args:
        logits: [B, H, W], before the sigmoid.
        density: [B, h, w], persons per cell.
        threshold: least 3x3 mean of p at a peak (``raz.ops.find_peaks``).

    Example:
        >>> import torch
        >>> consistency(torch.full((1, 16, 16), -9.0), torch.full((1, 2, 2), 0.5))
        tensor(2.)
    """
    p = torch.sigmoid(widened(logits))
    points, _, counts = ops.find_peaks(p.detach(), threshold=threshold)
    column, row = points.long().clamp(min=0).unbind(-1)
    at_peaks = p.flatten(1).gather(1, row * p.shape[-1] + column)
    found = torch.arange(points.shape[1], device=p.device) < counts[:, None]
    counted = torch.where(found, at_peaks, 0.0).sum(1)
    return (counted - widened(density.detach()).sum((-2, -1))).abs().mean()


def _pixel_losses(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    # -log p = softplus(-z); -log(1 - p) = softplus(z).
    z = widened(logits)
    return gamma * target * F.softplus(-z) + (1 - target) * F.softplus(z)
