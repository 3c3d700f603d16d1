"""Run the command `raz` in forked children of one process that has everything imported.

A child has an empty folder as its working directory, another for temporary files, streams of its
own, and limits: `CPU_SECONDS` of processor time, `WALL_SECONDS` until it counts as hung (others may
keep the processors busy), `ADDRESS_BYTES` of address space beyond that of the parent. Its peak of
resident memory is measured.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import io
import os
import resource
import select
import signal
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CPU_SECONDS = 20
WALL_SECONDS = 120
ADDRESS_BYTES = 6 << 30
PEAK_MEGABYTES = 1024
"""Bound on the peak of resident memory of a command, with the interpreter, torch and the net."""

MESSAGE = 300
"""Bound on the characters of a line of messages, beside the names in it."""

_MODULES = (
    *("raz.cli.main", "raz.prediction", "raz.data.check", "raz.data.convert", "raz.data.layouts"),
    *("raz.data.statistics", "raz.evaluation", "raz.training.engine", "raz.training.publishing"),
    *("raz.io.video", "raz.io.points", "raz.io.zones", "raz.io.report", "raz.export"),
    *("raz.cli.dry_run", "raz.cli.overwriting", "raz.io.chart"),
)
_LIBRARIES = ("scipy.io", "h5py", "rasterio", "av", "pillow_heif", "defusedxml.ElementTree")


_LIBRARIES_OWN = (".ses",)
"""What onnxruntime leaves in the folder for temporary files when it is first imported."""


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit code (negative: a signal), streams, seconds and megabytes."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float
    megabytes: float
    hung: bool


class Command:
    """Runs `raz` in children of this process. `folder` is where they work."""

    def __init__(self, folder: Path) -> None:
        import torch

        torch.set_num_threads(1)  # a pool of threads would be dead in the children
        for name in (*_MODULES, *_LIBRARIES):
            with suppress(ImportError):
                importlib.import_module(name)
        from raz.cli.main import main

        self._main: Callable[[Sequence[str]], int] = main
        self.here = folder / "here"
        self.temporary = folder / "temporary"
        self._streams = folder / "streams"
        for each in (self.here, self.temporary, self._streams):
            each.mkdir()
        self.most_megabytes = self.most_seconds = 0.0
        self._warm(folder / "warm.png")
        gc.collect()
        gc.freeze()  # a collection in a child would copy every page

    def _warm(self, image: Path) -> None:
        """Let the first prediction, which takes a second more, be that of the parent."""
        from PIL import Image

        import raz.models
        from raz.prediction import predict

        build = raz.models.get_model
        kept = {}

        def get_model(name: str, weights: Any = "DEFAULT", **options: Any) -> Any:
            """Published weights are loaded once: building the net is most of a short command."""
            if name != "raznet_lite" or weights != "DEFAULT" or options:
                return build(name, weights, **options)
            if name not in kept:
                kept[name] = build(name, weights)
            return kept[name]

        raz.models.get_model = get_model
        Image.new("RGB", (64, 48)).save(image)
        for depth in (1, 2):
            predict(str(image), depth=depth)
        image.unlink()

    def run(
        self,
        arguments: Sequence[str],
        *,
        beside: Callable[[], object] | None = None,
        stdin: bytes = b"",
        keeps: bool = False,
    ) -> Answer:
        """Run it once. Without `keeps`, it must leave nothing in its folders."""
        given, out, err = (self._streams / name for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        child = os.fork()
        if child == 0:
            self._child(arguments, given, out, err)
        other = _forked(beside) if beside else None
        hung = _waits(child)
        _, status, usage = os.wait4(child, 0)
        if other:
            with suppress(ProcessLookupError):
                os.kill(other, signal.SIGKILL)
            os.waitpid(other, 0)
        answer = Answer(
            tuple(arguments),
            os.waitstatus_to_exitcode(status),
            out.read_text(encoding="utf-8", errors="backslashreplace"),
            err.read_text(encoding="utf-8", errors="backslashreplace"),
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            hung,
        )
        self.most_megabytes = max(self.most_megabytes, answer.megabytes)
        self.most_seconds = max(self.most_seconds, answer.seconds)
        if not keeps:
            left = [*self.here.rglob("*"), *self.temporary.rglob("*")]
            left = [path for path in left if path.name not in _LIBRARIES_OWN]
            assert not left, f"{shown(answer)} left {left}"
        return answer

    def bounds(self) -> str:
        """The most that a command took."""
        return (
            f"at most {self.most_seconds:.1f} s of a processor and {self.most_megabytes:.0f} MB of "
            "resident memory for a command, with the interpreter, torch and the net"
        )

    def _child(self, arguments: Sequence[str], given: Path, out: Path, err: Path) -> None:
        code = 70
        try:
            os.setpgid(0, 0)
            os.chdir(self.here)
            os.environ["TMPDIR"] = str(self.temporary)
            tempfile.tempdir = None
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(given, os.O_RDONLY), 0)
            os.dup2(os.open(out, flags, 0o600), 1)
            os.dup2(os.open(err, flags, 0o600), 2)
            sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
            sys.stdout, sys.stderr = _printing(1), _printing(2)
            _limit(resource.RLIMIT_CPU, CPU_SECONDS)
            _limit(resource.RLIMIT_AS, _address_bytes() + ADDRESS_BYTES)
            _limit(resource.RLIMIT_CORE, 0)
            code = self._main(arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
            os._exit(code)


def _printing(descriptor: int) -> io.TextIOWrapper:
    raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", line_buffering=descriptor == 2)


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _address_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            work()
        os._exit(0)
    return child


def _waits(child: int) -> bool:
    """Wait for the end of a child, and end it if it hangs; whether it did."""
    descriptor = os.pidfd_open(child)
    try:
        if select.select([descriptor], [], [], WALL_SECONDS)[0]:
            return False
        os.killpg(child, signal.SIGKILL)
        return True
    finally:
        os.close(descriptor)


def shown(answer: Answer) -> str:
    """An answer, for a finding."""
    return (
        f"raz {' '.join(map(ascii, answer.arguments))} -> {answer.code} in {answer.seconds:.1f} s, "
        f"{answer.megabytes:.0f} MB; stdout {answer.out[:300]!r}; stderr {answer.err[-1500:]!r}"
    )


def judge(
    answer: Answer, codes: Sequence[int], *, names: str | None = None, longest: int = 0
) -> None:
    """Raise an AssertionError if an answer is none that a command may give.

    Args:
        codes: exit codes that are right.
        names: what the messages must name where the exit code is not 0.
        longest: characters of the longest name in the messages, beside those of the arguments.
    """
    assert not answer.hung, f"hung: {shown(answer)}"
    assert answer.code in codes, f"exit code is none of {tuple(codes)}: {shown(answer)}"
    assert answer.megabytes <= PEAK_MEGABYTES, f"more memory than may be: {shown(answer)}"
    longest = max(longest, *map(len, answer.arguments))
    for line in answer.err.splitlines():
        assert line.startswith("raz"), f"a line of somebody else: {line[:300]!r}: {shown(answer)}"
        assert len(line) <= MESSAGE + 10 * longest, f"a long line: {shown(answer)}"
    assert "Traceback" not in answer.err, shown(answer)
    if answer.code == 0:
        return
    assert answer.err or answer.out, f"no word why: {shown(answer)}"
    if names is not None:
        assert names in answer.err + answer.out, f"does not name {names!r}: {shown(answer)}"


def snapshot(folder: Path) -> dict[str, Any]:
    """What lies in a folder: kinds, sizes, times and contents of files, never through links."""
    seen: dict[str, Any] = {}
    for where, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            path = os.path.join(where, name)
            status = os.lstat(path)
            content = None
            if stat.S_ISREG(status.st_mode) and status.st_size < 1 << 26 and status.st_mode & 0o400:
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.fsdecode(os.readlink(path))
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            changed = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
            seen[os.fsdecode(path)] = (status.st_mode, size, changed, content)
    return seen
