"""One training at a time in a folder."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raz.training.engine import train
from raz.training.lock import NAME, locked

from .runs import config_of

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("process 1 on another", file=file, flush=True)
print("locked", flush=True)
time.sleep(600)
"""


TRAINING = """
import pathlib, sys, time
from raz.training.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder ``run``."""
    (tmp_path / "run").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run" / NAME)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_folder_is_one_trainings(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    output = tmp_path / "run"
    with (
        pytest.raises(ValueError, match=r"run is the output of a training .*process 1 on another"),
        locked(output),
    ):
        pytest.fail("it must not begin")
    assert (output / NAME).exists()
    with locked(tmp_path / "other"):
        pass
    holder.kill()  # whoever is killed holds nothing
    holder.wait()
    with locked(output):
        assert "process" in (output / NAME).read_text()
    assert not (output / NAME).exists()


def test_a_process_that_holds_a_folder_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAINING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            with pytest.raises(ValueError, match=f"process {process.pid} on "), locked(tmp_path):
                pytest.fail("it must not begin")
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_a_file_system_without_locks_keeps_nothing_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(getattr(errno, name), "no locks")

    monkeypatch.setattr("raz.training.lock.fcntl.lockf", refuse)
    with locked(tmp_path):
        assert (tmp_path / NAME).exists()


def test_two_trainings_of_one_process_do_not_share_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path):
        with (
            pytest.raises(ValueError, match="is the output of a training that is at work"),
            locked(tmp_path / "a" / ".."),
        ):
            pytest.fail("it must not begin")
        assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        pass


def test_a_folder_that_is_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path / "a"):
        raise RuntimeError
    assert not (tmp_path / "a").exists()
    with locked(tmp_path / "a"):
        (tmp_path / "a" / "log").touch()
    assert (tmp_path / "a" / "log").exists()


def test_a_training_does_not_begin_where_another_is_at_work(
    settings: dict[str, object], holder: subprocess.Popen[str]
) -> None:
    config = config_of(settings)
    with pytest.raises(ValueError, match="is the output of a training that is at work"):
        train(config)
    assert [path.name for path in Path(config.output).iterdir()] == [NAME]
    holder.kill()
    holder.wait()
    train(config)
    assert not (Path(config.output) / NAME).exists()


def test_a_full_disk_is_told_by_the_name_of_the_lock(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught, locked(tmp_path):
            pytest.fail("it must not begin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.filename == str(tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []
