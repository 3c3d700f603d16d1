"""What a training step needs at least, told before anything of the kind is allocated."""

from __future__ import annotations

import copy
import os

import torch
from torch import Tensor

from raz.devices import available_bytes, has_fast_bfloat16
from raz.errors import ResourceError
from raz.models.raznet import RAZNet
from raz.training.config import Stage, TrainingConfig
from raz.training.distributed import World
from raz.training.stages import prepare

_SIDES = (64, 96)
"""Sides of the two crops that are looked at, in pixels. Sides are multiples of 32, so what a larger
one takes grows with its pixels, but for what has the size of weights."""


def check_step_memory(model: RAZNet, config: TrainingConfig, world: World) -> None:
    """Refuse batches that cannot fit the memory that is left, before they are made.

    What is counted are the crops and what the backward pass reads: a lower bound, so what passes
    may still run out of memory. What one process has no memory for is refused in all: the others
    would wait for it.

    Raises:
        ResourceError: they cannot; the message names what does.
    """
    refusals = world.gather(_refusal(model, config, world))
    if any(refusals):
        raise ResourceError(next(filter(None, refusals)))


def _refusal(model: RAZNet, config: TrainingConfig, world: World) -> str | None:
    """Say what does not fit the memory of this process; None where all may."""
    available = available_bytes(world.device)
    if available is None:
        return None
    shares = world.size * config.accumulate
    if world.device.type == "cpu":
        available //= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    elif world.device.type != "cuda":
        return None
    of_pixel = max(_least_bytes(model, stage, config, world.device) for stage in config.all_stages)
    crops, size = -(-config.batch_size // shares), config.crops.size
    needed = crops * size**2 * of_pixel
    if needed <= available:
        return None
    left = f"{available / 1e9:.3g} GB of memory are left, and a step takes {needed / 1e9:.3g} GB"
    fitting = int(available / (size**2 * of_pixel))
    if fitting:
        return (
            f"batch_size is {config.batch_size}; it must be at most {fitting * shares}, or "
            f"accumulate or crops.size must change: {left}"
        )
    side = int((available / of_pixel) ** 0.5) // 32 * 32
    return f"crops.size is {size}; it must be at most {side}: {left}"


def _least_bytes(
    model: RAZNet, stage: Stage, config: TrainingConfig, device: torch.device
) -> float:
    """Bytes per pixel of a crop that a step of a stage holds at least when its losses are done."""
    net = copy.deepcopy(model)
    prepare(net, stage, config.chosen_norm)
    own = {value.untyped_storage()._cdata for value in net.state_dict().values()}
    kept: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return value

    half = config.bfloat16
    if half == "auto":
        half = has_fast_bfloat16(device)
    totals = []
    for side in _SIDES:
        kept.clear()
        with (
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            torch.autocast(device.type, torch.bfloat16, enabled=half),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        ):
            images = torch.zeros(1, 3, side, side, device=device)
            maps = net.maps(images, counting_alone=stage.kind == "counting")
        totals.append(sum(kept.values()))
        del maps  # not before, so that no two tensors had one place
    small, large = _SIDES
    of_pixel = (totals[1] - totals[0]) / (large**2 - small**2)
    return of_pixel + 3 * (1 + 4)  # a crop as bytes and as floats
