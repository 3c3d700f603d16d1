"""The same calls against a raz._C that was built under sanitizers, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from drill import Effort
from native_builds import Build, lacks, runtime

FLAGS = {
    "address": "-g -fsanitize=address,undefined -fno-sanitize-recover=all",
    "thread": "-g -fsanitize=thread",
}
LIBRARY = {"address": "asan", "thread": "tsan"}
THREADS = {"address": 1, "thread": 3}
ENOUGH = {"address": 103_524, "thread": 26_877}
"""Calls of a whole run: as many as were made when raz was first fuzzed."""

BATCH = 20_000
"""Calls of one process, of a whole run: what a process loses by a finding."""

HERE = Path(__file__).parent


def sanitized(effort: Effort, kind: str) -> None:
    """Processes of random calls until the time is over, and of a whole run enough of them."""
    site = Build("g++", kind, FLAGS[kind]).site()
    made = 0
    while not made or effort.left > 0 or (effort.whole and made < ENOUGH[kind]):
        seed = effort.random.getrandbits(31)
        with effort.case(f"calls of seed {seed} under the sanitizer: {kind}"):
            made += 1  # also where the process breaks
            made += _batch(effort, kind, site, seed) - 1


def lacks_sanitizer(kind: str) -> str | None:
    if runtime(LIBRARY[kind]) is None:
        return f"g++'s library {LIBRARY[kind]}"
    return lacks("g++")


def _batch(effort: Effort, kind: str, site: Path, seed: int) -> int:
    """Run one process; its calls are cases of this drill."""
    seconds = 0 if effort.whole else max(1, min(300, int(effort.left)))
    calls = BATCH if effort.whole else 1
    arguments = [seed, seconds, calls, THREADS[kind], effort.folder]
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(HERE / "calls_child.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **_environment(kind, site)},
    )
    assert done.returncode == 0, (
        f"exit code {done.returncode}; at {_last(effort.folder)}; {_report(done.stderr)}"
    )
    outcome = json.loads(done.stdout.splitlines()[-1])
    for finding in outcome["found"]:
        effort.found(finding)
    answers = {how: n for how, n in outcome["answers"].items() if how != "left out"}
    effort.outcome.answers.update(answers)
    total = sum(answers.values())
    effort.outcome.cases += total - 1
    effort.note(f"{total:,} calls in {time.monotonic() - begin:.0f} s")
    return total


def _environment(kind: str, site: Path) -> dict[str, str]:
    suppressions = HERE / "tsan_suppressions.txt"
    return {
        "PYTHONPATH": os.pathsep.join((str(site), str(HERE), str(HERE.parent))),
        # The sanitizer finds how C++ throws only if that is there before Python loads torch.
        "LD_PRELOAD": f"{runtime(LIBRARY[kind])}:{_standard_library()}",
        "OMP_NUM_THREADS": "1",
        # Python and torch keep what they allocate until the end. Too much is refused, as it is
        # without a sanitizer.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1"
        ":max_allocation_size_mb=1000",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": f"halt_on_error=1:allocator_may_return_null=1:suppressions={suppressions}"
        ":max_allocation_size_mb=1000",
    }


def _standard_library() -> str:
    command = ["g++", "-print-file-name=libstdc++.so.6"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _last(folder: Path) -> str:
    return "; ".join(path.read_text(encoding="utf-8") for path in folder.glob("thread*.txt"))


def _report(text: str) -> str:
    """The first report of a sanitizer, else the end."""
    begin = re.search(r"runtime error|ERROR: |WARNING: ThreadSanitizer", text)
    return text[begin.start() : begin.start() + 2500] if begin else text[-2500:]
