"""A bar on a terminal, by rich: steps, rate, time left; losses and the last validation beneath."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import IO, Any

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from raz.training.report.messages import as_text
from raz.training.report.sink import Sink

_RATE_SECONDS = 300.0  # steps of many seconds and pauses for validation still give a steady rate
_REFRESH_SECONDS = 0.25


class Bar(Sink):
    """The bar. Handlers of :mod:`logging` that write to the same terminal write above it."""

    name = "the bar"

    def __init__(self, console: Console, total_steps: int | None, resume_step: int) -> None:
        # Without a thread that refreshes: it could hold rich's lock while data workers are forked.
        self._progress = _Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            speed_estimate_period=_RATE_SECONDS,
        )
        self._task = self._progress.add_task("step", total=total_steps, completed=resume_step)
        self._shown = self._progress.get_time()
        terminal = console.file
        self._progress.start()
        self._moved = _move_handlers(terminal, sys.stderr)

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)
        now = self._progress.get_time()
        if now - self._shown >= _REFRESH_SECONDS:
            self._shown = now
            self._progress.refresh()

    def training(self, step: int, means: Mapping[str, float]) -> None:
        self._tell("training", step, means)

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        self._tell("validation", step, record)

    def close(self) -> None:
        for handler, stream in self._moved:
            handler.setStream(stream)
        self._moved = []
        self._progress.stop()

    def _tell(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        self._progress.beneath[kind] = f"{kind:<10}  {as_text(figures)}  (step {step})"
        self._progress.refresh()


class _Progress(Progress):
    """rich's bar with lines of text beneath."""

    def __init__(self, *columns: str | ProgressColumn, **options: Any) -> None:
        self.beneath: dict[str, str] = {}
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for line in self.beneath.values():
            yield Text(line)


class _Rate(ProgressColumn):
    """``2.31 steps/s``, or ``4.20 s/step`` where a step takes longer than a second."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.2f} steps/s" if speed >= 1 else f"{1 / speed:.2f} s/step")


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
