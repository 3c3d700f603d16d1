"""Try to break raz: hostile input, faults, load. `make torture` runs this.

    python tests/torture --seconds 1200 --seed 1
    python tests/torture --list
    python tests/torture --only weights.files --seconds 60
    python tests/torture --only kernels.fuzz --whole --seconds 20400

Every drill gets its share of the seconds and runs in a process of its own, so that a crash or a
hang is a finding and not the end. The same seed gives the same cases, as many as time allows. From
36,000 seconds on, or with --whole, nothing is sampled: a list of cases is tried to its end, and
fewer cases than a drill promises are a finding.

Prints one row per drill and writes OUTPUT (out/torture.json). The exit code is 1 if anything was
found.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from drill import CASE, OUTCOME, Drill, Outcome
from drills import DRILLS

ROOT = Path(__file__).parents[2]
WHOLE = 36_000
"""Seconds from which on nothing is sampled."""

PATIENCE = 120
"""Seconds that a drill may take beyond its share, and again its share, before it counts as hung."""


def main() -> int:
    options = parsed()
    chosen = [drill for drill in DRILLS if not options.only or drill.name in options.only]
    if options.list:
        for drill in chosen:
            print(f"{drill.name:24} {drill.what}")
        return 0
    print(f"seed {options.seed}, {options.seconds:.0f} seconds", flush=True)
    total = sum(drill.share for drill in chosen)
    outcomes: dict[str, Outcome] = {}
    for drill in chosen:
        outcome = isolated(drill, options, options.seconds * drill.share / total)
        if options.whole and outcome.skipped is None and outcome.cases < drill.enough:
            outcome.findings.append(f"only {outcome.cases} cases of {drill.enough}")
        outcomes[drill.name] = outcome
        print(row(drill.name, outcome), flush=True)
        for finding in outcome.findings:
            print(f"    FOUND {finding}", flush=True)
        for note in outcome.notes:
            print(f"    {note}", flush=True)
    write(options.output, options.seed, options.seconds, outcomes)
    return int(any(outcome.findings for outcome in outcomes.values()))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/torture", description="Try to break raz.")
    parser.add_argument("--seconds", type=float, default=1200, help="of all drills together (1200)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="(printed)")
    names = [drill.name for drill in DRILLS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="DRILL")
    parser.add_argument("--whole", action="store_true", help="sample nothing, however few seconds")
    parser.add_argument("--list", action="store_true", help="name the drills, run none")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "torture.json")
    options = parser.parse_args()
    options.whole |= options.seconds >= WHOLE
    return options


def isolated(drill: Drill, options: argparse.Namespace, seconds: float) -> Outcome:
    """One drill in a process of its own; what happens to that process is a finding too."""
    with (
        tempfile.TemporaryDirectory(prefix="raz-torture-") as folder,
        (Path(folder) / "messages.txt").open("w+", encoding="utf-8", errors="replace") as messages,
    ):
        whole = ["--whole"] if options.whole else []
        command = [drill.name, str(seconds), str(options.seed), folder, *whole]
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("perform.py")), *command],
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that whatever the drill starts can be ended with it
        )
        limit = 2 * seconds + PATIENCE
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return broken(Path(folder), f"hung: not ready after {limit:.0f} s")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        outcome = Path(folder) / OUTCOME
        if code != 0 or not outcome.exists():
            messages.seek(0)
            return broken(Path(folder), f"ended with exit code {code}: {messages.read()[-3000:]}")
        return Outcome.read(outcome)


def broken(folder: Path, what: str) -> Outcome:
    cases = list(folder.rglob(CASE))
    last = cases[-1].read_text(encoding="utf-8") if cases else "before the first case"
    return Outcome(cases=len(cases), findings=[f"the drill {what}; the last case was: {last}"])


def row(name: str, outcome: Outcome) -> str:
    if outcome.skipped is not None:
        return f"{name:24} skipped: {outcome.skipped}"
    found = len(outcome.findings) + outcome.more_findings
    answers = ", ".join(f"{how}: {n}" for how, n in sorted(outcome.answers.items()))
    return f"{name:24} {outcome.cases:8} cases {outcome.seconds:7.1f} s {found:3} found  {answers}"


def write(path: Path, seed: int, seconds: float, outcomes: dict[str, Outcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "seed": seed,
        "seconds": seconds,
        "drills": {name: outcome.values() for name, outcome in outcomes.items()},
    }
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
