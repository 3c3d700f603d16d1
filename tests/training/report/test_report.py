from __future__ import annotations

import json
import logging
import math

import pytest
import torch

from raz.training.report import INTERVAL, open_report
from raz.training.report.report import Report
from raz.training.report.sink import Sink

PLAIN = {"tensorboard": False, "progress": False}


def lines_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def run(folder, first, last, *, resume_step=0):
    with open_report(folder, total_steps=100, resume_step=resume_step, **PLAIN) as report:
        for step in range(first, last + 1):
            report.step({"density": float(step)}, step=step)


def test_a_line_holds_the_means_of_an_interval(tmp_path):
    run(tmp_path, 1, 2 * INTERVAL + 5)
    assert [(line["step"], line["density"]) for line in lines_of(tmp_path)] == [
        (INTERVAL, (INTERVAL + 1) / 2),
        (2 * INTERVAL, (3 * INTERVAL + 1) / 2),
        (2 * INTERVAL + 5, 2 * INTERVAL + 3),
    ]


def test_a_figure_of_some_steps_is_averaged_over_these(tmp_path):
    with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
        for step in range(1, INTERVAL + 1):
            zoom = {"zoom": float(step)} if step > INTERVAL - 2 else {}
            report.step({"density": 1.0, **zoom}, step=step)
    (line,) = lines_of(tmp_path)
    assert line["zoom"] == INTERVAL - 0.5
    assert line["density"] == 1


def test_records_of_every_nth_step(tmp_path):
    with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
        for step in range(7, 2 * INTERVAL + 7, 7):
            report.step({"density": float(step)}, step=step)
    assert [line["step"] for line in lines_of(tmp_path)] == [21, 42]


def test_tensors_are_taken_without_their_graph(tmp_path):
    value = torch.tensor([1.5], requires_grad=True, dtype=torch.bfloat16).sum()
    with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
        report.step({"density": value}, step=1)
        assert not any(figure.requires_grad for figure in report._sums.values())
    assert lines_of(tmp_path)[0]["density"] == 1.5


def test_resuming_doubles_no_step(tmp_path):
    run(tmp_path, 1, 75)  # the last checkpoint is of step 50
    run(tmp_path, 51, 100, resume_step=50)
    whole = tmp_path / "whole"
    whole.mkdir()
    run(whole, 1, 100)
    assert [line["step"] for line in lines_of(tmp_path)] == [20, 40, 60, 80, 100]
    assert [line["step"] for line in lines_of(whole)] == [20, 40, 60, 80, 100]
    assert lines_of(tmp_path)[3]["density"] == lines_of(whole)[3]["density"]


def test_what_is_not_finite_is_null(tmp_path):
    with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
        report.step({"density": math.nan, "norm": math.inf}, step=1)
        report.validation({"mae": math.nan, "rmse": 2}, step=1)
    validation, training = lines_of(tmp_path)
    assert (training["density"], training["norm"]) == (None, None)
    assert validation["validation"] == {"mae": None, "rmse": 2.0}


def test_messages_without_a_terminal(tmp_path, caplog):
    with (
        caplog.at_level(logging.INFO, "raz"),
        open_report(tmp_path, total_steps=60, resume_step=0, **PLAIN) as report,
    ):
        for step in range(1, INTERVAL + 1):
            report.step({"density": 2.0, "norm": 1234.56}, step=step)
        report.validation({"mae": 12.345}, step=INTERVAL)
    step, validation = caplog.messages
    assert step == "step 20 of 60 (33%), 0 s left: density 2, norm 1235"
    assert validation == "validation at step 20: mae 12.35"
    assert "\x1b" not in "".join(caplog.messages)


def test_of_a_length_in_minutes_the_share_is_told(tmp_path, caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    options = {"total_steps": None, "resume_step": 0, **PLAIN}
    with (
        caplog.at_level(logging.INFO, "raz"),
        open_report(tmp_path, **options, share=lambda: 0.2 + now[0] / 1000) as report,
    ):
        now[0] = 300.0
        report.step({"density": 2.0}, step=INTERVAL)
    assert caplog.messages == ["step 20 (50%), 8 min left: density 2"]


def test_an_unknown_length_has_no_time_left(tmp_path, caplog):
    with (
        caplog.at_level(logging.INFO, "raz"),
        open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report,
    ):
        report.step({"density": 2.0}, step=1)
    assert caplog.messages == ["step 1: density 2"]


@pytest.mark.parametrize("name", ["step", "minutes", "validation"])
def test_names_of_the_log_are_refused(tmp_path, name):
    with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
        with pytest.raises(ValueError, match=f"record holds {name}"):
            report.step({name: 1.0}, step=1)
        with pytest.raises(ValueError, match=f"record holds {name}"):
            report.validation({name: 1.0}, step=1)


class Broken(Sink):
    name = "a broken place"

    def __init__(self):
        self.calls = []

    def training(self, step, means):
        self.calls.append(step)
        raise OSError(28, "No space left on device")

    def close(self):
        self.calls.append("close")
        raise RuntimeError("still broken")


class Kept(Sink):
    def __init__(self):
        self.told = []

    def training(self, step, means):
        self.told.append((step, means))


def test_a_sink_that_fails_costs_itself_alone(tmp_path, caplog):
    broken, kept = Broken(), Kept()
    with Report(tmp_path, [broken, kept], 0) as report:
        for step in range(1, 2 * INTERVAL + 1):
            report.step({"density": 1.0}, step=step)
    assert broken.calls == [INTERVAL, "close"]
    assert kept.told == [(INTERVAL, {"density": 1}), (2 * INTERVAL, {"density": 1})]
    (warning,) = (m for m in caplog.messages if "broken place" in m)
    assert "No space left on device" in warning


def test_what_is_left_is_told_when_the_run_fails(tmp_path):
    def fail():
        with open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN) as report:
            report.step({"density": 3.0}, step=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert lines_of(tmp_path)[0]["density"] == 3
    assert (tmp_path / "curve.png").exists()


def test_a_curve_that_cannot_be_drawn_is_a_warning(tmp_path, caplog):
    (tmp_path / "curve.png").mkdir()
    run(tmp_path, 1, 3)
    assert any("no curve" in message for message in caplog.messages)


def test_closing_twice_and_closing_without_a_step(tmp_path):
    report = open_report(tmp_path, total_steps=None, resume_step=0, **PLAIN)
    report.close()
    report.close()
    assert lines_of(tmp_path) == []
    assert not (tmp_path / "curve.png").exists()
