"""SIGINT, SIGTERM and SIGHUP (a terminal that is closed), handled at once or between two steps.

A signal that is ignored stays ignored: SIGHUP under nohup, SIGINT of a job in the background. Those
who end a process often send two kinds at once, SIGTERM and SIGHUP say: of the kinds after the
first, the first one of each is the same request.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interruption:
    """A request to end, which a signal sets."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def terminates_as_interrupt() -> Iterator[Interruption]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the block, as SIGINT does.

    The yielded object tells that one was raised: libraries may make another error of it.
    """
    interruption = Interruption()

    seen: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        repeated = not seen or number in seen
        seen.append(number)
        if repeated:
            interruption.requested = True
            raise KeyboardInterrupt

    with _handled(interrupt):
        yield interruption


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextmanager
def deferred_interrupts(again: Callable[[], None] = _interrupt) -> Iterator[Interruption]:
    """Record signals in the yielded object; a second one of a kind raises KeyboardInterrupt.

    Outside the main thread nothing is recorded: Python handles signals only there.

    Args:
        again: called at a second one of a kind instead.
    """
    interruption = Interruption()

    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if number in seen:
            again()
        seen.append(number)
        interruption.requested = True

    with _handled(note):
        yield interruption


def survive_signals_once() -> None:
    """Let a worker process ignore the first of each signal.

    Signals often reach the whole group of processes, and the training one still needs its crops.
    """
    for number in _heeded():
        signal.signal(number, _pass_over)


def _pass_over(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


@contextmanager
def _handled(handler: object) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _heeded()}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _heeded() -> list[signal.Signals]:
    return [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
