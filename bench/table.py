"""Print the JSON of a benchmark run as one table of ratios: `python bench/table.py out/bench.json`.

With `--markdown` it prints the tables of docs/performance.md, one per operator.

The ratio is the peer's median over raz's. The memory floor is the time in which the bytes that must
move would be copied from memory to memory. Its share of raz's median is printed, and the same for a
copy of just those bytes, which may lie in a cache.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

GROUP = re.compile(r"(?P<op>\S+) (?P<size>.+?) (?P<threads>\d+) threads?(?:, (?P<note>.*))?")
HEADER = (
    *("op", "size", "threads", "note", "raz", "peer", "its time", "ratio", "target", "met"),
    *("of memory floor", "of a copy"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="JSON written by pytest-benchmark")
    parser.add_argument("--markdown", action="store_true", help="tables for docs/performance.md")
    arguments = parser.parse_args()
    report = json.loads(arguments.report.read_text())
    if arguments.markdown:
        print("\n\n".join(markdown(report)))
        return
    print(*machine_lines(report["machine_info"], report["datetime"]), sep="\n")
    print_columns([HEADER, *table_rows(report)])
    print_columns([("without ratios", "test", "time"), *other_rows(report)])


def machine_lines(machine: dict, datetime: str) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return [
        f"{machine['cpu_name']}, {machine['instruction_set']}; {versions}; {datetime}",
        *(
            f"copy from memory to memory, {threads} thread(s): {rate / 1e9:.1f} GB/s moved"
            for threads, rate in machine["copy_bytes_per_second"].items()
        ),
    ]


def markdown(report: dict) -> Iterator[str]:
    """Yield blocks: the machine, then a heading and a table for each operator."""
    yield "\n".join(
        f"- {line}" for line in machine_lines(report["machine_info"], report["datetime"])
    )
    op, tables = "", {}
    for row in table_rows(report):
        op = row[0] or op  # a group's further peers stand below the first, under empty cells
        tables.setdefault(op, []).append(row[1:])
    for op, rows in tables.items():
        yield f"### {op}"
        yield "\n".join(markdown_row(row) for row in [HEADER[1:], ("---",) * len(rows[0]), *rows])


def markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def table_rows(report: dict) -> list[tuple[str, ...]]:
    groups: dict[str, dict[str, dict]] = {}
    for entry in report["benchmarks"]:
        if "contender" not in entry["extra_info"]:
            continue
        groups.setdefault(entry["group"], {})[entry["extra_info"]["contender"]] = entry
    rates = report["machine_info"]["copy_bytes_per_second"]
    rows = []
    for group, entries in sorted(groups.items(), key=lambda item: item[0].partition(" ")[0]):
        match = GROUP.fullmatch(group)
        if match is None:
            sys.exit(f'group is "{group}"; it must be "<op> <size> <threads> thread(s)[, note]"')
        head = (match["op"], match["size"], match["threads"], match["note"] or "")
        raz = entries.pop("raz", None)
        own = None if raz is None else raz["stats"]["median"]
        floor = ("", "") if raz is None else floor_columns(raz, own, rates[match["threads"]])
        peers = [peer_columns(entry, own) for _, entry in sorted(entries.items())]
        for peer in peers or [("",) * 5]:
            rows.append((*head, "" if own is None else as_time(own), *peer, *floor))
            head, own, floor = ("",) * 4, None, ("", "")
    return rows


def other_rows(report: dict) -> list[tuple[str, ...]]:
    """Return the benchmarks that take no part in a comparison by `contender`."""
    return [
        (entry["group"] or "", entry["name"], as_time(entry["stats"]["median"]))
        for entry in report["benchmarks"]
        if "contender" not in entry["extra_info"]
    ]


def peer_columns(entry: dict, own: float | None) -> tuple[str, ...]:
    extra, time = entry["extra_info"], entry["stats"]["median"]
    if own is None:
        return extra["contender"], as_time(time), "", "", ""
    ratio = f"{time / own:.2f}" if time < 10 * own else f"{time / own:.0f}"
    if "target" not in extra:
        return extra["contender"], as_time(time), ratio, "", ""
    met = "yes" if time >= extra["target"] * own else "NO"
    return extra["contender"], as_time(time), ratio, f"{extra['target']:g}", met


def floor_columns(raz: dict, own: float, rate: float) -> tuple[str, str]:
    extra = raz["extra_info"]
    if "bytes" not in extra:
        return "", ""
    return f"{extra['bytes'] / rate / own:.0%}", f"{extra['copy_seconds'] / own:.0%}"


def as_time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def print_columns(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()
