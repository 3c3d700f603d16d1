"""A bar on a terminal: steps, rate, time left; losses and the last validation beneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from raz.progress import Progress
from raz.training.report.messages import as_text
from raz.training.report.sink import Sink


class Bar(Sink):
    """The bar of :func:`raz.progress.open_bar`, told of a training run."""

    name = "the bar"

    def __init__(self, progress: Progress, share: Callable[[], float] | None = None) -> None:
        self._progress = progress
        self._share = share

    def advance(self, step: int) -> None:
        self._progress.update(step)

    def training(self, step: int, means: Mapping[str, float]) -> None:
        self._tell("training", step, means)

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        self._tell("validation", step, record)

    def close(self) -> None:
        self._progress.close()

    def _tell(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        done = f", {self._share():.0%}" if self._share else ""
        self._progress.note(kind, f"{kind:<10}  {as_text(figures)}  (step {step}{done})")
