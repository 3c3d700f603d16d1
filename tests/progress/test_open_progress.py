from __future__ import annotations

import io
import subprocess
import sys

import pytest

from raz.progress import Count, Lines, Progress, open_bar, open_progress
from terminals import open_terminal


@pytest.fixture
def terminal(monkeypatch):
    return open_terminal(monkeypatch)


@pytest.fixture
def without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)


def test_off_a_terminal_there_is_no_bar_and_when_quiet_nothing(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with open_progress(3) as progress:
        assert type(progress) is Lines
        progress.update(2)
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


def test_another_part_of_the_work_counts_from_0(terminal, monkeypatch, without_rich):
    monkeypatch.setattr("sys.stderr", terminal)
    with open_progress(3) as progress:
        progress.update(2)
        progress.begin("regions", 7)
        assert progress.done == 0
        progress.advance()
    assert "\r2/3 images" in terminal.getvalue()
    assert "\r0/7 regions\r1/7 regions" in terminal.getvalue()


def test_lines_tell_the_rate_and_the_time_left_now_and_then(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    times = [0.0]
    lines = Lines(100, unit="image", seconds=10, clock=lambda: times[0])
    for done in range(1, 31):
        times[0] += 1
        lines.update(done)
    assert sys.stderr.getvalue().splitlines() == [
        f"raz: {done} of 100 images, 1.00 images/s, {100 - done} s left" for done in (10, 20, 30)
    ]


def test_lines_of_a_part_have_a_rate_of_their_own(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    times = [0.0]
    lines = Lines(None, unit="view", seconds=10, clock=lambda: times[0])
    times[0] = 60
    lines.update(3)
    lines.begin("views, zooming to 2x", 40)
    times[0] = 100
    lines.update(10)
    assert sys.stderr.getvalue().splitlines() == [
        "raz: 3 views, 20.00 s/view",
        "raz: 10 of 40 views, zooming to 2x, 4.00 s/view, 2 min left",
    ]


def test_what_is_done_soon_tells_nothing(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    times = [0.0]
    with Lines(3, unit="image", clock=lambda: times[0]) as lines:
        for done in range(4):
            lines.update(done)
            lines.note("image", "a.jpg")
            with lines.hidden():
                times[0] += 2
    assert sys.stderr.getvalue() == ""


def test_importing_it_imports_no_rich():
    code = "import sys, raz.progress; print('rich' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
