"""Worker processes that cut batches of crops; one that dies is named, and none is left behind.

Not a `torch.utils.data.DataLoader`: when a worker of it is killed, torch raises an error wherever
the main process is at that moment, and may then wait for ever for a lock that the dead one held.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from raz.data.mix import TrainingMix
from raz.errors import ResourceError
from raz.training.interruption import survive_signals_once

Cut = tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.float32]], list[str]]
"""Images [B, S, S, 3], points [N, 2] in pixels, names of the images."""

_AHEAD = 4
"""Batches per worker that are asked for before they are needed."""

_SOON = 5.0
"""Seconds within which the system tells that a process has ended whose pipe is closed."""


def cut(mix: TrainingMix, numbers: Sequence[int]) -> Cut:
    """Cut a batch of crops, given their numbers in the stream."""
    samples = [mix[number] for number in numbers]
    images = np.stack([sample.image for sample in samples])
    return images, [sample.points for sample in samples], [sample.name for sample in samples]


class CropWorkers:
    """Processes that cut the crops of a mix; `close` ends them.

    Args:
        mix: of the crops; each process caches images of its own.
        count: number of processes, at least 1. They start with the first batch.
    """

    def __init__(self, mix: TrainingMix, count: int) -> None:
        self._ahead = _AHEAD * count
        self._processes: list[BaseProcess] = []
        self._context = copy.copy(multiprocessing.get_context())
        self._context.Process = self._process  # type: ignore[assignment, misc]
        self._pool = ProcessPoolExecutor(count, self._context, _begin, (mix,))

    def _process(self, *arguments: Any, **options: Any) -> BaseProcess:
        process: BaseProcess = type(self._context).Process(*arguments, **options)
        self._processes.append(process)
        return process

    def batches(self, numbers: Iterator[Sequence[int]]) -> Iterator[Cut]:
        """Yield the batches of these crops, in this order.

        Raises:
            InputError: an image or its points cannot be read.
            ResourceError: a process was killed, as the system does where memory runs out.
        """
        try:
            pending = deque(self._asked(numbers, self._ahead))
            while pending:
                batch = pending.popleft().result()
                pending.extend(self._asked(numbers, 1))
                yield batch
        except BrokenProcessPool as error:
            raise ResourceError(
                f"a process that cuts crops has ended ({self._lost()}); if it was for lack of "
                "memory, fewer workers need less"
            ) from error

    def _asked(self, numbers: Iterator[Sequence[int]], count: int) -> Iterator[Future[Cut]]:
        return (self._pool.submit(_cut, each) for each in islice(numbers, count))

    def _lost(self) -> str:
        """Say which process has ended, and how. The pool asks the others to end, too, once."""
        over = wait([process.sentinel for process in self._processes], timeout=_SOON)
        ended = [process for process in self._processes if process.sentinel in over]
        for process in ended:
            process.join()
        return ", ".join(f"pid {each.pid}, exit code {each.exitcode}" for each in ended)

    def close(self) -> None:
        """End the processes now, also those that stand still."""
        for process in self._processes:
            if process.is_alive():
                process.kill()
        self._pool.shutdown(cancel_futures=True)


# What follows runs in the processes.

_mix: TrainingMix


def _begin(mix: TrainingMix) -> None:
    global _mix
    _mix = mix
    survive_signals_once()
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that needs its crops has ended; the pool would wait."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _cut(numbers: Sequence[int]) -> Cut:
    try:
        return cut(_mix, numbers)
    except Exception as error:
        raise _sendable(error)  # noqa: B904 - the same, with its traceback


def _sendable(error: Exception) -> Exception:
    """Return an error that another process can read: one that it cannot would end the pool."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__)
    return error
