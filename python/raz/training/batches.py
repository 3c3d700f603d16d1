"""Batches of training crops by step: the same crops for any number of processes."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from raz.data.mix import TrainingMix
from raz.data.sample import Sample
from raz.errors import ResourceError
from raz.training.config import TrainingConfig
from raz.training.datasets import OpenPart, training_parts
from raz.training.distributed import World
from raz.training.interruption import survive_once

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
        RuntimeError: a worker process was killed, see `worker_losses_named`.
        ValueError: the batch size is not a multiple of the processes times ``accumulate``.
    """
    numbers = Numbers(config, world, first_step)
    where = config.crops.where
    if where == "auto":
        where = "device" if world.device.type == "cuda" else "workers"
    if where == "device":
        return _device_batches(config, parts, world, numbers)
    return _worker_batches(config, parts, world, numbers)


@contextmanager
def worker_losses_named() -> Iterator[None]:
    """Say in the block what the death of a worker process means; torch raises it anywhere.

    Raises:
        ResourceError: a worker process was killed, as the system does where memory runs out.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        lost = " ".join(str(error).split()).rstrip(".")
        raise ResourceError(
            f"a process that cuts crops has ended ({lost}); if it was for lack of memory, "
            "fewer workers need less"
        ) from error


class Numbers:
    """Yield the numbers of the crops of each batch, without end: a batch sampler."""

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


def _worker_batches(
    config: TrainingConfig, parts: Sequence[OpenPart], world: World, numbers: Numbers
) -> Generator[Batch, None, None]:
    loader: DataLoader[Any] = DataLoader(
        _Crops(TrainingMix(*_stream(config, parts))),  # type: ignore[arg-type]
        batch_sampler=numbers,
        num_workers=config.workers,
        worker_init_fn=survive_once,
        collate_fn=_collate,
        prefetch_factor=4 if config.workers else None,
        pin_memory=world.device.type == "cuda",
    )
    batches = iter(loader)
    try:
        while (batch := _received(batches)) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch
    finally:
        _end_workers(batches)


def _received(batches: Iterator[Any]) -> Any:
    """Return the next batch, or None at the end.

    A worker that dies while it sends a batch breaks the connection before torch looks who lives.
    """
    try:
        return next(batches, None)
    except (ConnectionError, EOFError, FileNotFoundError) as error:
        workers = {each.sentinel: each for each in getattr(batches, "_workers", ())}
        for sentinel in wait(workers, timeout=5):  # its end is told after its silence
            worker = workers[sentinel]
            worker.join()
            raise RuntimeError(f"DataLoader worker (pid {worker.pid}) died as it sent") from error
        raise


class _Crops:
    """Crops by lists of their numbers; an error takes the place of a list.

    Raised in a worker process, it would come out as its traceback in words.
    """

    def __init__(self, mix: TrainingMix) -> None:
        self._mix = mix

    def __getitems__(self, numbers: Sequence[int]) -> list[Sample] | Exception:
        try:
            return [self._mix[number] for number in numbers]
        except Exception as error:
            return _sendable(error)


def _sendable(error: Exception) -> Exception:
    """Return an error that another process can read: what it cannot, it would wait for for ever."""
    # The traceback alone knows where it was raised; ``--verbose`` shows notes.
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_workers(batches: Any) -> None:
    """End the worker processes now: an error keeps what reads from them, and the interpreter joins
    them at its end, with a SIGTERM that they survive."""
    workers = getattr(batches, "_workers", ())
    for _ in range(len(workers) + 1):
        try:
            if workers:
                batches._shutdown_workers()
            for worker in workers:
                if worker.is_alive():  # it stands still
                    worker.kill()
            return
        except (
            RuntimeError
        ):  # the death of a worker, which torch's handler of SIGCHLD tells here, too
            continue


def _collate(samples: list[Sample] | Exception) -> Batch | Exception:
    if isinstance(samples, Exception):
        return samples
    # As the pixels lie, channels last, which is the net's own layout too.
    images = torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2)
    points = [torch.tensor(s.points) for s in samples]
    return images, points, [s.name for s in samples]
