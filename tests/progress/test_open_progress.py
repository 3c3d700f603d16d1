from __future__ import annotations

import io
import subprocess
import sys

import pytest

from raz.progress import Count, Progress, open_bar, open_progress
from terminals import open_terminal


@pytest.fixture
def terminal(monkeypatch):
    return open_terminal(monkeypatch)


@pytest.fixture
def without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)


def test_nothing_is_shown_off_a_terminal_or_when_quiet(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(open_progress(3)) is Progress
    assert open_bar(3, unit="image") is None
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr("sys.stderr", terminal)
    assert type(open_progress(3, quiet=True)) is Progress
    assert terminal.getvalue() == ""


def test_a_dumb_terminal_gets_a_count(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert type(open_progress(3)) is Count


def test_without_rich_a_line_is_overwritten_and_cleared(terminal, monkeypatch, without_rich):
    monkeypatch.setattr("sys.stderr", terminal)
    with open_progress(3) as progress:
        progress.advance()
        with progress.hidden():
            assert terminal.getvalue().endswith("\r          \r")
            terminal.write("above\n")
        progress.update(3)
        assert terminal.getvalue().endswith("above\n\r1/3 images\r3/3 images")
    assert terminal.getvalue().endswith("\r          \r")
    assert "\x1b" not in terminal.getvalue()


def test_a_count_without_a_total(terminal, monkeypatch, without_rich):
    monkeypatch.setattr("sys.stderr", terminal)
    with open_progress(None, unit="frame") as progress:
        progress.update(7)
    assert "\r7 frames" in terminal.getvalue()


def test_importing_it_imports_no_rich():
    code = "import sys, raz.progress; print('rich' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
