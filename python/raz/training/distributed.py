"""The processes of one training, as ``torchrun`` starts them; a single one without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from raz.devices import choose_device

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among all processes of a training.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
        device: the device on which its net runs.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def share(self, start: int, count: int) -> range:
        """Return this process's contiguous share of ``count`` numbers from ``start`` on.

        Raises:
            ValueError: ``count`` cannot be divided evenly.
        """
        if count % self.size:
            raise ValueError(
                f"batch_size is {count}; it must be a multiple of the {self.size} processes"
            )
        each = count // self.size
        return range(start + self.rank * each, start + (self.rank + 1) * each)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over all processes, on each of them; ``values`` may be overwritten."""
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return values

    def align(self, values: Iterable[Tensor]) -> None:
        """Copy the first process's values to all others, in place."""
        if self.size > 1:
            for value in values:
                dist.broadcast(value, 0)

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what ``make`` returns in the first process, on each of them; it must be picklable.

        Only the first needs the files that ``make`` reads. What it raises is raised in all.
        """
        if self.size == 1:
            return make()
        made: list[Any] = [None, None]
        if self.leads:
            try:
                made[0] = make()
            except Exception as error:
                made[1] = error
        dist.broadcast_object_list(made, 0)
        if made[1] is not None:
            raise made[1]
        value: T = made[0]
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return the picklable values of all processes in order of rank, on each of them."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """Join the processes that ``torchrun`` started, by gloo on the CPU and by NCCL on CUDA.

    Raises:
        ValueError: there is no such device.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if size == 1:
        yield World(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = choose_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), size, chosen)
    finally:
        dist.destroy_process_group()
