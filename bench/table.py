"""Print the JSON of a benchmark run as one table of ratios: `python bench/table.py out/bench.json`.

Ratio: the peer's median over raz's. Memory floor: the time in which the bytes that must move would
be copied from memory to memory; its share of raz's median is printed, and the same for a copy of
just those bytes, which may lie in a cache.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

GROUP = re.compile(r"(?P<op>\S+) (?P<size>.+?) (?P<threads>\d+) threads?(?:, (?P<note>.*))?")
HEADER = (
    *("op", "size", "threads", "note", "raz", "peer", "its time", "ratio", "target", "met"),
    *("of memory floor", "of a copy"),
)


def main() -> None:
    report = json.loads(Path(sys.argv[1]).read_text())
    machine = report["machine_info"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    print(f"{machine['cpu_name']}, {machine['instruction_set']}; {versions}; {report['datetime']}")
    for threads, rate in machine["copy_bytes_per_second"].items():
        print(f"copy from memory to memory, {threads} thread(s): {rate / 1e9:.1f} GB/s moved")
    print_columns([HEADER, *table_rows(report)])
    print_columns([("without ratios", "test", "time"), *other_rows(report)])


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
    """Benchmarks that have no part in a comparison by `contender`."""
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
