"""Processes and threads of a command that are killed, stand still, or have no memory left."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from drill import Effort

from .children import TINY, Child
from .jobs import Bench, make_inputs

WORKERS = ("crop worker killed", "crop worker stopped and killed", "MemoryError in a crop worker",
           "MemoryError in cutting a crop", "MemoryError in decoding", "MemoryError in the net",
           "thread of reading dies", "bad image in a crop worker")  # fmt: skip
RANKS = ("SIGKILL", "SIGSTOP")
_PREDICT = "predict IN/photos --model raznet_tiny --weights IN/tiny.safetensors --threads 1"
_ENDS_WITHIN = 60.0


def run(effort: Effort) -> None:
    bench = Bench(effort.folder, workers=2, steps=100_000)
    for name in ("train", "predict many .csv"):
        _import(name)
    torchrun = Ranks(effort.folder / "ranks")
    for number in effort.goes_on():
        if effort.random.random() < (0.2 if effort.whole else 0.08):
            rank, kind = effort.random.randrange(2), effort.random.choice(RANKS)
            with effort.case(f"process {rank} of two that train, {kind}"):
                effort.answered(torchrun.lose(rank, signal.Signals[kind], effort.random.random()))
            continue
        way, wait = WORKERS[number % len(WORKERS)], effort.random.random()
        with effort.case(f"{way} after {wait:.3f} s"):
            effort.answered(_without(bench, way, wait))
    bench.require_inputs()


def _import(name: str) -> None:
    import importlib

    from .jobs import JOBS

    for module in JOBS[name].needs:
        importlib.import_module(module)


def _without(bench: Bench, way: str, wait: float) -> str:
    folder = bench.case()
    if way.startswith("crop worker"):
        child = bench.start("train", folder)
        workers = _workers_of(child, 2)
        time.sleep(wait)
        if "stopped" in way:
            os.kill(workers[0], signal.SIGSTOP)
        os.kill(workers[0], signal.SIGKILL)
        return f"{way}: {_judged(child, {5}, str(workers[0]))}"
    fault = {
        "MemoryError in a crop worker": _in_worker(MemoryError),
        "bad image in a crop worker": _in_worker(_bad_image),
        "MemoryError in cutting a crop": _in_worker(MemoryError, alone=True),
        "MemoryError in decoding": _in_decoding,
        "MemoryError in the net": _in_net,
        "thread of reading dies": _in_reading,
    }[way]
    if "crop" in way:
        child = bench.start("train", folder, prepare=fault)
        codes, words = ({3}, "is damaged") if "bad" in way else ({5}, "memory")
    else:
        words_ = [w.replace("IN", str(bench.inputs), 1) if w[:2] == "IN" else w
                  for w in _PREDICT.split()]  # fmt: skip
        child = Child([*words_, "--output", str(folder / "out" / "heads.csv")], fault)
        codes, words = ({1}, "SystemError") if "thread" in way else ({5}, "memory")
    return f"{way}: {_judged(child, codes, words)}"


def _judged(child: Child, codes: set[int], said: str) -> str:
    code = child.wait()
    child.require_no_orphans()
    messages = child.messages
    if code not in codes:
        raise AssertionError(f"exit code {code}: {messages[-900:]}")
    last = messages.splitlines()[-1]
    if "Traceback" in messages or len(last) > 400:
        raise AssertionError(f"no line for people: {messages[-1500:]}")
    if said.lower() not in messages.lower():
        raise AssertionError(f"does not say {said!r}: {messages[-900:]}")
    return f"exit code {code}"


def _workers_of(child: Child, number: int) -> list[int]:
    """Wait for the worker processes of a training."""
    while child.exit_code is None:
        listed = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True,
                                check=False)  # fmt: skip
        workers = [int(pid) for pid in listed.stdout.split()]
        if len(workers) >= number:
            return workers
        time.sleep(0.02)
    raise AssertionError(f"the training ended: {child.messages[-600:]}")


def _bad_image() -> Exception:
    from raz.errors import InputError

    return InputError("photo.png: the image is damaged")


def _in_worker(error: Callable[[], Exception], *, alone: bool = False) -> Callable[[], None]:
    """Let the fifth crop fail, in whichever process cuts it."""

    def prepare() -> None:
        from raz.data.mix import TrainingMix
        from raz.training import batches

        original = TrainingMix.__getitem__

        def failing(self, index):  # type: ignore[no-untyped-def]
            if index >= 5:
                raise error()
            return original(self, index)

        TrainingMix.__getitem__ = failing  # type: ignore[method-assign]
        if alone:
            cut_batches = batches._cut_batches
            batches._cut_batches = lambda config, *arguments: cut_batches(  # type: ignore[assignment]
                dataclasses.replace(config, workers=0), *arguments
            )

    return prepare


def _in_decoding() -> None:
    from PIL import Image

    def failing(*arguments: object, **options: object) -> None:
        raise MemoryError

    Image.Image.load = failing  # type: ignore[assignment]


def _in_net() -> None:
    from torch import nn

    def failing(*arguments: object, **options: object) -> None:
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 99999999999 bytes. Error code 12"
        )

    nn.Conv2d.forward = failing  # type: ignore[assignment]


def _in_reading() -> None:
    from raz.io import prefetch

    submit = prefetch.ThreadPoolExecutor.submit

    def failing(self, call, *arguments):  # type: ignore[no-untyped-def]
        def dying(*_: object) -> None:
            raise SystemError("the thread is lost")

        return submit(self, dying, *arguments)

    prefetch.ThreadPoolExecutor.submit = failing  # type: ignore[method-assign]


class Ranks:
    """Trainings of two processes that `torchrun` starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def lose(self, rank: int, number: signal.Signals, wait: float) -> str:
        """Kill or stop one process, and see the job end and name it."""
        self._number += 1
        folder = self._folder / str(self._number)
        make_inputs(folder, steps=100_000)
        words = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            str(TINY), "train", "--config", str(folder / "config.toml"), "--output",
            str(folder / "out"),
        ]  # fmt: skip
        with (folder / "stderr.txt").open("wb") as messages:
            job = subprocess.Popen(
                words,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )
        try:
            log = folder / "out" / "last" / "state.pt"
            while not log.exists():
                if job.poll() is not None:
                    raise AssertionError((folder / "stderr.txt").read_text()[-2000:])
                time.sleep(0.05)
            time.sleep(wait)
            victim = _rank_of(job.pid, rank)
            began = time.monotonic()
            os.kill(victim, number)
            while "process" not in (folder / "stderr.txt").read_text().rpartition("raz: ")[2][:12]:
                if time.monotonic() - began > _ENDS_WITHIN:
                    raise AssertionError((folder / "stderr.txt").read_text()[-2000:])
                time.sleep(0.05)
            named = time.monotonic() - began
            job.wait(2 * _ENDS_WITHIN)
            text = (folder / "stderr.txt").read_text()
            if f"process {rank} of 2 ({victim} on " not in text:
                raise AssertionError(f"does not name process {rank}: {text[-2000:]}")
            return f"{number.name} named within {'10' if named <= 10 else '30'} s"
        finally:
            os.killpg(job.pid, signal.SIGKILL) if job.poll() is None else None
            job.wait()


def _rank_of(agent: int, rank: int) -> int:
    listed = subprocess.run(["pgrep", "-P", str(agent)], capture_output=True, text=True, check=True)
    for pid in listed.stdout.split():
        if f"\0RANK={rank}\0" in Path(f"/proc/{pid}/environ").read_text():
            return int(pid)
    raise AssertionError(f"no process of rank {rank}")
