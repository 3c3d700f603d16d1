"""Ten thousand images through one Predictor: nothing is left behind, and no answer changes."""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np
import torch
from drill import Drill, Effort
from load_pool import WAYS, differences, files

import raz
from raz.errors import InputError

ENOUGH = 10_000
POOL = 21
LONGEST = 25
"""Images of one stream, at most."""

WARMED = 0.2
"""Share of the samples of memory that are not looked at: those of the beginning."""

FEW = 2_000
"""Images after which the slope of the memory means something."""

MOST_GROWTH = 1.0
"""Megabytes of memory that 1,000 images may leave behind."""

MOST_OBJECTS = 300
"""Objects of Python that any number of images may leave behind."""


def megabytes() -> float:
    """Memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def slope(samples: list[tuple[int, float]]) -> float:
    """The median of the slopes of all pairs of samples (Theil and Sen), of at most 200."""
    chosen = samples[:: -(-len(samples) // 200)]
    return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(chosen, 2))


def held() -> dict[str, object]:
    """What a process holds beside memory."""
    root = Path(tempfile.gettempdir())
    children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads of Python": sorted(one.name for one in threading.enumerate()),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "children": "".join(children).split(),
        "temporary files": sorted(str(path) for path in root.rglob("*")),
    }


class Load:
    """One Predictor, its sources, and what it said of each the first time."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.paths = files(effort.random, effort.folder / "images", POOL)
        self.broken = effort.folder / "images" / "broken.jpg"
        self.broken.write_bytes(self.paths[1].read_bytes()[:200])
        self.predictor = raz.Predictor(settings=raz.ZoomSettings(depth=1))
        self.known = {path: self.predictor(path) for path in self.paths}

    def check(self, path: Path, result: raz.Result) -> None:
        wrong = differences(result, self.known[path])
        assert not wrong, f"another answer than the first time: {wrong}"

    def one(self) -> None:
        """One image, in any form."""
        path, way = self.effort.random.choice(self.paths), self.effort.random.choice([*WAYS])
        with self.effort.case(f"{path.name} as {way}"):
            given = WAYS[way](path)
            found = self.predictor(given)
            self.check(path, found)
            self.effort.answered(way)
            if hasattr(given, "close"):
                given.close()

    def refused(self) -> None:
        """An image that is none."""
        with self.effort.case("a broken file"):
            try:
                self.predictor(self.broken)
            except InputError:
                self.effort.answered("refused")
            else:
                raise AssertionError("it was counted")

    def many(self, abandoned: bool) -> None:
        """A stream of images, some of which are none; given up before its end, or not."""
        random = self.effort.random
        chosen = random.choices([*self.paths, self.broken], k=random.randint(2, LONGEST))
        kept = [path for path in chosen if path != self.broken]
        results = self.predictor.stream(chosen, on_error=lambda *_: None)
        for path in kept[: len(kept) // 2 if abandoned else None]:
            with self.effort.case(f"{path.name} in a stream of {len(chosen)}, {abandoned=}"):
                self.check(path, next(results))
                self.effort.answered("stream")
        if abandoned:
            results.close()
        else:
            assert next(results, None) is None, "more results than images"


def run(effort: Effort) -> None:
    torch.set_num_threads(1)
    load = Load(effort)
    for _ in range(3):  # what is made once, for every way
        load.many(abandoned=True)
        load.many(abandoned=False)
        load.refused()
    for way in WAYS.values():
        load.predictor(way(load.paths[0]))
    gc.collect()
    begun, objects = held(), len(gc.get_objects())
    samples = [(effort.outcome.cases, megabytes())]
    while effort.left > 0 or (effort.whole and effort.outcome.cases < ENOUGH):
        for _ in range(10):
            load.one()
        load.refused()
        load.many(abandoned=effort.random.random() < 0.3)
        samples.append((effort.outcome.cases, megabytes()))
    gc.collect()
    ended, grown = held(), len(gc.get_objects()) - objects
    for what, before in begun.items():
        if ended[what] != before:
            effort.found(f"{what}: {before} at first, {ended[what]} at last")
    if grown > MOST_OBJECTS + len(samples):  # the samples are objects, too
        effort.found(f"{grown} objects of Python are left")
    report(effort, samples, grown)


def report(effort: Effort, samples: list[tuple[int, float]], grown: int) -> None:
    """Note the memory, and hold its slope against the bound where there are images enough."""
    warm = samples[int(WARMED * len(samples)) :]
    images = warm[-1][0] - warm[0][0]
    if len(warm) < 3:
        effort.note(f"{samples[-1][0]} images: too few to tell of memory")
        return
    growth = 1000 * slope(warm)
    low, high = np.percentile([memory for _, memory in warm], [5, 95])
    effort.note(
        f"memory {low:.1f} to {high:.1f} MB over {images} images after warm-up, "
        f"{growth:+.2f} MB per 1,000; {grown} objects of Python more"
    )
    if images >= FEW and growth > MOST_GROWTH:
        effort.found(f"memory grows by {growth:.2f} MB per 1,000 images; {MOST_GROWTH} are allowed")


def lacks() -> str | None:
    return None if sys.platform == "linux" else "Linux's /proc"


DRILLS = (
    Drill(
        "load.images",
        "small images of all kinds through one Predictor: memory, descriptors, threads, files",
        run,
        share=1.0,
        alone=True,
        enough=ENOUGH,
        lacks=lacks,
    ),
)
