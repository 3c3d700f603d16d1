"""The losses of RAZ-Net's three branches, and their sum.

Counting and localization losses that this library adds (called ours) are sums over an image, so
that one person weighs the same in each of them whatever the size of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from raz import ops

STRIDE = 8
CROSS_PIXELS = 5
"""Pixels that one head marks in the point map."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of :func:`raznet_losses` and their parameters (ours but for gamma).

    Args:
        gamma: weight of marked pixels in eq. 3. The paper uses 100.
        sigma: of the density target in pixels, or "adaptive" (Zhang et al., CVPR 2016).
        density_mse: squared error of the density map, as in the paper.
        block_mae: absolute error of the density in blocks of 8, 16 and 32 pixels.
        count_l1: absolute error of the whole count.
        localization: eq. 3, summed and divided by the marked weight of one head.
        attention: squared error of the attention map.
    """

    gamma: float = 100.0
    sigma: float | Literal["adaptive"] = 8.0
    density_mse: float = 0.0
    block_mae: float = 1.0
    count_l1: float = 1.0
    localization: float = 1.0
    attention: float = 0.25


def localization_loss(logits: Tensor, target: Tensor, *, gamma: float = 100.0) -> Tensor:
    """Weighted binary cross-entropy, eq. 3 of Liu et al., CVPR 2019.

    ``E = 1/(mn) sum_x [-gamma Y log p - (1 - Y) log(1 - p)]``: divided by the number of pixels, not
    by the sum of weights. Computed from logits, so that it stays finite.

    Args:
        logits: ``[..., H, W]``, before the sigmoid.
        target: same shape, 1 on marked pixels, else 0.
        gamma: weight of marked pixels; 100 in all experiments of the paper.
    """
    return _pixel_losses(logits, target, gamma).mean()


def block_mae(
    density: Tensor, target: Tensor, weights: Sequence[float] = (0.25, 0.5, 1.0)
) -> Tensor:
    """Absolute error of persons per block, summed over an image, averaged over the batch (ours).

    Args:
        density: ``[B, h, w]``, persons per cell.
        target: same shape.
        weights: of blocks of 1, 2, 4, … cells a side. Blocks at the border are cut there.
    """
    total = density.new_zeros(())
    error = F.pad(density - target, _to_multiple(density, 2 ** (len(weights) - 1)))
    for level, weight in enumerate(weights):
        side = 2**level
        blocks = F.avg_pool2d(error[:, None], side) * side**2
        total = total + weight * blocks.abs().sum() / len(density)
    return total


def count_l1(density: Tensor, target: Tensor) -> Tensor:
    """Absolute error of the count of an image in persons, averaged over the batch (ours)."""
    return (density - target).sum((-2, -1)).abs().mean()


def raznet_losses(
    outputs: Mapping[str, Tensor],
    targets: Sequence[Mapping[str, Tensor]],
    size: tuple[int, int],
    weights: LossWeights | None = None,
) -> dict[str, Tensor]:
    """Losses of the three branches, already weighted: their sum is what is trained on.

    Args:
        outputs: ``"localization"`` logits [B, H, W], ``"density"`` and ``"attention"`` [B, h, w].
        targets: one mapping per image with ``"points"``, [N, 2] in pixels.
        size: (H, W) of the images.
        weights: None for the defaults.

    Returns:
        ``"density"``, ``"localization"``, ``"attention"``: scalars.

    Raises:
        ValueError: there is no target, or the points of one are not [N, 2].
    """
    weights = weights or LossWeights()
    maps = target_maps(
        [target["points"] for target in targets], size, weights.sigma, outputs["density"].device
    )
    logits = outputs["localization"].float()
    density, attention = outputs["density"].float(), outputs["attention"].float()
    marked = _pixel_losses(logits, maps["localization"], weights.gamma).sum((-2, -1)).mean()
    counting = weights.block_mae * block_mae(density, maps["density"])
    counting = counting + weights.count_l1 * count_l1(density, maps["density"])
    if weights.density_mse:
        squared = (density - maps["density"]).square().sum((-2, -1)).mean()
        counting = counting + weights.density_mse * squared
    attention_error = (attention - maps["attention"]).square().sum((-2, -1)).mean()
    return {
        "density": counting,
        "localization": weights.localization * marked / (CROSS_PIXELS * weights.gamma),
        "attention": weights.attention * attention_error,
    }


def target_maps(
    points: Sequence[Tensor],
    size: tuple[int, int],
    sigma: float | Literal["adaptive"] = 8.0,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Make the maps that the net should put out for images with heads at ``points``.

    Args:
        points: one tensor [N, 2] per image, (x, y) in pixels.
        size: (H, W) of the images in pixels.
        sigma: of the density's Gaussians in pixels, or "adaptive".
        device: where the maps are to lie.

    Returns:
        float32 ``"localization"`` [B, H, W], 1 on marked pixels, else 0; ``"density"``, persons per
        cell, and ``"attention"``, in [0, 1], [B, ceil(H/8), ceil(W/8)].

    Raises:
        ValueError: there is no image, or the points of one are not [N, 2].
    """
    batch_size = len(points)
    if batch_size == 0:
        raise ValueError("points is empty; it must hold one tensor [N, 2] per image")
    for index, p in enumerate(points):
        if p.ndim != 2 or p.shape[1] != 2:
            raise ValueError(f"points[{index}] has shape {list(p.shape)}; it must be [N, 2]")
    together = torch.cat([p.float() for p in points]).to(device)
    batch = torch.repeat_interleave(
        torch.arange(batch_size, device=device),
        torch.tensor([len(p) for p in points], device=device),
    )
    return {
        "localization": ops.point_map(together, size, batch=batch, batch_size=batch_size),
        "density": ops.density_map(
            together, size, sigma=sigma, stride=STRIDE, batch=batch, batch_size=batch_size
        ),
        "attention": ops.attention_map(
            together, size, stride=STRIDE, batch=batch, batch_size=batch_size
        ),
    }


def _pixel_losses(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    # -log p = softplus(-z); -log(1 - p) = softplus(z).
    return gamma * target * F.softplus(-logits) + (1 - target) * F.softplus(logits)


def _to_multiple(x: Tensor, multiple: int) -> tuple[int, int, int, int]:
    return 0, -x.shape[-1] % multiple, 0, -x.shape[-2] % multiple
