"""A clock that is wrong or jumps: raz measures by the monotonic clock, and dates nothing."""

from __future__ import annotations

import os
import random
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from drill import Effort

from .interruptions import send, serving
from .jobs import Bench

_DAY = 86_400.0
WAYS = ("1970", "before 1970", "2106", "an hour back", "a year on", "jumps")
_NEGATIVE = re.compile(
    r'"(?:seconds|minutes|total|speed|milliseconds)[^"]*": ?-\d|-\d[.\d]* ?(?:ms|s|min|h)\b'
)


def run(effort: Effort) -> None:
    bench = Bench(effort.folder)
    jobs = [name for name in bench.available() if name != "export .pt2" or effort.whole]
    for number in effort.goes_on():
        way, seed = WAYS[number % len(WAYS)], effort.random.randrange(10**6)
        if effort.random.random() < 0.1:
            with effort.case(f"serve, the clock: {way}, seed {seed}"):
                effort.answered(_served(bench, way, seed))
            continue
        name = effort.random.choice(["train", *jobs])
        dated = effort.random.random() < 0.5
        with effort.case(f"{name}, the clock: {way}, seed {seed}, files of another time: {dated}"):
            if dated:
                _date(bench.inputs, effort.random)
            effort.answered(_run(bench, name, way, seed))
    bench.require_inputs()


def _run(bench: Bench, name: str, way: str, seed: int) -> str:
    bench.reference(name)
    folder = bench.case()
    child = bench.start(name, folder, prepare=wrong_clock(way, seed))
    code = child.wait()
    child.require_no_orphans()
    if code != 0 or "Traceback" in child.messages:
        raise AssertionError(f"exit code {code}: {child.messages[-1500:]}")
    bench.require_whole(name, folder, all_there=True)
    texts = [path.read_text(encoding="utf-8") for path in (folder / "out").rglob("*.json*")]
    for text in (*texts, child.printed, child.messages):
        if found := _NEGATIVE.search(text):
            raise AssertionError(f"a negative time: {found[0]}")
    return f"{way}: exit code 0"


def _served(bench: Bench, way: str, seed: int) -> str:
    child, address = serving(bench, wrong_clock(way, seed))
    try:
        body = (bench.inputs / "photo.png").read_bytes()
        for _ in range(3):
            with urllib.request.urlopen(f"{address}/predict", body, timeout=60) as answer:
                if answer.status != 200 or b'"count"' not in answer.read():
                    raise AssertionError(f"answered {answer.status}")
        send(child, "SIGTERM")
        if (code := child.wait()) != 130:
            raise AssertionError(f"exit code {code}: {child.messages[-600:]}")
    finally:
        if child.exit_code is None:
            child.kill()
    return f"{way}: serve answers"


def _date(folder: Path, chosen: random.Random) -> None:
    """Give files a time of change in the past or the future."""
    for path in folder.rglob("*"):
        when = chosen.choice((0.0, -_DAY, time.time() + 40 * 365 * _DAY, 2.0**31 + 1))
        os.utime(path, (when, when))


def wrong_clock(way: str, seed: int) -> Callable[[], None]:
    """Return what sets the clock of a process; the monotonic one goes on as it does."""

    def prepare() -> None:
        real, random_ = time.time, random.Random(seed)
        begin = real()

        def shifted() -> float:
            now = real()
            if way == "jumps":
                return random_.uniform(0, 2.0**32)
            if way in ("an hour back", "a year on"):  # after a moment
                late = now - begin > random_.random()
                return now + late * (-3600 if way == "an hour back" else 365 * _DAY)
            at = {"1970": 0.0, "before 1970": -7 * _DAY, "2106": 2.0**32 + 10}[way]
            return at + now - begin

        local, universal = time.localtime, time.gmtime
        time.time = shifted
        time.time_ns = lambda: int(shifted() * 10**9)
        time.localtime = lambda seconds=None: local(shifted() if seconds is None else seconds)
        time.gmtime = lambda seconds=None: universal(shifted() if seconds is None else seconds)

    return prepare
