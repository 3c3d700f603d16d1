from __future__ import annotations

import json
from pathlib import Path

import pytest

from raz.training import clock as module
from raz.training.clock import PARTS, SECONDS, StepClock, TimeTable
from raz.training.engine import train

from .runs import config_of


@pytest.fixture
def now(monkeypatch) -> list[float]:
    """The time that the clocks read, in its first place."""
    time = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


def test_a_lap_ends_a_part(now) -> None:
    clock = StepClock()
    now[0] += 5  # before the step
    clock.start()
    for part, seconds in (("crops", 1), ("forward", 3), ("crops", 2)):
        now[0] += seconds
        clock.lap(part)
    assert clock.take() == {"crops": 3, "forward": 3}
    assert clock.take() == {}


def test_a_clock_that_stands_still_tells_nothing(now) -> None:
    clock = StepClock(runs=False)
    now[0] += 1
    clock.lap("crops")
    assert clock.take() == {}


def test_an_empty_table_has_no_division_by_zero() -> None:
    assert str(TimeTable()).splitlines()[-1].split() == ["together", "0.0", "0.0%"]


@pytest.mark.parametrize("kind", ["joint", "zoom"])
def test_a_run_logs_the_parts_of_its_steps_and_ends_with_a_table(kind, settings, caplog) -> None:
    del settings["steps"]
    config = config_of(settings, stages=[{"kind": kind, "steps": 2}], accumulate=2)
    with caplog.at_level("INFO", logger="raz"):
        train(config)
    lines = (Path(config.output) / "log.jsonl").read_text().splitlines()
    [line] = [each for each in map(json.loads, lines) if "validation" not in each]
    parts = [part for part in PARTS if kind == "joint" or part != "losses"]
    assert [name for name in line if name.startswith(SECONDS)] == [SECONDS + p for p in parts]
    assert all(line[SECONDS + part] > 0 for part in parts)
    head = next(n for n, each in enumerate(caplog.messages) if "part of a step" in each)
    assert caplog.messages[head - 1].startswith("2 steps")
    rows = caplog.messages[head + 1 :][: len(parts) + 1]
    assert [row.split()[0] for row in rows] == [*parts, "together"]
    assert not any(SECONDS in message for message in caplog.messages)
