"""Worker processes that cut crops: their order, their errors, their end."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from raz.data import SyntheticScenes, TrainingMix
from raz.errors import ResourceError
from raz.training import crop_workers
from raz.training.crop_workers import CropWorkers, cut

NUMBERS = [[0, 1], [5, 3], [2], [4, 6], [7, 9], [8], [10, 11], [13, 12], [14], [15], [16, 17]]


@pytest.fixture
def mix() -> TrainingMix:
    return TrainingMix([(SyntheticScenes(4, size=(96, 96)), 1.0, (0.75, 1.0))], crop_size=32)


@pytest.mark.parametrize("count", [1, 3])
def test_batches_come_in_order_and_are_those_of_this_process(mix: TrainingMix, count: int) -> None:
    with contextlib.closing(CropWorkers(mix, count)) as workers:
        found = list(workers.batches(iter(NUMBERS)))
    assert len(found) == len(NUMBERS)
    for (images, points, names), numbers in zip(found, NUMBERS, strict=True):
        own_images, own_points, own_names = cut(mix, numbers)
        np.testing.assert_array_equal(images, own_images)
        assert names == own_names
        for mine, theirs in zip(own_points, points, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("after", [0, 4])
def test_a_worker_that_is_killed_is_named_and_the_others_end(
    mix: TrainingMix, victim: int, after: int
) -> None:
    before = signal.getsignal(signal.SIGCHLD)
    with contextlib.closing(CropWorkers(mix, 2)) as workers:
        batches = workers.batches([number] for number in itertools.count())
        for _ in range(after + 1):
            next(batches)
        pid = workers._workers[victim].process.pid
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ResourceError, match="fewer workers need less") as caught:
            list(batches)
    assert f"pid {pid}, exit code -9" in str(caught.value)
    assert not multiprocessing.active_children()
    assert signal.getsignal(signal.SIGCHLD) == before


def test_a_worker_that_stands_still_is_ended(mix: TrainingMix) -> None:
    with contextlib.closing(CropWorkers(mix, 2)) as workers:
        next(workers.batches([number] for number in itertools.count()))
        os.kill(workers._workers[0].process.pid, signal.SIGSTOP)
    assert not multiprocessing.active_children()


def test_workers_survive_one_signal_that_their_group_gets(mix: TrainingMix) -> None:
    with contextlib.closing(CropWorkers(mix, 2)) as workers:
        batches = workers.batches([number] for number in itertools.count())
        for _ in range(12):  # of which each has cut half
            next(batches)
        for each in workers._workers:
            os.kill(each.process.pid, signal.SIGTERM)
        for _ in range(12):
            next(batches)


LARGE = """
import contextlib, itertools, os, signal, sys
from raz.data import SyntheticScenes, TrainingMix
from raz.errors import ResourceError
from raz.training.crop_workers import CropWorkers
if __name__ == "__main__":
    mix = TrainingMix([(SyntheticScenes(2, size=(96, 96)), 1.0, (1.0, 1.0))], crop_size=512)
    for turn in range(12):
        with contextlib.closing(CropWorkers(mix, 2)) as workers:
            batches = workers.batches([number] * 4 for number in itertools.count())
            next(batches)
            if sys.argv[1] == "killed":
                os.kill(workers._workers[turn % 2].process.pid, signal.SIGKILL)
                try:
                    list(batches)
                except ResourceError:
                    print("named", flush=True)
            else:
                print("closed", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "closed"])
def test_workers_may_end_while_they_send(tmp_path: Path, how: str) -> None:
    script = tmp_path / "large.py"
    script.write_text(LARGE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, how], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["named" if how == "killed" else "closed"] * 12


PARENT = """
import itertools
from raz.data import SyntheticScenes, TrainingMix
from raz.training.crop_workers import CropWorkers
if __name__ == "__main__":
    mix = TrainingMix([(SyntheticScenes(4, size=(96, 96)), 1.0, (0.75, 1.0))], crop_size=32)
    workers = CropWorkers(mix, 3)
    batches = workers.batches([number] for number in itertools.count())
    for _ in range(20):
        next(batches)
    print(*(each.process.pid for each in workers._workers), flush=True)
    input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who is alive")
def test_workers_end_with_the_process_that_needs_them(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = parent.stdout.readline().split()
        parent.kill()
    assert len(pids) == 3
    end = time.monotonic() + 30
    while any(map(_is_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(_is_alive, pids))


def _is_alive(pid: str) -> bool:
    try:
        state = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class OddError(Exception):
    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)


def test_batches_can_be_had_once(mix: TrainingMix) -> None:
    with contextlib.closing(CropWorkers(mix, 1)) as workers:
        next(workers.batches(iter(NUMBERS)))
        with pytest.raises(ValueError, match="batches was called already"):
            next(workers.batches(iter(NUMBERS)))


def test_workers_may_be_closed_before_they_begin(mix: TrainingMix) -> None:
    CropWorkers(mix, 2).close()
    assert not multiprocessing.active_children()


def test_an_error_that_cannot_be_sent_is_sent_in_words() -> None:
    sent = crop_workers._sendable(OddError(1, "odd"))
    assert str(pickle.loads(pickle.dumps(sent))) == "OddError: odd"
