from __future__ import annotations

import logging
import sys

import pytest

pytest.importorskip("rich")
from rich.console import Console

from raz.progress import open_progress
from raz.progress.bar import Bar
from terminals import open_terminal


@pytest.fixture
def terminal(monkeypatch):
    return open_terminal(monkeypatch)


def test_how_many_the_rate_and_the_time_left(terminal):
    bar = Bar(Console(file=terminal), 1000, unit="step", done=500)
    clock = iter(range(1000))
    bar._progress.get_time = lambda: float(next(clock))
    for step in range(501, 521):
        bar.update(step)
    bar.close()
    # The clock moves on by a second whenever it is read, twice a step; what was done before
    # does not count.
    assert "500/1000" in terminal.text()
    assert "2.00 s/step" in terminal.text().rsplit("520/1000", 1)[1]
    assert "0:16:00" in terminal.text().rsplit("520/1000", 1)[1]


def test_a_rate_above_one_a_second(terminal):
    bar = Bar(Console(file=terminal), None, unit="image")
    clock = iter(range(1000))
    bar._progress.get_time = lambda: next(clock) / 8
    for _ in range(20):
        bar.advance()
    bar.close()
    assert "4.00 images/s" in terminal.text()
    assert "20/?" in terminal.text()


@pytest.mark.parametrize("plain", [True, False])
def test_no_color_is_heeded(plain, monkeypatch):
    terminal = open_terminal(monkeypatch)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stderr", terminal)
    with open_progress(3) as progress:
        progress.update(1)
    assert ("\x1b[3" in terminal.getvalue()) != plain  # a colour of the foreground


def test_another_part_of_the_work_has_its_own_title_total_and_rate(terminal):
    bar = Bar(Console(file=terminal), 3, unit="view")
    bar.update(3)
    bar.begin("views, zooming to 2x [a]", 17)
    assert bar.done == 0
    assert "views, zooming to 2x [a]  0/17" in terminal.text()
    assert bar._progress.tasks[0].speed is None
    bar.begin("views", None)
    bar.update(5)
    bar.close()
    assert "views 5/?" in terminal.text()


def test_what_is_written_while_it_is_hidden_stands_alone(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with open_progress(3) as progress:
        with progress.hidden():
            assert sys.stderr is terminal
            terminal.write("a result\n")
            progress.update(1)
        before, after = terminal.getvalue().split("a result\n")
        assert before.endswith("\x1b[2K")  # the bar was wiped off first
        assert "1/3" in after
    assert terminal.getvalue().endswith("\x1b[2K")
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")


def test_an_error_while_it_is_hidden_leaves_it_hidden(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)

    def fail():
        with open_progress(3) as progress, progress.hidden():
            terminal.write("hidden")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert "0/3" not in terminal.getvalue().split("hidden")[1]


def test_messages_go_above_it_and_notes_beneath(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    handler = logging.StreamHandler(terminal)
    logger = logging.getLogger("raz")
    logger.addHandler(handler)
    try:
        with open_progress(3) as progress:
            assert handler.stream is sys.stderr
            assert handler.stream is not terminal
            progress.note("loss", "loss 0.25")
            logger.warning("a [bold]warning[/bold]")
        assert handler.stream is terminal
    finally:
        logger.removeHandler(handler)
    before, after = terminal.getvalue().split("a [bold]warning[/bold]")
    assert before.endswith("\x1b[2K")
    assert "loss 0.25" in after
