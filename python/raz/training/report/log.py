"""The log of a run: JSON Lines, one object per line.

A line about training holds the step, the minutes until then and the means over an interval, among
them the seconds of the parts of a step, ``"seconds/forward"`` and others. A line about a validation
holds its figures under "validation"::

    {"step": 40, "minutes": 1.41, "density": 293.4, "localization": 515.7, "norm": 592.2}
    {"step": 40, "minutes": 1.52, "validation": {"mae": 31.8, "rmse": 47.0}}

Figures that are not finite are null.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raz.files import atomic_file
from raz.training.report.sink import Sink

_log = logging.getLogger(__name__)

_MOST_STEPS = 2**53
"""Beyond that a float does not tell one step from the next."""

TAKEN = frozenset({"step", "minutes", "validation"})
"""Names that a line itself uses; figures must have others."""


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log, without torn lines and those of other things.

    Raises:
        OSError: the file cannot be read.
    """
    return [line for _, line in _lines(path)]


def cut_log(path: Path, last_step: int) -> list[dict[str, Any]]:
    """Remove the lines past a step and torn lines; return the others.

    At any moment the old file or the new one is there. A missing file is an empty log.

    Raises:
        OSError: the file cannot be read or written.
    """
    if not path.exists():
        return []
    kept = [(text, line) for text, line in _lines(path) if line["step"] <= last_step]
    whole = "".join(text + "\n" for text, _ in kept).encode()
    if whole != path.read_bytes():
        with atomic_file(path, "wb") as file:
            file.write(whole)
    return [line for _, line in kept]


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # an interruption tore it, or it is empty
            continue
        if isinstance(line, dict) and _is_ours(line):
            yield text, line


def _is_ours(line: Mapping[str, Any]) -> bool:
    """Whether what every line has, and validations beside, is what it is called."""
    step, minutes = line.get("step"), line.get("minutes", 0)
    return (
        type(step) is int
        and abs(step) <= _MOST_STEPS
        and type(minutes) in (int, float)
        and abs(minutes) <= _MOST_STEPS  # NaN is not
        and isinstance(line.get("validation", {}), dict)
    )


class LogFile(Sink):
    """Append lines. Lines that a full disk refuses are kept and written with the next one."""

    name = "log.jsonl"

    def __init__(self, path: Path, resume_step: int) -> None:
        kept = cut_log(path, resume_step)
        path.touch()
        self._path = path
        self._size = path.stat().st_size
        self._unwritten = b""
        self._validated = {line["step"] for line in kept if "validation" in line}
        minutes = max((line.get("minutes", 0.0) for line in kept), default=0.0)
        self._start = time.monotonic() - 60 * minutes

    def training(self, step: int, means: Mapping[str, float]) -> None:
        self._add(step, _jsonable(means))

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        # A run resumed from the checkpoint before a validation repeats it.
        if step not in self._validated:
            self._add(step, {"validation": _jsonable(record)})

    def close(self) -> None:
        if self._unwritten:
            self._write()

    def _add(self, step: int, figures: Mapping[str, Any]) -> None:
        minutes = round((time.monotonic() - self._start) / 60, 3)
        line = {"step": step, "minutes": minutes, **figures}
        self._unwritten += json.dumps(line, allow_nan=False).encode() + b"\n"
        self._write()

    def _write(self) -> None:
        try:
            with self._path.open("r+b") as file:
                file.seek(self._size)
                file.truncate()  # what a failed write left
                file.write(self._unwritten)
        except OSError as error:
            lines = self._unwritten.count(b"\n")
            _log.warning("%s: %s; %d lines wait", self._path, error.strerror or error, lines)
            return
        self._size += len(self._unwritten)
        self._unwritten = b""


def _jsonable(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
