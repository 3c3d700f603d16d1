"""Plain lines about a run, by :mod:`logging`, where there is no terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from raz.training.clock import SECONDS
from raz.training.report.sink import Sink

_log = logging.getLogger(__name__)


class Messages(Sink):
    """Log one line per interval: ``step 120 of 2000, 18 min left: density 3.2``."""

    name = "messages"

    def __init__(self, total_steps: int | None, resume_step: int) -> None:
        self._total = total_steps
        self._first = resume_step
        self._start = time.monotonic()

    def training(self, step: int, means: Mapping[str, float]) -> None:
        _log.info("step %d%s: %s", step, self._of_total(step), as_text(means))

    def _of_total(self, step: int) -> str:
        if self._total is None or step <= self._first:
            return ""
        seconds_each = (time.monotonic() - self._start) / (step - self._first)
        minutes = max(0, self._total - step) * seconds_each / 60
        return f" of {self._total}, {minutes:.0f} min left"


def as_text(figures: Mapping[str, float]) -> str:
    """Return figures but times as text, ``density 3.2, norm 288``, with four digits each."""
    return ", ".join(
        f"{name} {value:.4g}" for name, value in figures.items() if not name.startswith(SECONDS)
    )
