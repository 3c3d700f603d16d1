"""Kill commands at any moment, before any change to a file, and within any write."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from drill import Effort

from .deaths import Operations, die_at_byte
from .jobs import JOBS, Bench, contents

EARLIER = b"an output of an earlier call"


def run(effort: Effort) -> None:
    bench = Bench(effort.folder)
    jobs = bench.available()
    for name, way, place in _cases(effort, bench, jobs):
        with effort.case(f"{name}, killed {way} {place:.3f}".rstrip("0").rstrip(".")):
            effort.answered(_killed(bench, name, way, place))
    bench.require_inputs()


def _cases(effort: Effort, bench: Bench, jobs: list[str]) -> Iterator[tuple[str, str, float]]:
    """In a whole run every operation of every command, and then as otherwise what time allows."""
    if effort.whole:
        for name in jobs:
            for number in range(bench.reference(name).operations):
                yield name, "before operation", number
    for _ in effort.goes_on():
        name = "train" if effort.random.random() < 0.2 else effort.random.choice(jobs)
        reference = bench.reference(name)
        way = effort.random.choice(("before operation", "at byte", "after the share"))
        if way == "before operation":
            yield name, way, effort.random.randrange(max(1, reference.operations))
        elif way == "at byte":
            sizes = [len(content) for content in reference.files.values()]
            yield name, way, effort.random.randrange(max(1, effort.random.choice(sizes)))
        else:
            yield name, way, effort.random.random()


def _killed(bench: Bench, name: str, way: str, place: float) -> str:
    """Kill a command, look at what it leaves, and run it once more to its end."""
    reference = bench.reference(name)
    folder = bench.case()
    job = JOBS[name]
    earlier = {} if job.trains or "*" in job.makes[0] else _write_earlier(folder, job.makes)
    if way == "after the share":
        child = bench.start(name, folder)
        time.sleep(place * reference.seconds)
        child.send(signal.SIGKILL)
    elif way == "at byte":
        child = bench.start(name, folder, prepare=die_at_byte(int(place)))
    else:
        operations = Operations(folder / "out", int(place))
        child = bench.start(name, folder, prepare=operations.begin)
    code = child.wait()
    child.require_no_orphans()
    if code not in (0, -signal.SIGKILL, -signal.SIGXFSZ):
        raise AssertionError(f"exit code {code}: {child.messages[-500:]}")
    after = contents(folder / "out")
    for path, content in earlier.items():
        if after.get(path) == content:  # to compare the others
            (folder / "out" / path).unlink()
    bench.require_whole(name, folder, all_there=False)
    for path in earlier:
        if path not in after:
            raise AssertionError(f"{path} is lost, which was there before")
    again = bench.start(name, folder)
    if (code_again := again.wait()) != 0:
        raise AssertionError(f"again: exit code {code_again}: {again.messages[-500:]}")
    _remove_harmless(folder / "out", trains=job.trains)
    bench.require_whole(name, folder, all_there=True)
    return "ended before" if code == 0 else "killed, whole again"


def _write_earlier(folder: Path, made: tuple[str, ...]) -> dict[str, bytes]:
    for name in made:
        if "*" not in name:
            (folder / "out" / name).write_bytes(EARLIER)
    return {name: EARLIER for name in made if "*" not in name}


def _remove_harmless(folder: Path, *, trains: bool) -> None:
    """Parts stay where nothing knows whose they are; a training knows, and clears its own."""
    for part in folder.rglob(".*.part"):
        if not trains or part.parent.name not in ("last", "best"):
            part.unlink()
