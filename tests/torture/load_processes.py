"""Processes that a process starts after it has used raz: all of them count, and alike."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import load_patience
from drill import Drill, Effort
from load_pool import files

WORKER = Path(__file__).with_name("load_worker.py")
WAYS = (
    *("os.fork", "os.fork from a thread", "os.fork while others count"),
    *("multiprocessing fork", "multiprocessing spawn", "multiprocessing forkserver"),
    *("pool fork", "pool spawn", "loader fork", "loader spawn"),
)


def run(effort: Effort) -> None:
    paths = [str(path) for path in files(effort.random, effort.folder / "images", 4)]
    cases = [(way, threads) for way in WAYS for threads in (1, 2)]
    for way, threads in effort.sampled(cases):
        with effort.case(f"{way} after {threads} threads"):
            printed, _ = load_patience.run(
                [sys.executable, WORKER, way, str(threads), *paths],
                env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            )
            here, there = json.loads(printed)
            for mine, other in zip(here, there, strict=True):
                # Sums in another order, where the number of threads is another.
                assert mine[1] == other[1], (here, there)
                assert abs(mine[0] - other[0]) <= 1e-4 * max(1, mine[0]), (here, there)
            effort.answered("equal" if here == there else "equal but for rounding")


def lacks() -> str | None:
    return None if hasattr(os, "fork") else "fork"


DRILLS = (
    Drill(
        "load.processes",
        "fork, spawn, pools and DataLoaders after the parent used raz, with one thread and two",
        run,
        share=0.5,
        enough=2 * len(WAYS),
        lacks=lacks,
    ),
)
