"""The page of capacity shows what bench/capacity.py computes; the simulation agrees with theory."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "capacity.md"


@pytest.fixture
def schedule(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("schedule")


@pytest.mark.slow
def test_the_page_has_the_tables_of_today() -> None:
    command = [sys.executable, ROOT / "bench" / "capacity.py", "table"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition("<!-- begin: bench/capacity.py table -->\n")
    assert rest.partition("<!-- end -->")[0] == printed


@pytest.mark.parametrize(("decoders", "expected"), [(1, 125), (2, 250), (16, 500)])
def test_the_slower_of_decoders_and_accelerator_decides(
    schedule: ModuleType, decoders: int, expected: float
) -> None:
    measured = [0.004, 0.012]
    assert fmean(measured) == 0.008
    assert schedule.fed(measured, decoders, 500, 4000) == pytest.approx(expected, rel=0.03)


def test_one_worker_makes_images_wait_as_long_as_in_theory(schedule: ModuleType) -> None:
    """M/D/1 at a load of one half, by Crommelin's formula: 99 % wait at most 3.34 services."""
    assert schedule.waiting([1.0], 1, 0.5, 40_000) == pytest.approx(3.34, rel=0.04)


def test_images_wait_longer_where_workers_are_busier_or_fewer(schedule: ModuleType) -> None:
    waits = [schedule.waiting([1.0, 2.0], 4, busy, 4000) for busy in (0.3, 0.6, 0.9)]
    assert waits == sorted(waits)
    assert schedule.waiting([1.0, 2.0], 16, 0.9, 4000) < waits[-1]
