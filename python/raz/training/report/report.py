"""The report of a training, passed on to every receiver."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from raz.progress import open_bar
from raz.training.report.bar import Bar
from raz.training.report.curve import draw_curve
from raz.training.report.log import TAKEN, LogFile, read_log
from raz.training.report.messages import Messages, as_text
from raz.training.report.sink import Sink

_log = logging.getLogger(__name__)

INTERVAL = 20
"""Number of steps whose means make one line.

Example:
    >>> from raz.training.report import INTERVAL
    >>> INTERVAL
    20
"""


def open_report(
    output: Path,
    *,
    total_steps: int | None,
    resume_step: int,
    tensorboard: bool,
    progress: bool,
    share: Callable[[], float] | None = None,
) -> Report:
    """Open the report of a run, a context manager that is closed when the run ends or fails.

    The report goes to ``output/log.jsonl`` (:mod:`raz.training.report.log`), to the terminal, on
    request to TensorBoard in ``output/tensorboard``, and at the end to ``output/curve.png``. The
    terminal shows a bar if rich is installed (the extra ``progress``) and stderr is a terminal;
    messages of :mod:`logging` appear above it. Otherwise one message per interval is logged. Of
    several processes that train together, one opens a report.

    Args:
        output: existing folder of the run.
        total_steps: number of steps of the run, for the time left; None where it is not known.
        resume_step: step of the checkpoint that the run continues from; 0 for a new run. Lines
            about later steps are removed from the log, since these steps are done again.
        tensorboard: write events for TensorBoard.
        progress: show the bar where there can be one.
        share: tells which share of the run is done, in [0, 1], as a percentage and for the time
            left; by default it is not told.

    Raises:
        ImportError: ``tensorboard`` is set and TensorBoard is not installed.
        OSError: the log cannot be read or written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from raz.training.report import open_report
        >>> options = {"total_steps": 40, "resume_step": 0, "tensorboard": False, "progress": False}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = Path(folder, "log.jsonl")
        ...     with open_report(Path(folder), **options) as report:
        ...         for step in range(1, 21):
        ...             report.step({"density": float(step)}, step=step)
        ...         print(log.read_text()[:10])
        {"step": 2
    """
    sinks: list[Sink] = [LogFile(output / "log.jsonl", resume_step)]
    if tensorboard:
        from raz.training.report.events import Events

        sinks.append(Events(output / "tensorboard", resume_step))
    bar = _bar(total_steps, resume_step, share) if progress else None
    sinks.append(bar or Messages(total_steps, resume_step, share))
    return Report(output, sinks, resume_step)


class Report:
    """The report of a run: averages the figures of steps and passes them on to every sink.

    `open_report` makes one. A sink that fails is left out from then on, with a warning; the
    training goes on.

    Example:
        >>> from raz.training.report import INTERVAL, Report
        >>> from raz.training.report.sink import Sink
        >>> class Printer(Sink):
        ...     def training(self, step, means):
        ...         print(step, means)
        >>> report = Report(Path("run"), [Printer()], resume_step=0)
        >>> for step in range(1, INTERVAL + 1):
        ...     report.step({"density": float(step)}, step=step)
        20 {'density': 10.5}
    """

    def __init__(self, output: Path, sinks: list[Sink], resume_step: int) -> None:
        self._output = output
        self._sinks = sinks
        self._step = self._told = resume_step
        self._sums: dict[str, float | Tensor] = {}
        self._counts: Counter[str] = Counter()

    def step(self, record: Mapping[str, float | Tensor], *, step: int) -> None:
        """Add the figures of one step.

        Whenever ``step`` passes a multiple of :data:`INTERVAL`, the sinks receive the mean of every
        figure over the records since then that hold it. Tensors are read only then, so a figure on
        an accelerator is not waited for.

        Args:
            record: figures by name: loss terms, "norm", "learning_rate".
            step: number of steps that are done, with this one.

        Raises:
            ValueError: a name is one of "step", "minutes" and "validation", which the log uses.
        """
        _check_names(record)
        for name, value in record.items():
            figure = value.detach().float() if isinstance(value, Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + figure
            self._counts[name] += 1
        self._step = step
        self._tell(lambda sink: sink.advance(step))
        if step // INTERVAL > self._told // INTERVAL:
            self._tell_means()

    def validation(self, record: Mapping[str, float], *, step: int) -> None:
        """Pass on the figures of a validation after ``step`` steps at once, and log them.

        Raises:
            ValueError: a name is one of "step", "minutes" and "validation".
        """
        _check_names(record)
        figures = {name: float(value) for name, value in record.items()}
        _log.info("validation at step %d: %s", step, as_text(figures))
        self._tell(lambda sink: sink.validation(step, figures))

    def close(self) -> None:
        """Pass on what is left, close every sink and draw the curve. A second call does nothing."""
        if self._sums:
            self._tell_means()
        closed = bool(self._sinks)
        self._tell(lambda sink: sink.close())
        self._sinks.clear()
        if closed:
            self._draw()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _tell_means(self) -> None:
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._told = self._step
        self._sums.clear()
        self._counts.clear()
        self._tell(lambda sink: sink.training(self._told, means))

    def _tell(self, message: Callable[[Sink], None]) -> None:
        for sink in tuple(self._sinks):
            try:
                message(sink)
            except Exception as error:  # any error: hours of training matter more
                _log.warning(
                    "%s is left out from now on: %s: %s", sink.name, type(error).__name__, error
                )
                self._sinks.remove(sink)
                with contextlib.suppress(Exception):
                    sink.close()

    def _draw(self) -> None:
        log = self._output / "log.jsonl"
        try:
            if read_log(log):
                draw_curve(log, self._output / "curve.png")
        except Exception as error:  # the training is done, only its image is not
            _log.warning("%s: no curve was drawn: %s: %s", log, type(error).__name__, error)


def _check_names(record: Mapping[str, object]) -> None:
    if not TAKEN.isdisjoint(record):
        taken = ", ".join(sorted(TAKEN.intersection(record)))
        raise ValueError(f"record holds {taken}; its names must not be those of the log itself")


def _bar(
    total_steps: int | None, resume_step: int, share: Callable[[], float] | None
) -> Sink | None:
    """Return the bar, or None where nobody sees it or rich is not installed."""
    bar = open_bar(total_steps, unit="step", done=resume_step, transient=False)
    return None if bar is None else Bar(bar, share)
