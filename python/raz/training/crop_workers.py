"""Worker processes that cut batches of crops; one that dies is named, and none is left behind.

Each has a connection of its own, whose other end it alone holds: its end is the end of the
connection, also amid a message. What processes share (the locks and the pipe of results of a
`concurrent.futures.ProcessPoolExecutor` or a `torch.utils.data.DataLoader`) one that is killed may
hold, and the others and this one would wait for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from queue import SimpleQueue
from traceback import format_exception
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from raz.data.mix import TrainingMix
from raz.errors import ResourceError
from raz.training.interruption import survive_signals_once

Cut = tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.float32]], list[str]]
"""Images [B, S, S, 3], points [N, 2] in pixels, names of the images."""


class _Failure(NamedTuple):
    """What is sent in place of a batch; sending keeps no traceback but in words."""

    error: Exception
    traceback: str


_AHEAD = 4
"""Batches per worker that are asked for before they are needed."""

_SOON = 5.0
"""Seconds within which the system tells that a process has ended whose connection is closed."""


def cut(mix: TrainingMix, numbers: Sequence[int]) -> Cut:
    """Cut a batch of crops, given their numbers in the stream."""
    samples = [mix[number] for number in numbers]
    images = np.stack([sample.image for sample in samples])
    return images, [sample.points for sample in samples], [sample.name for sample in samples]


class CropWorkers:
    """Processes that cut the crops of a mix; `close` ends them, as does the interpreter's end.

    Args:
        mix: of the crops; each process caches images of its own.
        count: number of processes, at least 1. They start with the first batch.
    """

    def __init__(self, mix: TrainingMix, count: int) -> None:
        self._mix = mix
        self._count = count
        self._workers: list[_Worker] = []

    def batches(self, numbers: Iterator[Sequence[int]]) -> Iterator[Cut]:
        """Yield the batches of these crops, in this order; once.

        Raises:
            InputError: an image or its points cannot be read.
            ResourceError: a process was killed, as the system does where memory runs out.
            ValueError: it was called before.
        """
        if self._workers:
            raise ValueError("batches was called already; these workers have begun")
        for _ in range(self._count):
            self._workers.append(_Worker(self._mix))
        turns = zip(cycle(self._workers), numbers, strict=False)
        pending: deque[_Worker] = deque()
        for worker, each in islice(turns, _AHEAD * self._count):
            worker.ask(each)
            pending.append(worker)
        while pending:
            batch = pending.popleft().answer()
            for worker, each in islice(turns, 1):
                worker.ask(each)
                pending.append(worker)
            yield batch

    def close(self) -> None:
        """End the processes now, also those that stand still."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """A process, and this end of the connection to it."""

    def __init__(self, mix: TrainingMix) -> None:
        context = multiprocessing.get_context()
        self._connection, other = context.Pipe()
        self.process = context.Process(target=_work, args=(mix, other), daemon=True)
        # The interpreter would join it at its end, after a SIGTERM that it survives.
        self._at_exit = Finalize(None, _kill, (self.process,), exitpriority=10)
        try:
            self.process.start()
        finally:
            other.close()  # before the next one is forked: else its end would stay open there

    def ask(self, numbers: Sequence[int]) -> None:
        try:
            self._connection.send(numbers)
        except OSError as error:
            raise self._lost() from error

    def answer(self) -> Cut:
        """Wait for the batch that was asked for first."""
        try:
            sent = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        answer: Cut | _Failure = pickle.loads(sent)
        if isinstance(answer, _Failure):
            raise answer.error from RuntimeError(answer.traceback)
        return answer

    def _lost(self) -> ResourceError:
        self.process.join(_SOON)
        _kill(self.process)  # a connection that broke otherwise
        code = self.process.exitcode
        killed = code == -getattr(signal, "SIGKILL", 9)
        advice = "; if it was for lack of memory, fewer workers need less" if killed else ""
        return ResourceError(
            f"a process that cuts crops has ended (pid {self.process.pid}, exit code {code})"
            + advice
        )

    def end(self) -> None:
        _kill(self.process)
        self._at_exit.cancel()
        self._connection.close()


def _kill(process: BaseProcess) -> None:
    if process.pid is not None:  # it has begun
        process.kill()
        process.join()


# What follows runs in the processes.


def _work(mix: TrainingMix, connection: Connection) -> None:
    survive_signals_once()
    torch.set_num_threads(1)
    answers: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_send, args=(answers, connection), daemon=True).start()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        answers.put(_cut(mix, connection.recv()))


def _send(answers: SimpleQueue[bytes], connection: Connection) -> None:
    """Send batches while the next are cut."""
    try:
        while True:
            connection.send_bytes(answers.get())
    finally:
        os._exit(1)  # else the other side would wait for what is never sent


def _end_with_parent() -> None:
    """End this process when the one that needs its crops has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _cut(mix: TrainingMix, numbers: Sequence[int]) -> bytes:
    try:
        return pickle.dumps(cut(mix, numbers), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps(_Failure(_sendable(error), "".join(format_exception(error))))


def _sendable(error: Exception) -> Exception:
    """Return an error that another process can read."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
