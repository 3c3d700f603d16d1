"""Builds of the C++ core that drills need: by another compiler, under sanitizers.

They stay in build/torture, and that of `make native` where it is, so that only the first run of a
drill takes minutes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path

from drill import Effort

ROOT = Path(__file__).parents[2]
BUILDS = ROOT / "build" / "torture"
CORPUS = ROOT / "tests" / "native" / "fuzz" / "corpus"

OPERATORS = tuple(
    sorted(path.stem.removeprefix("fuzz_") for path in CORPUS.parent.glob("fuzz_*.cpp"))
)


LEAST_PATIENCE = 20.0
"""Seconds that a build may take in a short run. A first one takes some minutes of one processor,
but for one target of what `make native` has built."""


class NotReady(Exception):
    """A build takes longer than it may."""


@dataclass(frozen=True)
class Build:
    """One folder of CMake. `sanitize` is RAZ_SANITIZE of CMakeLists.txt, of the C++ tests."""

    compiler: str  # "g++" or "clang++"
    sanitize: str  # "ON" (address, undefined), "thread", "OFF"
    flags: str = ""  # of raz._C, which has no sanitizers of its own

    @property
    def folder(self) -> Path:
        if (self.compiler, self.sanitize, self.flags) == ("g++", "ON", ""):
            return ROOT / "build" / "native"  # of make native
        return BUILDS / f"{self.compiler}-{self.sanitize}{'-module' if self.flags else ''}"

    def made(self, target: str, seconds: float | None = None) -> Path:
        """The folder, with `target` built.

        Raises RuntimeError with what the compiler said, and NotReady if it takes longer than
        `seconds`: what is compiled by then stays, and the next try goes on from there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "raz.lock").open("w") as lock:
            flock(lock, LOCK_EX)  # of the drills that run beside this one
            if not (self.folder / "build.ninja").exists():
                self._configure()
            _build([_tool("ninja"), "-C", str(self.folder), target], seconds)
        return self.folder

    def fuzz_target(self, operator: str, seconds: float | None = None) -> Path:
        """The program that fuzzes one operator."""
        name = f"fuzz_{operator}"
        return self.made(name, seconds) / "tests" / "native" / "fuzz" / name

    def site(self, seconds: float | None = None) -> Path:
        """A folder for PYTHONPATH in which raz is the one of the sources, with this build's _C."""
        folder = self.made("_C", seconds) / "site"
        package = folder / "raz"
        package.mkdir(parents=True, exist_ok=True)
        for path in package.iterdir():
            path.unlink()
        for path in (ROOT / "python" / "raz").iterdir():
            if not path.name.startswith(("_C.", "__pycache__")):
                (package / path.name).symlink_to(path)
        name = f"_C{sysconfig.get_config_var('EXT_SUFFIX')}"
        (package / name).symlink_to(self.folder / name)
        return folder

    def _configure(self) -> None:
        pybind11 = subprocess.run(
            [sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True, text=True
        )
        command = [_tool("cmake"), "-S", str(ROOT), "-B", str(self.folder), "-G", "Ninja"]
        options = {
            "CMAKE_MAKE_PROGRAM": _tool("ninja"),
            "CMAKE_CXX_COMPILER": _tool(self.compiler),
            "CMAKE_CXX_FLAGS": self.flags,
            "RAZ_NATIVE_TESTS": "OFF" if self.flags else "ON",
            "RAZ_SANITIZE": self.sanitize,
            "RAZ_CUDA": "OFF",
            "Python_EXECUTABLE": sys.executable,
            "pybind11_DIR": pybind11.stdout.strip(),
        }
        _succeed([*command, *(f"-D{name}={value}" for name, value in options.items())])


def patience(effort: Effort) -> float | None:
    """Seconds that a build may take: in a whole run what it takes."""
    return None if effort.whole else max(LEAST_PATIENCE, effort.left)


@contextmanager
def unless_late(effort: Effort) -> Iterator[None]:
    """A build that is not ready is no finding: the next run goes on with it."""
    try:
        yield
    except NotReady as error:
        effort.answered("not built in time")
        effort.note(f"{error}: run again")


def lacks(*compilers: str) -> str | None:
    """Name what is missing to build anything; one of the compilers is enough."""
    for name in ("cmake", "ninja"):
        if not _tool(name):
            return f'{name} (pip install --group native, a group of "pyproject.toml")'
    if not any(map(_tool, compilers)):
        return " or ".join(compilers)
    python = subprocess.run([sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True)
    return "pybind11" if python.returncode else None


@cache
def has_libfuzzer() -> bool:
    """Whether clang++ is here with libFuzzer's library."""
    if not _tool("clang++"):
        return False
    source = (
        'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) {return 0;}'
    )
    command = [_tool("clang++"), "-fsanitize=fuzzer,address", "-xc++", "-", "-o", os.devnull]
    return subprocess.run(command, input=source.encode(), capture_output=True).returncode == 0


def runtime(name: str) -> str | None:
    """Path of g++'s runtime library of a sanitizer ("asan", "tsan"), or of C++ ("stdc++")."""
    return _library(f"lib{name}.so")


def _library(name: str) -> str | None:
    if not _tool("g++"):
        return None
    found = subprocess.run(
        [_tool("g++"), f"-print-file-name={name}"], capture_output=True, text=True
    ).stdout.strip()
    return found if Path(found).is_absolute() else None


def _tool(name: str) -> str:
    """The path of a program, of this environment first; empty if there is none."""
    folder = str(Path(sys.executable).parent)
    return shutil.which(name, path=folder) or shutil.which(name) or ""


def _build(command: list[str], seconds: float | None) -> None:
    """Run ninja, and interrupt it after so long: then it ends its compilers itself."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as ninja:
        try:
            said, _ = ninja.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            ninja.send_signal(signal.SIGINT)
            ninja.communicate()
            raise NotReady(f"{command[-1]} is not built after {seconds:.0f} s") from None
    if ninja.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {said[-3000:]}")


def _succeed(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {(done.stdout + done.stderr)[-3000:]}")
