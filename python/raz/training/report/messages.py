"""Plain lines about a run, by :mod:`logging`, where there is no terminal."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping

from raz.progress import duration_text
from raz.training.clock import SECONDS
from raz.training.report.sink import Sink

_log = logging.getLogger(__name__)


class Messages(Sink):
    """Log one line per interval: ``step 120 of 2000 (6%), 18 min left: density 3.2``."""

    name = "messages"

    def __init__(
        self, total_steps: int | None, resume_step: int, share: Callable[[], float] | None = None
    ) -> None:
        self._total = total_steps
        self._share = share or self._share_of_steps
        self._step = resume_step
        self._first = self._share()
        self._start = time.monotonic()

    def training(self, step: int, means: Mapping[str, float]) -> None:
        self._step = step
        total = "" if self._total is None else f" of {self._total}"
        _log.info("step %d%s%s: %s", step, total, self._of_all(), as_text(means))

    def _share_of_steps(self) -> float:
        return math.nan if self._total is None else min(1.0, self._step / self._total)

    def _of_all(self) -> str:
        share = self._share()
        if not share > self._first:
            return ""
        seconds = (time.monotonic() - self._start) / (share - self._first) * (1 - share)
        return f" ({share:.0%}), {duration_text(seconds)} left"


def as_text(figures: Mapping[str, float]) -> str:
    """Return figures but times as text, ``density 3.2, norm 288``, with four digits each."""
    return ", ".join(
        f"{name} {value:.4g}" for name, value in figures.items() if not name.startswith(SECONDS)
    )
