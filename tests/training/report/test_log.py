from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.training.report.log import LogFile, cut_log, read_log


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def steps(path):
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_cutting_keeps_lines_as_they_are(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 20,  "density": 1.50}\n{"step": 40}\n')
    assert [line["step"] for line in cut_log(path, 20)] == [20]
    assert path.read_text() == '{"step": 20,  "density": 1.50}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_that_needs_no_cut_is_not_written(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, {"step": 20}, {"step": 40})
    path.chmod(0o444)
    before = path.stat()
    cut_log(path, 40)
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.fixture(scope="module")
def log_of_all_examples(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "log.jsonl"


@pytest.mark.slow
@given(cut=st.integers(0, 100), torn=st.integers(0, 200))
def test_an_interruption_anywhere_leaves_whole_lines(log_of_all_examples, cut, torn):
    path = log_of_all_examples
    write(path, *({"step": step, "density": step / 7} for step in range(20, 120, 20)))
    text = path.read_bytes()[:torn]
    path.write_bytes(text)
    cut_log(path, cut)
    whole = [json.loads(line)["step"] for line in text.split(b"\n") if line.endswith(b"}")]
    assert steps(path) == [step for step in whole if step <= cut]


def test_lines_that_are_none_are_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'\n[1]\n{"step": "x"}\n{"a": 1}\n\xff\n{"step": 3}\n')
    assert read_log(path) == [{"step": 3}]


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"step": true}',
        '{"step": 1' + "0" * 400 + "}",
        '{"step": 1, "minutes": {}}',
        '{"step": 1, "minutes": NaN}',
        '{"step": 1, "validation": 2.5}',
    ],
)
def test_a_line_of_something_else_costs_no_training(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{line}\n{{"step": 3, "minutes": 1.0}}\n')
    assert read_log(path) == [{"step": 3, "minutes": 1.0}]
    LogFile(path, 3).training(4, {"density": 1.0})
    assert steps(path) == [3, 4]


def test_a_validation_is_not_repeated_after_resuming(tmp_path):
    path = tmp_path / "log.jsonl"
    LogFile(path, 0).validation(40, {"mae": 3.0})
    resumed = LogFile(path, 40)
    resumed.validation(40, {"mae": 3.0})
    resumed.validation(60, {"mae": 2.0})
    assert steps(path) == [40, 60]


def test_minutes_go_on_after_resuming(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, {"step": 20, "minutes": 5.0}, {"step": 40, "minutes": 9.0})
    LogFile(path, 20).training(40, {})
    assert read_log(path)[-1]["minutes"] == pytest.approx(5.0, abs=0.5)


def test_lines_wait_while_the_disk_is_full(tmp_path, caplog, monkeypatch):
    path = tmp_path / "log.jsonl"
    log = LogFile(path, 0)
    log.training(20, {"density": 1.0})
    real = Path.open

    class Full:
        """A disk that takes three bytes of every line."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            self.file.write(data[:3])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "raz"):
        patch.setattr(Path, "open", lambda self, mode: Full(real(self, mode)))
        log.training(40, {"density": 2.0})
        log.training(60, {"density": 3.0})
    assert ["1 lines wait" in m for m in caplog.messages] == [True, False]
    assert "No space left on device" in caplog.text
    log.close()
    assert [line["density"] for line in read_log(path)] == [1, 2, 3]
    assert steps(path) == [20, 40, 60]
