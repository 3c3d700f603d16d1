"""What a training says of itself before it begins."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from raz.models.raznet import RAZNet
from raz.training.config import TrainingConfig
from raz.training.datasets import OpenPart
from raz.training.distributed import World
from raz.training.length import length_text

__all__ = ["opening_lines"]


def opening_lines(
    config: TrainingConfig, model: RAZNet, parts: Sequence[OpenPart], world: World
) -> list[str]:
    """Describe net, data, device, length and place, in a line each.

    Example:
        >>> opening_lines(config, model, parts, world)[0]  # doctest: +SKIP
        'net     raznet_lite, 1.8 million parameters, from backbone.safetensors'
    """
    millions = sum(each.numel() for each in model.parameters()) / 1e6
    start = config.weights or config.backbone or "random numbers"
    threads = f", {torch.get_num_threads()} threads" if world.device.type == "cpu" else ""
    processes = f", {world.size} processes" if world.size > 1 else ""
    batch = f"batches of {config.batch_size} crops of {config.crops.size} pixels"
    return [
        f"net     {config.model}, {millions:.1f} million parameters, from {start}",
        *(f"data    {_images(part)}" for part in parts),
        f"device  {world.device}{threads}{processes}; {batch}",
        f"length  {length_text(config)}",
        f"output  {config.output}; it may be interrupted: the same command continues it",
    ]


def _images(part: OpenPart) -> str:
    uses = {"to train on": part.train, "to calibrate on": part.calibration, "held out": part.report}
    shown = [f"{len(images)} images {use}" for use, images in uses.items() if len(images)]
    return f"{part.name}: {', '.join(shown) or 'no images'}"
