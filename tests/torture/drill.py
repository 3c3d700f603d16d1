"""What a drill is: one way to try to break raz, for a stated time, with stated random numbers."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Case = TypeVar("Case")

SHOWN = 20
"""Findings that are kept whole; of more, their number is."""

CASE = "case.txt"
OUTCOME = "outcome.json"
"""What a drill's process leaves in its folder: the case it was at, and what it saw."""


@dataclass
class Outcome:
    """What one drill saw."""

    cases: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)
    more_findings: int = 0
    skipped: str | None = None  # what the machine lacks
    answers: Counter[str] = field(default_factory=Counter)  # how often raz answered how
    notes: list[str] = field(default_factory=list)  # measured figures, one per line

    def values(self) -> dict[str, Any]:
        """The fields, for JSON; asdict would copy the counter, which it cannot."""
        return dict(vars(self))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.values()), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Outcome:
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**values, "answers": Counter(values["answers"])})


class Effort:
    """The time and the random numbers of one drill, and what it has seen so far.

    `random` depends on the seed and the drill's name alone. `folder` is an empty folder that goes
    away afterwards. `whole` is true when every case is to be tried, not only what time allows.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        seed: int,
        folder: Path,
        *,
        whole: bool = False,
        enough: int = 1,
    ) -> None:
        self.seconds = seconds
        self.whole = whole
        self._enough = enough if whole else 0
        self.random = random.Random(f"{seed} {name}")
        self.folder = folder
        self.outcome = Outcome()
        self._begin = time.monotonic()
        self._last = folder / CASE

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self._begin)

    def sampled(self, cases: Sequence[Case]) -> Iterator[Case]:
        """Cases of a list, in random order, while time is left: at least one. All if `whole`."""
        shuffled = list(cases)
        self.random.shuffle(shuffled)
        for index, case in enumerate(shuffled):
            if index and not self.whole and self.left <= 0:
                return
            yield case

    def goes_on(self) -> Iterator[int]:
        """0, 1, 2, ... while time is left: at least 0. If `whole`, until enough cases are tried."""
        index = 0
        while not index or self.left > 0 or self.outcome.cases < self._enough:
            yield index
            index += 1

    @contextmanager
    def case(self, description: str) -> Iterator[None]:
        """One case. Whatever it raises is a finding; `description` must let it be repeated.

        The description is on disk before the case begins, so that a crash of the process names it.
        """
        self._last.write_text(description, encoding="utf-8")
        self.outcome.cases += 1
        try:
            yield
        except Exception as error:
            self.found(f"{description}: {type(error).__name__}: {error}")

    def found(self, text: str) -> None:
        """Keep a finding of which no exception tells."""
        if len(self.outcome.findings) < SHOWN:
            self.outcome.findings.append(text)
        else:
            self.outcome.more_findings += 1

    def answered(self, how: str) -> None:
        """Count an answer, such as "exit code 3"."""
        self.outcome.answers[how] += 1

    def note(self, text: str) -> None:
        """Keep a measured figure for the report."""
        self.outcome.notes.append(text)

    def finish(self) -> Outcome:
        self.outcome.seconds = time.monotonic() - self._begin
        return self.outcome


@dataclass(frozen=True)
class Drill:
    """One way to try to break raz.

    `share` is its part of the time of all drills. `enough` is the number of cases that a whole run
    tries at least. `lacks` names what the machine lacks for it, or is None. `alone` drills measure
    what others that run beside them would change.
    """

    name: str
    what: str
    run: Callable[[Effort], None]
    share: float = 1.0
    enough: int = 1
    lacks: Callable[[], str | None] = lambda: None
    alone: bool = False


def perform(drill: Drill, seconds: float, seed: int, whole: bool) -> Outcome:
    """Run one drill in this process."""
    lacking = drill.lacks()
    if lacking is not None:
        return Outcome(skipped=lacking)
    with tempfile.TemporaryDirectory(prefix="raz-torture-") as folder:
        effort = Effort(drill.name, seconds, seed, Path(folder), whole=whole, enough=drill.enough)
        try:
            drill.run(effort)
        except Exception as error:
            effort.found(f"the drill itself ended with {type(error).__name__}: {error}")
        return effort.finish()
