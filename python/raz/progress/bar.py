"""The bar of :func:`raz.progress.open_progress`, by rich: how many, rate, time left, notes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import rich.progress
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from raz.progress import Progress, rate_text

__all__ = ["Bar"]

_RATE_SECONDS = 300.0  # what takes many seconds, and pauses, still give a steady rate
_REFRESH_SECONDS = 0.25


class Bar(Progress):
    """The bar. Handlers of :mod:`logging` that write to the same terminal write above it.

    Args:
        console: rich's, on a terminal.
        total: how many there are; None where it is not known.
        unit: what is counted, in the singular.
        done: how many were done before; the rate does not count them.
        transient: clear it from the terminal at the end, rather than leave it there.

    Example:
        >>> import io
        >>> terminal = io.StringIO()
        >>> with Bar(Console(file=terminal, force_terminal=True), 3, unit="image") as bar:
        ...     bar.update(2)
        >>> "0/3" in terminal.getvalue()
        True
    """

    def __init__(
        self,
        console: Console,
        total: int | None,
        *,
        unit: str,
        done: int = 0,
        transient: bool = True,
    ) -> None:
        super().__init__(done)
        # Without a thread that refreshes: it could hold rich's lock while data workers are forked.
        self._progress = _Progress(
            TextColumn("{task.description}", markup=False),
            MofNCompleteColumn(),
            BarColumn(),
            _Rate(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            speed_estimate_period=_RATE_SECONDS,
            redirect_stdout=False,  # data: it may go elsewhere than to this terminal
            transient=transient,
        )
        self._task = self._progress.add_task(f"{unit}s", total=total, completed=done)
        self._shown = self._progress.get_time()
        self._moved: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []
        self._show()

    def update(self, done: int) -> None:
        super().update(done)
        self._progress.update(self._task, completed=done)
        now = self._progress.get_time()
        if self._progress.live.is_started and now - self._shown >= _REFRESH_SECONDS:
            self._shown = now
            self._progress.refresh()

    def begin(self, title: str, total: int | None) -> None:
        super().begin(title, total)
        # rich keeps the total of a task where None is given.
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(title, total=total)
        if self._progress.live.is_started:
            self._progress.refresh()

    def note(self, name: str, text: str) -> None:
        self._progress.notes[name] = text
        self._progress.refresh()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        self.close()
        yield
        self._show()

    def close(self) -> None:
        for handler, stream in self._moved:
            handler.setStream(stream)
        self._moved = []
        self._progress.stop()

    def _show(self) -> None:
        terminal = self._progress.console.file
        self._progress.start()
        self._moved = _move_handlers(terminal, sys.stderr)


class _Progress(rich.progress.Progress):
    """rich's bar with lines of text beneath."""

    def __init__(self, *columns: str | ProgressColumn, **options: Any) -> None:
        self.notes: dict[str, str] = {}
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for line in self.notes.values():
            yield Text(line)


class _Rate(ProgressColumn):
    """``2.31 steps/s``, or ``4.20 s/step`` where a step takes longer than a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(rate_text(task.speed, self._unit) if task.speed else "")


def _move_handlers(
    old: IO[str], new: IO[str]
) -> list[tuple[logging.StreamHandler[IO[str]], IO[str]]]:
    """Let log handlers that write to ``old`` write to ``new``; return what undoes it."""
    moved = []
    for logger in (logging.getLogger(), logging.getLogger("raz")):
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)
                moved.append((handler, old))
    return moved
