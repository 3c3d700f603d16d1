"""Calls in a process of its own, against a raz._C that was built under a sanitizer.

    python calls_child.py SEED SECONDS CALLS THREADS FOLDER

Makes calls until both the seconds and the calls are over, natively alone. Each thread leaves the
call that it is at in FOLDER. Prints how many calls were made and how they were answered, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import TextIO

import calls_checked
import calls_operators
import calls_raw
import torch

from raz import _native


def main() -> int:
    seed, seconds, calls, threads = (int(argument) for argument in sys.argv[1:5])
    folder = Path(sys.argv[5])
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    assert _native.load() is not None, "there is no native module"
    until = time.monotonic() + seconds
    answers: list[Counter[str]] = [Counter() for _ in range(threads)]
    found: list[str] = []

    def work(index: int) -> None:
        random = Random(f"{seed} {index}")
        with (folder / f"thread{index}.txt").open("w", encoding="utf-8") as last:
            while time.monotonic() < until or answers[index].total() < calls / threads:
                answers[index][_made(random.getrandbits(48), last, found)] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"answers": sum(answers, Counter()), "found": found[:20]}))
    return 0


def _made(number: int, last: TextIO, found: list[str]) -> str:
    """Make the call of a number; every second one goes past raz.ops."""
    module = calls_raw if number % 2 else calls_operators
    call = module.drawn(number)
    given = call.arguments.values() if isinstance(call.arguments, dict) else call.arguments
    if not module.affordable(call) or any(map(_endless, given)):
        return "left out"
    name = calls_raw.name(call) if number % 2 else calls_checked.name(call)
    last.seek(0)
    last.write(f"call {number}: {name}\n")
    last.truncate()
    last.flush()
    try:
        return calls_raw.tried(call) if number % 2 else calls_checked.answered(call)
    except Exception as error:
        found.append(f"call {number}: {name}: {type(error).__name__}: {error}")
        return "found"


def _endless(value: object) -> bool:
    """Under a sanitizer `new` ends the process where there is no memory, and throws nothing."""
    return isinstance(value, torch.Tensor) and max(value.shape, default=0) > 2**24


if __name__ == "__main__":
    sys.exit(main())
