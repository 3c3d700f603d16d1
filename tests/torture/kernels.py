"""The C++ core: fuzzed operator by operator, and all its tests under sanitizers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drill import Drill, Effort
from native_builds import (
    BUILDS,
    CORPUS,
    OPERATORS,
    ROOT,
    Build,
    NotReady,
    has_libfuzzer,
    lacks,
    runtime,
)

LIBFUZZER = Build("clang++", "ON")
"""Finds inputs by the code that they reach; knows the baseline instructions alone."""

DRIVER = Build("g++", "ON")
"""Changes inputs at random; every instruction set, and the emulated CUDA kernels."""

THREADS = Build("g++", "thread")
SHORTEST = 2.0
"""Seconds that a target runs at least."""

LEAST_PATIENCE = 60.0
"""Seconds that a build may take in a short run; a first one takes some minutes of one processor."""

HUNG = 120
"""Seconds after which one input counts as a hang: a few milliseconds on an idle machine."""


def fuzz(effort: Effort) -> None:
    builds = [LIBFUZZER] if has_libfuzzer() else []
    builds += [DRIVER] if lacks("g++") is None else []
    if not effort.whole:
        builds = [effort.random.choice(builds)]
    targets = [(build, operator) for build in builds for operator in OPERATORS]
    seconds = max(SHORTEST, effort.seconds / len(targets))
    for build, operator in effort.sampled(targets):
        seed = 1 + effort.random.randrange(2**31)
        with effort.case(f"fuzz_{operator} by {build.compiler}, seed {seed}"), _unless_late(effort):
            _fuzz(effort, build, operator, seconds, seed)


def _fuzz(effort: Effort, build: Build, operator: str, seconds: float, seed: int) -> None:
    """One target for so long. What it finds is kept in build/torture/found."""
    target = build.fuzz_target(operator, _patience(effort))
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
        f"exit code {done.returncode}; see {BUILDS / 'found'}: {_tail(said)}"
    )
    runs = re.search(r"Done (\d+) runs", said)
    assert runs, f"no end: {_tail(said)}"
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
        with effort.case(f"{name} under the sanitizer: {kind}"), _unless_late(effort):
            begin = time.monotonic()
            if name == "native_tests":
                _pass([DRIVER.made(name, _patience(effort)) / "tests" / "native" / name])
            elif name.endswith(".py"):
                _pass(*_suite(name, kind, _patience(effort)))
            else:
                target = THREADS.fuzz_target(name, _patience(effort))
                _pass([target, "-runs=500", f"-artifact_prefix={effort.folder}/", CORPUS / name])
            effort.answered(f"passed: {kind}")
            effort.note(f"{name}, {kind}: {time.monotonic() - begin:.0f} s")


def _patience(effort: Effort) -> float | None:
    """Seconds that a build may take: in a whole run what it takes."""
    return None if effort.whole else max(LEAST_PATIENCE, effort.left)


@contextmanager
def _unless_late(effort: Effort) -> Iterator[None]:
    """A build that is not ready is no finding: the next run goes on with it."""
    try:
        yield
    except NotReady as error:
        effort.answered("not built in time")
        effort.note(f"{error}: run again")


def _suite(name: str, kind: str, patience: float | None = None) -> tuple[list[str], dict[str, str]]:
    """The command that runs one file of tests/ops on a sanitized raz._C, and its environment."""
    flags = {"address": "-fsanitize=address,undefined -fno-sanitize-recover=all"}
    site = Build("g++", kind, f"-g {flags.get(kind, '-fsanitize=thread')}").site(patience)
    # The sanitizer asks for the C++ runtime when it starts, before Python has loaded it.
    libraries = (runtime("asan" if kind == "address" else "tsan"), runtime("stdc++"))
    suppressions = Path(__file__).with_name("tsan_suppressions.txt")
    environment = {
        "PYTHONPATH": str(site),
        "LD_PRELOAD": ":".join(map(str, libraries)),
        "HYPOTHESIS_PROFILE": "raz-few",
        "OMP_NUM_THREADS": "1",
        # The thread sanitizer does not see the barriers of libgomp, torch's pool: what the caller
        # does after them looks like a race. Threads in a kernel are tried by the fuzz targets.
        **({"OMP_THREAD_LIMIT": "1"} if kind == "thread" else {}),
        # Python and torch keep what they allocate until the end, and are not built for this: their
        # own leaks would hide ours.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": f"halt_on_error=1:suppressions={suppressions}",
    }
    # What a sanitizer says is said past Python, hence the way of capture.
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--capture=sys"]
    command += ["-m", "not slow"]
    return [sys.executable, *command, str(ROOT / "tests" / "ops" / name)], environment


def _pass(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    said = done.stdout + done.stderr
    nothing_to_do = done.returncode == 5 and "deselected" in said  # pytest: all tests are slow
    assert done.returncode == 0 or nothing_to_do, f"exit code {done.returncode}: {_tail(said)}"


def _tail(text: str) -> str:
    """What tells what was wrong: the first report of a sanitizer, else the end."""
    report = re.search(r"FAILED|what\(\)|runtime error|ERROR: |WARNING: ThreadSanitizer", text)
    return text[report.start() : report.start() + 3000] if report else text[-3000:]


def _lacks_sanitizers() -> str | None:
    missing = [f"lib{name}" for name in ("asan", "tsan", "stdc++") if runtime(name) is None]
    return lacks("g++") or (f"{' and '.join(missing)} of g++" if missing else None)


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
        lacks=_lacks_sanitizers,
    ),
)
