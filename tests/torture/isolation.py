"""Drills in processes of their own, several at a time; a crash or a hang is a finding."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drill import CASE, OUTCOME, Drill, Outcome

PATIENCE = 120
"""Seconds that a drill may take beyond its share, and again its share, before it counts as hung.
In a whole run, which goes on until enough cases are tried, three times its share."""

_PAUSE = 0.05


@dataclass(frozen=True)
class Share:
    """A drill, and how long and with which random numbers it runs."""

    drill: Drill
    seconds: float
    seed: int
    whole: bool

    @property
    def limit(self) -> float:
        """Seconds after which it counts as hung."""
        return (4 if self.whole else 2) * self.seconds + PATIENCE


def performed(shares: Iterable[Share], at_a_time: int) -> Iterator[tuple[Drill, Outcome]]:
    """Perform drills, so many at a time, and yield each when it is ready."""
    waiting, running = deque(shares), list[_Running]()
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                running.append(_Running(waiting.popleft()))
            ready = [one for one in running if one.is_over()]
            for one in ready:
                running.remove(one)
                yield one.share.drill, one.ended()
            if not ready:
                time.sleep(_PAUSE)
    finally:
        for one in running:
            one.ended()


class _Running:
    """A drill that runs."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._place = tempfile.TemporaryDirectory(prefix="raz-torture-")
        self._folder = Path(self._place.name)
        self._messages = self._folder / "messages.txt"
        whole = ["--whole"] if share.whole else []
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("perform.py")), share.drill.name,
                 str(share.seconds), str(share.seed), str(self._folder), *whole],
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that whatever the drill starts can be ended with it
            )  # fmt: skip
        self._late = time.monotonic() + share.limit

    def is_over(self) -> bool:
        """Whether it is ready, or hangs."""
        return self._process.poll() is not None or time.monotonic() > self._late

    def ended(self) -> Outcome:
        """End what is left of it, and tell what it saw, or what happened to it."""
        code = self._process.poll()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with self._place:
            if code is None:
                return self._broken(f"hung: not ready after {self.share.limit:.0f} s")
            if code != 0 or not (self._folder / OUTCOME).exists():
                messages = self._messages.read_text(encoding="utf-8", errors="replace")
                return self._broken(f"ended with exit code {code}: {messages[-3000:]}")
            return Outcome.read(self._folder / OUTCOME)

    def _broken(self, what: str) -> Outcome:
        cases = list(self._folder.rglob(CASE))
        last = cases[-1].read_text(encoding="utf-8") if cases else "before the first case"
        finding = f"the drill {what}; the last case was: {last}"
        return Outcome(cases=len(cases), findings=[finding])
