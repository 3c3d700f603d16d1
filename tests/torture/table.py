"""Print what `make torture` wrote as the table of docs/reliability.md: table.py [FILE ...].

Of several files, the last one that ran a drill is shown for it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

FEW = 4
"""Figures of a drill that are shown; of more, these are the first."""


def lines(runs: list[dict[str, Any]]) -> list[str]:
    """The table of some runs, in Markdown."""
    shown = ["| drill | cases | seconds | found | answers and figures |", "|---|---|---|---|---|"]
    drills: dict[str, dict[str, Any]] = {}
    for run in runs:
        drills |= run["drills"]
    for name, outcome in drills.items():
        if outcome["skipped"] is not None:
            shown.append(f"| {name} | | | | skipped: {outcome['skipped']} |")
            continue
        found = len(outcome["findings"]) + outcome["more_findings"]
        told = [f"{how}: {number:,}" for how, number in sorted(outcome["answers"].items())]
        more = len(outcome["notes"]) - FEW
        rest = [f"and {more} more like these"] if more > 0 else []
        figures = "; ".join([", ".join(told), *outcome["notes"][:FEW], *rest]).strip("; ")
        shown.append(
            f"| {name} | {outcome['cases']:,} | {outcome['seconds']:,.0f} | {found} | {figures} |"
        )
    return shown


def main() -> None:
    files = [Path(each) for each in sys.argv[1:]] or [ROOT / "out" / "torture.json"]
    runs = [json.loads(each.read_text(encoding="utf-8")) for each in files]
    print("\n".join(lines(runs)))


if __name__ == "__main__":
    main()
