"""The same calls against a raz._C that was built under sanitizers, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from drill import Effort
from native_builds import patience, unless_late
from sanitized_module import LIMITED, environment, report

THREADS = {"address": 1, "thread": 3}
ENOUGH = {"address": 103_524, "thread": 26_877}
"""Calls of a whole run: as many as were made when raz was first fuzzed."""

BATCH = 20_000
"""Calls of one process, of a whole run: what a process loses by a finding."""

HUNG = 60
"""Seconds beyond its own after which a process counts as hung; it starts within ten."""

HERE = Path(__file__).parent


def sanitized(effort: Effort, kind: str) -> None:
    """Processes of random calls until the time is over, and of a whole run enough of them."""
    variables: dict[str, str] = {}
    with unless_late(effort):
        variables = environment(kind, patience(effort), LIMITED)
    made = 0
    while variables and (not made or effort.left > 0 or (effort.whole and made < ENOUGH[kind])):
        seed = effort.random.getrandbits(31)
        with effort.case(f"calls of seed {seed} under the sanitizer: {kind}"):
            made += 1  # also where the process breaks
            made += _batch(effort, kind, variables, seed) - 1


def _batch(effort: Effort, kind: str, variables: dict[str, str], seed: int) -> int:
    """Run one process; its calls are cases of this drill."""
    seconds = 0 if effort.whole else max(1, min(300, int(effort.left)))
    calls = BATCH if effort.whole else 1
    arguments = [seed, seconds, calls, THREADS[kind], effort.folder]
    path = os.pathsep.join((variables["PYTHONPATH"], str(HERE), str(HERE.parent)))
    begin = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / "calls_child.py"), *map(str, arguments)],
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **variables, "PYTHONPATH": path},
            timeout=None if effort.whole else seconds + HUNG,
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(
            f"not ready after {seconds + HUNG} s; at {_last(effort.folder)}"
        ) from None
    assert done.returncode == 0, (
        f"exit code {done.returncode}; at {_last(effort.folder)}; {report(done.stderr)}"
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


def _last(folder: Path) -> str:
    return "; ".join(path.read_text(encoding="utf-8") for path in folder.glob("thread*.txt"))
