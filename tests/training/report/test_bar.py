from __future__ import annotations

import contextlib
import io
import logging
import re
import sys

import pytest

pytest.importorskip("rich")

from raz.training.report import INTERVAL, open_report
from raz.training.report.bar import Bar
from raz.training.report.messages import Messages
from terminals import open_terminal


@pytest.fixture
def terminal(monkeypatch):
    return open_terminal(monkeypatch)


@contextlib.contextmanager
def open_on(stderr, folder, *, progress=True, resume_step=0):
    with (
        contextlib.redirect_stderr(stderr),
        open_report(
            folder, total_steps=200, resume_step=resume_step, tensorboard=False, progress=progress
        ) as report,
    ):
        yield report


def test_the_bar_shows_steps_losses_and_the_last_validation(tmp_path, terminal):
    with open_on(terminal, tmp_path) as report:
        for step in range(1, INTERVAL + 1):
            report.step({"density": 3.25, "norm": 17.0}, step=step)
        report.validation({"mae": 12.5}, step=INTERVAL)
        report.step({"density": 1.0}, step=INTERVAL + 1)
    first, last = terminal.text().split("step")[1], terminal.text().rsplit("21/200", 1)[1]
    assert "0/200" in first
    assert re.search(r"training +density 3.25, norm 17 +\(step 20\)", terminal.text())
    assert re.search(r"training +density 1 +\(step 21\)", last)
    assert re.search(r"validation +mae 12.5 +\(step 20\)", last)


def test_a_resumed_run_starts_where_it_was(tmp_path, terminal):
    with open_on(terminal, tmp_path, resume_step=150) as report:
        report.step({"density": 1.0}, step=151)
    assert "150/200" in terminal.text()


def test_messages_go_above_the_bar(tmp_path, terminal):
    handler = logging.StreamHandler(terminal)
    logger = logging.getLogger("raz")
    logger.addHandler(handler)
    try:
        with open_on(terminal, tmp_path) as report:
            report.step({"density": 1.0}, step=1)
            assert handler.stream is sys.stderr
            assert handler.stream is not terminal
            logger.warning("a [bold]warning[/bold]")
        assert handler.stream is terminal
    finally:
        logger.removeHandler(handler)
    before = terminal.getvalue()[: terminal.getvalue().index("a [bold]warning[/bold]")]
    assert before.endswith("\x1b[2K")  # the bar's lines were wiped off first


def test_the_terminal_is_left_as_it_was_when_the_run_fails(tmp_path, terminal):
    def fail():
        with open_on(terminal, tmp_path):
            raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        fail()
    shown = terminal.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is visible again


def test_lines_where_no_bar_is_wanted_or_possible(tmp_path, terminal, monkeypatch):
    def place(stderr=terminal, **options):
        with open_on(stderr, tmp_path, **options) as report:
            return type(report._sinks[-1])

    assert place() is Bar
    assert place(progress=False) is Messages
    with monkeypatch.context() as patch:
        patch.setenv("TERM", "dumb")
        assert place() is Messages
    with monkeypatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1")
        assert place(io.StringIO()) is Messages
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "rich.console", None)
        assert place() is Messages
