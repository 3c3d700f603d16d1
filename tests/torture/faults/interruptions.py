"""Signals at any moment, readers that go away, streams that are closed."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

from drill import Effort

from .children import SIGNALS, Child
from .jobs import JOBS, PARTS, Bench

WAYS = (*(number.name for number in SIGNALS), "SIGINT to all", "SIGTERM and SIGHUP", "no reader",
        "stdout closed", "streams closed", "stdout full")  # fmt: skip
_PRINTS = "predict IN/photos --model raznet_tiny --weights IN/tiny.safetensors --threads 1"


def run(effort: Effort) -> None:
    bench = Bench(effort.folder, workers=1)
    jobs = [name for name in bench.available() if name != "export .pt2" or effort.whole]
    for number in effort.goes_on():
        way = WAYS[number % len(WAYS)]
        anew = effort.random.random() < 0.05
        share = effort.random.random()
        if way in WAYS[-4:]:
            with effort.case(f"raz {_PRINTS} --json, {way} after {share:.3f}"):
                effort.answered(_without_stream(bench, way, share))
            continue
        if effort.random.random() < 0.05:
            with effort.case(f"serve, {way}"):
                effort.answered(_served(bench, way))
            continue
        name = effort.random.choice(["train", "predict video", *jobs])
        with effort.case(f"{name}, {way} after the share {share:.3f}, {anew=}"):
            effort.answered(_interrupted(bench, name, way, share, anew=anew))
    bench.require_inputs()


def send(child: Child, way: str) -> None:
    """Send the signals of a way."""
    if way == "SIGTERM and SIGHUP":
        child.send(signal.SIGTERM)
        child.send(signal.SIGHUP)
    else:
        name, _, rest = way.partition(" ")
        child.send(signal.Signals[name], to_all=bool(rest))


def _interrupted(bench: Bench, name: str, way: str, share: float, *, anew: bool) -> str:
    reference = bench.reference(name)
    folder = bench.case()
    child = bench.start(name, folder, anew=anew)
    if anew:
        _wait_for_start(child)
    time.sleep(0.9 * share * reference.seconds)
    send(child, way)
    code = child.wait()
    if code == 0 and not anew:
        reference.seconds = min(reference.seconds, time.monotonic() - child.began)
    child.require_no_orphans()
    messages = child.messages
    if "Traceback" in messages or "Exception ignored" in messages:
        raise AssertionError(f"a traceback: {messages[-1500:]}")
    if anew and code in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP):
        return "ended by the system, at its end"
    if code not in (0, 130):
        raise AssertionError(f"exit code {code}: {messages[-600:]}")
    if code == 130 and "raz: interrupted" not in messages.splitlines():
        raise AssertionError(f"does not say that it was interrupted: {messages[-600:]}")
    left = [path.name for path in (folder / "out").rglob("*") if PARTS.match(path.name)]
    if left or (folder / "out" / ".lock").exists():
        raise AssertionError(f"left: {left or '.lock'}")
    bench.require_whole(name, folder, all_there=code == 0)
    if JOBS[name].trains and code == 130:
        again = bench.start(name, folder)
        if again.wait() != 0:
            raise AssertionError(f"again: {again.messages[-600:]}")
        bench.require_whole(name, folder, all_there=True)
    return f"exit code {code}"


def _wait_for_start(child: Child) -> None:
    """Until Python itself runs code of raz the system's default holds."""
    while child.exit_code is None:
        with open(f"/proc/{child.pid}/status") as file:
            caught = next(line for line in file if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def _words(text: str, bench: Bench) -> list[str]:
    return [word.replace("IN", str(bench.inputs), 1) if word[:2] == "IN" else word
            for word in text.split()]  # fmt: skip


def _without_stream(bench: Bench, way: str, share: float) -> str:
    """Results are printed to who does not take them, and written to a file."""
    reference = bench.reference("predict many .csv")
    folder = bench.case()
    words = [*_words(_PRINTS, bench), "--json", "--output", str(folder / "out" / "heads.csv")]
    if way == "no reader":
        reader, writer = os.pipe()
        child = Child(words, lambda: os.close(reader), stdout=writer)
        os.close(writer)
        os.read(reader, 1 + int(share * 4000))
        os.close(reader)
    else:
        handles = {"stdout closed": (1,), "streams closed": (0, 1, 2)}.get(way, ())
        full = os.open("/dev/full", os.O_WRONLY) if way == "stdout full" else None
        child = Child(words, lambda: _close(handles), stdout=full)
        if full is not None:
            os.close(full)
    code = child.wait()
    child.require_no_orphans()
    if "Traceback" in child.messages or "Exception ignored" in child.messages:
        raise AssertionError(f"a traceback: {child.messages[-1500:]}")
    if code not in (0, 1) or (code == 0 and way != "no reader"):
        raise AssertionError(f"exit code {code}: {child.messages[-600:]}")
    written = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    if any(PARTS.match(name) for name in written):
        raise AssertionError(f"left: {sorted(written)}")
    whole = reference.files["heads.csv"]
    if code == 0 or way.endswith("closed"):
        if written != {"heads.csv": whole}:
            raise AssertionError(f"not whole: {sorted(written)}, {child.messages[-300:]}")
    elif part := written.get("heads.partial.csv"):
        if not whole.startswith(part):
            raise AssertionError("the part is not how the whole begins")
    elif "heads.csv" in written and written["heads.csv"] != whole:
        raise AssertionError("cut under its own name")
    return f"{way}: exit code {code}"


def _close(handles: tuple[int, ...]) -> None:
    """As ``>&-`` does: Python then has None in place of the stream."""
    import sys

    for handle in handles:
        os.close(handle)
        setattr(sys, ("stdin", "stdout", "stderr")[handle], None)


def serving(bench: Bench, prepare: Callable[[], None] = lambda: None) -> tuple[Child, str]:
    """Start the service; return its process and its address once it listens."""
    import importlib

    for module in ("raz.serve.app", "uvicorn", "raz.prediction", "raz.zoom.pipeline"):
        importlib.import_module(module)
    words = _words("serve --port 0 " + _PRINTS.partition("photos ")[2], bench)
    child = Child(words, prepare)
    while not (found := re.search(r"listening on (http://[\d.:]+)", child.messages)):
        if child.exit_code is not None:
            raise AssertionError(f"did not start: {child.messages}")
        time.sleep(0.01)
    return child, found[1]


def _served(bench: Bench, way: str) -> str:
    child, _ = serving(bench)
    send(child, way)
    code = child.wait()
    child.require_no_orphans()
    if code != 130 or "Traceback" in child.messages:
        raise AssertionError(f"exit code {code}: {child.messages[-1500:]}")
    return f"serve: exit code {code}"
