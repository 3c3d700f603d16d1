"""What a net costs: parameters, and multiply-adds at a size of image."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raz.network import unwrapped


class Complexity(NamedTuple):
    """Parameters of a net, and multiply-adds of its convolutions for one image.

    Example:
        >>> Complexity(parameters=1_000, multiply_adds=2_000).multiply_adds
        2000
    """

    parameters: int
    multiply_adds: int


def complexity(model: nn.Module, size: tuple[int, int] = (768, 1024)) -> Complexity:
    """Count parameters, and multiply-adds for one image, all branches included.

    Runs on tensors without storage, so neither memory nor time depends on the size. Folded
    normalisations count as part of their convolutions.

    Args:
        model: the net; it is not changed.
        size: height and width of the image in pixels.

    Raises:
        ValueError: a side is less than 1.

    Example:
        >>> from raz.models import raznet_lite
        >>> complexity(raznet_lite(), (768, 1024))
        Complexity(parameters=1833267, multiply_adds=21233516544)
    """
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"size is {size}; it must be at least 1 pixel in both sides")
    model = unwrapped(model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    shadow = deepcopy(model).to("meta").float().eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow(torch.empty(1, 3, height, width, device="meta"))
    return Complexity(parameters, counter.get_total_flops() // 2)
