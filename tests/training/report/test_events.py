from __future__ import annotations

import json
import sys

import pytest

from raz.training.report import INTERVAL, open_report


def open_with_events(folder, resume_step=0):
    return open_report(
        folder, total_steps=None, resume_step=resume_step, tensorboard=True, progress=False
    )


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r'"\.\[tensorboard\]"'):
        open_with_events(tmp_path)


@pytest.mark.slow
def test_events_are_those_of_the_log(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with open_with_events(tmp_path) as report:
        for step in range(1, 3 * INTERVAL + 1):
            report.step({"density": float(step)}, step=step)
        report.validation({"mae": 4.0}, step=3 * INTERVAL)
    with open_with_events(tmp_path, resume_step=INTERVAL) as report:
        for step in range(INTERVAL + 1, 2 * INTERVAL + 1):
            report.step({"density": 0.0}, step=step)
        report.validation({"mae": 3.0}, step=2 * INTERVAL)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    told = [(event.step, event.value) for event in events.Scalars("training/density")]
    assert told == [(INTERVAL, (INTERVAL + 1) / 2), (2 * INTERVAL, 0.0)]
    told = [(event.step, event.value) for event in events.Scalars("validation/mae")]
    assert told == [(2 * INTERVAL, 3.0)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_costs_the_events_alone(tmp_path, caplog):
    pytest.importorskip("tensorboard")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with open_with_events(tmp_path) as report:
        writer = next(s for s in report._sinks if "TensorBoard" in s.name)._writer
        writer._get_file_writer().event_writer._async_writer._writer.write = fail
        for step in range(1, 3 * INTERVAL + 1):
            report.step({"density": 1.0}, step=step)
    (warning,) = (m for m in caplog.messages if "TensorBoard" in m)
    assert "No space left on device" in warning
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [20, 40, 60]
