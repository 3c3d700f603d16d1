"""Processes of a training that are gone or stand still are named, and nobody waits for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from raz.training import heartbeat
from raz.training.distributed import World
from raz.training.heartbeat import watched

PROGRAM = """
import datetime, os, sys, time
import torch, torch.distributed as dist
from raz.training import heartbeat
from raz.training.distributed import World
from raz.training.heartbeat import watched
heartbeat.PATIENCE_SECONDS, heartbeat.PERIOD_SECONDS = 1.0, 0.1
rank, ending = int(os.environ["RANK"]), sys.argv[1]
dist.init_process_group("gloo")
world = World(rank, 2, torch.device("cpu"))
try:
    with watched(world):
        for step in range(2 if ending == "end" else 10**6):
            world.mean(torch.ones(3))
            if step == 1:
                print("steps", flush=True)
            if ending == "error" and step == 5 and rank == 1:
                raise KeyError("a bad crop")
    print("ended", flush=True)
except (ConnectionError, KeyError) as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    os._exit(7)
"""


@contextmanager
def pair(ending: str, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes as another launcher than torchrun would start them."""
    port = 20_000 + os.getpid() % 10_000
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, ending],
            env=os.environ | {
                "RANK": str(rank), "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_is_killed_is_named(victim: int, tmp_path: Path) -> None:
    with pair("never", tmp_path) as processes:
        other = processes[1 - victim]
        assert other.stdout is not None
        assert other.stdout.readline() == "steps\n"
        processes[victim].kill()
        out, _ = other.communicate(timeout=60)
        assert other.returncode == 7
        assert f"ConnectionError: process {victim} of 2 ({processes[victim].pid} on " in out
        assert "is gone or does not answer" in out


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_stands_still_is_named_and_not_waited_for(
    victim: int, tmp_path: Path
) -> None:
    with pair("never", tmp_path) as processes:
        other = processes[1 - victim]
        assert other.stdout is not None
        assert other.stdout.readline() == "steps\n"
        processes[victim].send_signal(signal.SIGSTOP)
        _, err = other.communicate(timeout=60)
        assert other.returncode == 1
        assert f"process {victim} of 2 ({processes[victim].pid} on " in err
        assert "has not answered for 1 s; the training ends, and can be continued" in err


@pytest.mark.slow
def test_a_job_that_is_stopped_whole_goes_on(tmp_path: Path) -> None:
    with pair("never", tmp_path) as processes:
        assert all(p.stdout is not None and p.stdout.readline() == "steps\n" for p in processes)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        time.sleep(3)  # longer than their patience
        for process in processes:
            process.send_signal(signal.SIGCONT)
        time.sleep(1)
        assert all(process.poll() is None for process in processes)


@pytest.mark.slow
def test_the_error_of_one_process_is_told_by_the_others(tmp_path: Path) -> None:
    with pair("error", tmp_path) as processes:
        first, second = (process.communicate(timeout=60)[0] for process in processes)
        assert second == "steps\nKeyError: 'a bad crop'\n"
        assert "has ended: KeyError: 'a bad crop'" in first


@pytest.mark.slow
def test_an_ordinary_end_is_nobodys_loss(tmp_path: Path) -> None:
    with pair("end", tmp_path) as processes:
        for process in processes:
            assert process.communicate(timeout=60)[0] == "steps\nended\n"
            assert process.returncode == 0


def test_a_single_process_watches_nobody() -> None:
    alone = World(0, 1, torch.device("cpu"))
    with pytest.raises(RuntimeError, match="as it was"), watched(alone):
        raise RuntimeError("as it was")
    assert not dist.is_initialized()


def test_datagrams_of_others_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the token of the training nobody is heard, whatever the bytes."""

    class Pair(World):
        def gather(self, value):  # type: ignore[no-untyped-def]
            return [value, value]

    monkeypatch.setattr(heartbeat, "PERIOD_SECONDS", 0.01)
    watch = heartbeat._Heartbeat(Pair(0, 2, torch.device("cpu")))
    (peer,) = watch._peers.values()
    for content in (b"", b"fail", b"\0" * 20 + b"fail", bytes(4096), watch._token):
        watch._hear(content, ("127.0.0.1", 9))
    assert not peer.heard
    assert peer.end is None
    watch._hear(watch._token + (1).to_bytes(4) + b"failno\xff", ("127.0.0.1", 9))
    assert peer.heard
    assert peer.end == "no\N{REPLACEMENT CHARACTER}"
    watch.close(b"done")
