"""Where the time of a step goes."""

from __future__ import annotations

import time
from collections.abc import Mapping

PARTS = ("crops", "forward", "losses", "backward", "optimizer")
"""Parts of a step in order: waiting for crops, the net, targets and losses, gradients (with several
processes also their mean), and clipping, the optimizer and the running mean of the weights."""

SECONDS = "seconds/"
"""Before the name of a part: the name of its seconds in a log."""


class StepClock:
    """Seconds of the parts of steps, told by laps: a lap ends a part.

    The clock is the wall's. Where work is queued, as on CUDA, it would tell little.

    Args:
        runs: whether it measures anything.

    Attributes:
        seconds: of each part since the last call of `take`.

    Example:
        >>> from raz.training.clock import StepClock
        >>> clock = StepClock()
        >>> clock.start()
        >>> clock.lap("crops")
        >>> list(clock.take())
        ['crops']
    """

    def __init__(self, runs: bool = True) -> None:
        self.runs = runs
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def start(self) -> None:
        """Begin the first part; what has passed since the last lap belongs to none."""
        self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """End a part, and begin the next."""
        now = time.monotonic()
        if self.runs:
            self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now

    def take(self) -> dict[str, float]:
        """Return the seconds of each part, and begin again at 0."""
        taken, self.seconds = self.seconds, {}
        return taken


class TimeTable:
    """The sum of what a `StepClock` told, as a table.

    Example:
        >>> from raz.training.clock import TimeTable
        >>> table = TimeTable()
        >>> table.add({"crops": 0.01, "forward": 0.3})
        >>> table.add({"crops": 0.03, "forward": 0.5})
        >>> print(table)
        part of a step     ms   share
          crops          20.0    4.8%
          forward       400.0   95.2%
          together      420.0  100.0%
    """

    def __init__(self) -> None:
        self.steps = 0
        self._seconds: dict[str, float] = {}

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add a step."""
        self.steps += 1
        for part, each in seconds.items():
            self._seconds[part] = self._seconds.get(part, 0.0) + each

    def __str__(self) -> str:
        together = sum(self._seconds.values())
        rows = [*self._seconds.items(), ("together", together)]
        lines = [f"{'part of a step':<15}{'ms':>6}{'share':>8}"]
        for part, seconds in rows:
            ms = 1000 * seconds / max(self.steps, 1)
            lines.append(f"  {part:<11}{ms:>8.1f}{seconds / (together or 1):>8.1%}")
        return "\n".join(lines)
