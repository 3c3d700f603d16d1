"""Try to break raz: hostile input, faults, load. `make torture` runs this.

    python tests/torture --seconds 1200 --seed 1
    python tests/torture --list
    python tests/torture --only weights.files --seconds 60
    python tests/torture --only kernels.fuzz --whole --seconds 20400 --jobs 2

Every drill gets its share of the seconds, with --jobs N its N-fold, and runs in a process of its
own, so that a crash or a hang is a finding and not the end. The same seed gives the same cases, as
many as time allows. From 36,000 seconds on, or with --whole, nothing is sampled: a list of cases is
tried to its end, and fewer cases than a drill promises are a finding.

Prints one row per drill, when it is ready, at the end all that was found, and writes OUTPUT
(out/torture.json). The exit code is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from drill import Drill, Outcome
from drills import DRILLS
from isolation import Share, performed

ROOT = Path(__file__).parents[2]
WHOLE = 36_000
"""Seconds from which on nothing is sampled."""


def main() -> int:
    options = parsed()
    chosen = [drill for drill in DRILLS if not options.only or drill.name in options.only]
    if options.list:
        for drill in chosen:
            print(f"{drill.name:24} {drill.what}")
        return 0
    print(f"seed {options.seed}, {options.seconds:.0f} seconds", flush=True)
    outcomes: dict[str, Outcome] = {}
    for drill, outcome in all_performed(chosen, options):
        if options.whole and outcome.skipped is None and outcome.cases < drill.enough:
            outcome.findings.append(f"only {outcome.cases} cases of {drill.enough}")
        outcomes[drill.name] = outcome
        print(row(drill.name, outcome), flush=True)
        for finding in outcome.findings:
            print(f"    FOUND {finding}", flush=True)
        for note in outcome.notes:
            print(f"    {note}", flush=True)
    write(options.output, options.seed, options.seconds, outcomes)
    # Once more at the end, where a log that is cut still has them.
    found = [f"{name}: {text}" for name, of in outcomes.items() for text in of.findings]
    print(f"{len(found)} found", *found, sep="\n    FOUND ", flush=True)
    return int(bool(found))


def all_performed(
    chosen: Sequence[Drill], options: argparse.Namespace
) -> Iterator[tuple[Drill, Outcome]]:
    """First the drills that may run beside each other, then one by one those that measure."""
    second = options.seconds / sum(drill.share for drill in chosen)
    for alone in (False, True):
        jobs = 1 if alone else options.jobs
        shares = [
            Share(drill, second * drill.share * jobs, options.seed, options.whole)
            for drill in chosen
            if drill.alone == alone
        ]
        yield from performed(shares, jobs)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/torture", description="Try to break raz.")
    parser.add_argument("--seconds", type=float, default=1200, help="of all drills together (1200)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="(printed)")
    names = [drill.name for drill in DRILLS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="DRILL")
    parser.add_argument("--whole", action="store_true", help="sample nothing, however few seconds")
    parser.add_argument("--jobs", type=int, default=1, help="drills at a time (1)")
    parser.add_argument("--list", action="store_true", help="name the drills, run none")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "torture.json")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs: is {options.jobs}; it must be at least 1")
    options.whole |= options.seconds >= WHOLE
    return options


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
        "drills": {name: outcomes[name].values() for name in sorted(outcomes)},
    }
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
