"""Try the readers of a family: this process loads them, and a child of it tries each.

process.py FAMILY SECONDS SEED FOLDER [NUMBER OF READERS, or READER ...]

Prints an object of JSON per reader: its name, inputs, seconds, answers, findings and the memory
that the child had after its seeds and at the end. Where atheris is installed, inputs are led by
what they reach in raz; else they are random changes of the seeds.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

sys.path[:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

PATIENCE = 60
"""Seconds in which a child must get something done; a busy machine gives it little."""

MEMORY = 4 << 30
"""Bytes of data that a child may ask for; raz's own bounds are far below."""

try:
    import atheris
except ImportError:
    atheris = None


def main() -> None:
    """Load a family under the eyes of atheris, and try each of its readers, or some."""
    family, seconds, seed, folder, *wanted = sys.argv[1:]
    begin = time.monotonic()
    logging.disable(logging.CRITICAL)
    led = atheris.instrument_imports(include=["raz"]) if atheris else nullcontext()
    with led:
        readers = importlib.import_module(f"readers.{family}").READERS
    if wanted and wanted[0].isdigit():
        chosen = random.Random(int(seed)).sample(readers, min(int(wanted[0]), len(readers)))
    else:
        chosen = [reader for reader in readers if not wanted or reader.name in wanted]
    for index, reader in enumerate(chosen):
        left = float(seconds) - (time.monotonic() - begin)
        share = max(1.0, left / (len(chosen) - index))
        print(json.dumps(tried(reader, share, int(seed), Path(folder))), flush=True)


def tried(reader: Any, seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Try one reader, again after each time that its process was ended."""
    from readers.trial import described, last_input

    begin = time.monotonic()
    inputs, memory = 0, []
    answers: Counter[str] = Counter()
    findings: list[str] = []
    for attempt in range(5):
        left = seconds - (time.monotonic() - begin)
        if attempt and left < 1:
            break
        place = folder / f"{reader.name}-{attempt}"
        (place / "work").mkdir(parents=True)
        how = _in_a_child(reader, max(1.0, left), seed + attempt, place)
        count, last = last_input(place / "trace")
        inputs += count
        outcome = place / "outcome.json"
        if outcome.exists():
            values = json.loads(outcome.read_text())
            findings += values["findings"]
            answers += Counter(values["answers"])
            memory = memory or values["memory"]
            if not how:
                break
        if how:
            findings.append(described(how, last))
    return {
        "reader": reader.name,
        "inputs": inputs,
        "seconds": time.monotonic() - begin,
        "answers": answers,
        "findings": findings,
        "memory": memory,
    }


def _in_a_child(reader: Any, seconds: float, seed: int, place: Path) -> str:
    """Returns how it ended, where that is a finding."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            with (place / "messages.txt").open("w") as messages:
                os.dup2(messages.fileno(), 1)
                os.dup2(messages.fileno(), 2)
            _tries(reader, seconds, seed, place)
            status = 0
        except BaseException:
            (place / "messages.txt").write_text(traceback.format_exc())
        finally:
            os._exit(status)
    used, since = 0, time.monotonic()
    while time.monotonic() - since < PATIENCE:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _ending(status, place)
        time.sleep(0.05)
        now = _processor_ticks(child)
        used, since = (used, since) if now == used else (now, time.monotonic())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"{reader.name} hung: it waited for something that did not come"


def _processor_ticks(process: int) -> int:
    """How much of the processor's time a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _ending(status: int, place: Path) -> str:
    outcome = place / "outcome.json"
    if os.WIFEXITED(status) and outcome.exists() and json.loads(outcome.read_text())["ended"]:
        return ""
    said = (place / "messages.txt").read_text(errors="replace")
    trace = [line for line in said.splitlines() if line.startswith("  File")]
    where = "; ".join(" ".join(line.split()) for line in trace[:4])
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        what = "took more than 2 seconds" if name == "SIGPROF" else f"was ended by {name}"
        return f"{what} ({where})"
    return f"ended with code {os.WEXITSTATUS(status)}: {said[-1500:]}"


def _tries(reader: Any, seconds: float, seed: int, place: Path) -> None:
    import faulthandler

    from readers.mutations import LANGUAGES, scramble
    from readers.trial import Trial, described

    os.chdir(place / "work")
    faulthandler.register(signal.SIGPROF, file=sys.stderr, all_threads=True, chain=True)
    faulthandler.enable(sys.stderr)
    trial = Trial(reader, place / "work", place / "trace")
    trial.warm()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    change = LANGUAGES[reader.language]
    begin = _resident()
    end = time.monotonic() + seconds

    def given(data: bytes) -> None:
        known = len(trial.findings)
        trial.give(data)
        if len(trial.findings) != known:
            keep(ended=False)
        if time.monotonic() > end:  # libFuzzer would end the process without a word to Python
            keep(ended=True)
            os._exit(0)

    def keep(*, ended: bool) -> None:
        values = {
            "ended": ended,
            "answers": dict(trial.answers),
            "findings": [described(what, data) for what, data in trial.findings.items()],
            "memory": [begin, _resident()],
        }
        part = place / "outcome.part"
        part.write_text(json.dumps(values))
        part.replace(place / "outcome.json")

    if atheris is None:
        rng = random.Random(f"{seed} {reader.name}")
        inputs = reader.inputs()
        while True:
            data = rng.choice(inputs)
            for _ in range(1 + rng.randrange(3)):
                data = change(data, rng, reader.words, lambda data: scramble(data, rng))
            given(data[: reader.size])

    corpus = place / "corpus"
    corpus.mkdir()
    for index, data in enumerate(reader.inputs()):
        (corpus / f"seed{index}").write_bytes(data)

    def mutated(data: bytes, most: int, number: int) -> bytes:
        rng = random.Random(number)
        with suppress(ValueError, OverflowError, RecursionError):
            found = change(data, rng, reader.words, lambda data: atheris.Mutate(data, most))
            if len(found) <= most:
                return found
        return bytes(atheris.Mutate(data, most))

    options = [
        f"-seed={seed + 1}",
        *(
            f"-max_len={reader.size}",
            "-timeout=1000000",
            "-rss_limit_mb=0",
            "-verbosity=0",
        ),
        f"-artifact_prefix={place}/",
    ]
    atheris.Setup(["raz", *options, str(corpus)], given, custom_mutator=mutated)
    atheris.Fuzz()


def _resident() -> float:
    """MiB of memory that the process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
