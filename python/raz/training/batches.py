"""Batches of training crops by step: the same crops for any number of processes."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from raz.data.mix import TrainingMix
from raz.training.config import TrainingConfig
from raz.training.crop_workers import CropWorkers, Cut, cut
from raz.training.datasets import OpenPart, training_parts
from raz.training.distributed import World

Batch = tuple[Tensor, list[Tensor], list[str]]
"""uint8 images [B, 3, S, S] of any strides, points [N, 2] in pixels, names of the images."""


def crop_batches(
    config: TrainingConfig, parts: Sequence[OpenPart], world: World, first_step: int
) -> Generator[Batch, None, None]:
    """Yield this process's batches from a step on, without end: ``accumulate`` of them per step.

    Crop i of the stream belongs to step i // batch_size, whatever the number of processes. Closing
    the generator ends the worker processes.

    Args:
        config: of the training.
        parts: the open data sets.
        world: the processes.
        first_step: number of steps that are done.

    Raises:
        InputError: an image or its points cannot be read.
        ResourceError: a worker process was killed, as the system does where memory runs out.
        ValueError: the batch size is not a multiple of the processes times ``accumulate``.
    """
    numbers = Numbers(config, world, first_step)
    where = config.crops.where
    if where == "auto":
        where = "device" if world.device.type == "cuda" else "workers"
    if where == "device":
        return _device_batches(config, parts, world, numbers)
    return _cut_batches(config, parts, world, numbers)


class Numbers:
    """Yield the numbers of the crops of each batch, without end."""

    def __init__(self, config: TrainingConfig, world: World, first_step: int) -> None:
        self.config, self.world, self.first_step = config, world, first_step
        each = len(world.share(0, config.batch_size))
        if each % config.accumulate:
            raise ValueError(
                f"accumulate is {config.accumulate}; it must divide the {each} crops of a process"
            )
        self.size = each // config.accumulate

    def __iter__(self) -> Iterator[list[int]]:
        start = self.first_step * self.config.batch_size
        while True:
            share = self.world.share(start, self.config.batch_size)
            for first in range(0, len(share), self.size):
                yield list(share[first : first + self.size])
            start += self.config.batch_size


def _stream(config: TrainingConfig, parts: Sequence[OpenPart]) -> tuple[Any, ...]:
    """Return the arguments of the stream of crops, the same for both mixes."""
    crops = config.crops
    return training_parts(parts), crops.size, crops.zoom_share, config.seed, config.augmentation


def _device_batches(
    config: TrainingConfig, parts: Sequence[OpenPart], world: World, numbers: Numbers
) -> Generator[Batch, None, None]:
    from raz.data import DeviceMix

    mix = DeviceMix(*_stream(config, parts), device=world.device)
    for indices in numbers:
        yield mix.batch(indices)


def _cut_batches(
    config: TrainingConfig, parts: Sequence[OpenPart], world: World, numbers: Numbers
) -> Generator[Batch, None, None]:
    mix = TrainingMix(*_stream(config, parts))
    if not config.workers:
        yield from (_batch(cut(mix, indices), world) for indices in numbers)
        return
    with contextlib.closing(CropWorkers(mix, config.workers)) as workers:
        yield from (_batch(each, world) for each in workers.batches(iter(numbers)))


def _batch(crops: Cut, world: World) -> Batch:
    images, points, names = crops
    # As the pixels lie, channels last, which is the net's own layout too.
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    if world.device.type == "cuda":
        pixels = pixels.pin_memory()
    return pixels, [torch.tensor(each) for each in points], names
