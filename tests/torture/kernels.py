"""The C++ core: fuzzed operator by operator, and all its tests under sanitizers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from drill import Drill, Effort
from native_builds import (
    BUILDS,
    CORPUS,
    OPERATORS,
    ROOT,
    Build,
    has_libfuzzer,
    lacks,
    patience,
    unless_late,
)
from sanitized_module import environment, lacks_sanitizers, report

LIBFUZZER = Build("clang++", "ON")
"""Finds inputs by the code that they reach; knows the baseline instructions alone."""

DRIVER = Build("g++", "ON")
"""Changes inputs at random; every instruction set, and the emulated CUDA kernels."""

THREADS = Build("g++", "thread")
PARTS = {LIBFUZZER: 5, DRIVER: 1}
"""How a whole run divides its time: inputs that are led reach more."""

SHORTEST = 2.0
"""Seconds that a target runs at least."""

HUNG = 120
"""Seconds after which one input counts as a hang: a few milliseconds on an idle machine."""


def fuzz(effort: Effort) -> None:
    builds = [LIBFUZZER] if has_libfuzzer() else []
    builds += [DRIVER] if lacks("g++") is None else []
    if not effort.whole:
        builds = [effort.random.choice(builds)]
    targets = [(build, operator) for build in builds for operator in OPERATORS]
    part = effort.seconds / sum(PARTS[build] for build, _ in targets)
    for build, operator in effort.sampled(targets):
        seconds = max(SHORTEST, part * PARTS[build])
        seed = 1 + effort.random.randrange(2**31)
        with effort.case(f"fuzz_{operator} by {build.compiler}, seed {seed}"), unless_late(effort):
            _fuzz(effort, build, operator, seconds, seed)


def _fuzz(effort: Effort, build: Build, operator: str, seconds: float, seed: int) -> None:
    """One target for so long. What it finds is kept in build/torture/found."""
    target = build.fuzz_target(operator, patience(effort))
    corpus = effort.folder / f"corpus_{operator}"
    shutil.copytree(CORPUS / operator, corpus, dirs_exist_ok=True)
    found = effort.folder / "found"
    found.mkdir(exist_ok=True)
    options = [f"-max_total_time={max(1, round(seconds))}", f"-seed={seed}"]
    if build is LIBFUZZER:
        options += ["-max_len=1024", "-rss_limit_mb=2048", f"-timeout={HUNG}", "-reload=0"]
    done = subprocess.run(
        [target, *options, f"-artifact_prefix={found}/", corpus],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=2 * (HUNG + seconds),
    )
    said = done.stdout + done.stderr
    _keep(found, operator)
    assert done.returncode == 0, (
        f"exit code {done.returncode}; see {BUILDS / 'found'}: {report(said)}"
    )
    runs = re.search(r"Done (\d+) runs", said)
    assert runs, f"no end: {report(said)}"
    effort.outcome.answers["inputs"] += int(runs[1])
    edges = re.findall(r"cov: (\d+)", said)
    reached = f", {edges[-1]} edges" if edges else ""
    effort.note(f"{operator} by {build.compiler}: {int(runs[1]):,} inputs{reached}")


def _keep(found: Path, operator: str) -> None:
    for path in found.iterdir():
        (BUILDS / "found").mkdir(exist_ok=True)
        shutil.move(path, BUILDS / "found" / f"{operator}-{path.name}")


def sanitizers(effort: Effort) -> None:
    cases = [("native_tests", "address"), *((operator, "thread") for operator in OPERATORS)]
    files = sorted(path.name for path in (ROOT / "tests" / "ops").glob("test_*.py"))
    cases += [(name, kind) for kind in ("address", "thread") for name in files]
    for name, kind in effort.sampled(cases):
        with effort.case(f"{name} under the sanitizer: {kind}"), unless_late(effort):
            begin = time.monotonic()
            if name == "native_tests":
                _pass([DRIVER.made(name, patience(effort)) / "tests" / "native" / name])
            elif name.endswith(".py"):
                _pass(*_suite(name, kind, patience(effort)))
            else:
                target = THREADS.fuzz_target(name, patience(effort))
                _pass([target, "-runs=500", f"-artifact_prefix={effort.folder}/", CORPUS / name])
            effort.answered(f"passed: {kind}")
            effort.note(f"{name}, {kind}: {time.monotonic() - begin:.0f} s")


def _suite(name: str, kind: str, seconds: float | None) -> tuple[list[str], dict[str, str]]:
    """The command that runs one file of tests/ops on a sanitized raz._C, and its environment."""
    variables = {**environment(kind, seconds), "HYPOTHESIS_PROFILE": "raz-few"}
    # What a sanitizer says is said past Python, hence the way of capture.
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--capture=sys"]
    command += ["-m", "not slow"]
    return [sys.executable, *command, str(ROOT / "tests" / "ops" / name)], variables


def _pass(command: list[str | Path], variables: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
    )
    said = done.stdout + done.stderr
    nothing_to_do = done.returncode == 5 and "deselected" in said  # pytest: all tests are slow
    assert done.returncode == 0 or nothing_to_do, f"exit code {done.returncode}: {report(said)}"


DRILLS: tuple[Drill, ...] = (
    Drill(
        "kernels.fuzz",
        "every kernel on changed bytes, under sanitizers, held against its definition",
        fuzz,
        share=2.0,
        enough=2 * len(OPERATORS),
        lacks=lambda: lacks("clang++", "g++"),
    ),
    Drill(
        "kernels.sanitizers",
        "C++ tests, and tests of operators, under the address, undefined and thread sanitizers",
        sanitizers,
        share=2.0,
        enough=1 + len(OPERATORS) + 2 * len(list((ROOT / "tests" / "ops").glob("test_*.py"))),
        lacks=lacks_sanitizers,
    ),
)
