"""Eight threads on one Predictor give what one gives; two give nearly twice as much."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
from drill import Drill, Effort
from load_pool import WAYS, differences, files, pixels

import raz

THREADS = 8
ENOUGH = 100
SWITCHING = 1e-5
"""Seconds after which Python changes threads, for more ways in which they meet."""

PAIRS = 7
LEAST_GAIN = 1.6
MOST_OTHERS = 0.05
"""Share of the processors that others may take, for the machine to count as quiet."""


@contextmanager
def switching(seconds: float) -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def together(works: list[Callable[[], None]]) -> list[str]:
    """Run each in a thread of its own, all beginning at once; return their errors."""
    errors: list[str] = []
    begin = threading.Barrier(len(works))

    def perform(work: Callable[[], None]) -> None:
        torch.set_num_threads(1)
        begin.wait()
        try:
            work()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=perform, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def enough(effort: Effort) -> bool:
    """Tell whether to go over to the measurement, which takes the rest of the time."""
    cases = effort.outcome.cases
    if effort.whole and cases < ENOUGH:
        return False
    return cases > 0 and effort.left < effort.seconds / 2


SETTINGS: dict[str, dict[str, Any]] = {
    "depth 1": {"depth": 1},
    "zooming": {"max_regions": 3},
    "fast": {"quality": "fast"},
}


def run(effort: Effort) -> None:
    torch.set_num_threads(1)
    paths = files(effort.random, effort.folder / "images", 14)
    model = raz.get_model("raznet_lite")
    modes = [part.training for part in model.modules()]
    predictors = {
        name: raz.Predictor(model, settings=raz.ZoomSettings(**settings))
        for name, settings in SETTINGS.items()
    }
    known = {
        (name, path): predictor(path) for name, predictor in predictors.items() for path in paths
    }

    def single(name: str, path: Path, way: str) -> None:
        wrong = differences(predictors[name](WAYS[way](path)), known[name, path])
        assert not wrong, f"{path.name} as {way}, {name}: {wrong}"

    def stream(name: str, chosen: list[Path]) -> None:
        for path, result in zip(chosen, predictors[name].stream(chosen), strict=False):
            wrong = differences(result, known[name, path])
            assert not wrong, f"{path.name} in a stream, {name}: {wrong}"

    def anew(path: Path) -> None:
        """A Predictor that comes and goes while others of its model are at work."""
        found = raz.Predictor(model, settings=raz.ZoomSettings(depth=1))(path)
        wrong = differences(found, known["depth 1", path])
        assert not wrong, f"{path.name}, a Predictor of its own: {wrong}"

    with switching(SWITCHING):
        while not enough(effort):
            numbers = effort.random
            works: list[Callable[[], None]] = []
            for _ in range(THREADS):
                name, path = numbers.choice([*SETTINGS]), numbers.choice(paths)
                chosen, way = numbers.choices(paths, k=4), numbers.choice([*WAYS])
                works.append(
                    numbers.choice(
                        [
                            lambda name=name, path=path, way=way: single(name, path, way),
                            lambda name=name, chosen=chosen: stream(name, chosen),
                            lambda path=path: anew(path),
                        ]
                    )
                )
            with effort.case(f"round {effort.outcome.cases} of {THREADS} threads"):
                errors = together(works)
                assert not errors, errors
                effort.answered("equal")
    if [part.training for part in model.modules()] != modes:
        effort.found("submodules of the model are in another mode than before")
    gain(effort, predictors["depth 1"])


def busy_seconds() -> float:
    """Seconds that all processors together have worked since the machine started (Linux).

    Those in which a virtual machine's processors were given to others are among them.
    """
    values = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, soft, steal = map(int, values[:8])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def gain(effort: Effort, predictor: raz.Predictor) -> None:
    """How many times as many images two threads count in a second as one, on two processors.

    It is noted in a sample, and held against LEAST_GAIN in a whole run on a quiet machine: a figure
    of a machine that others use tells of them.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        effort.note("two threads against one: needs Linux and two processors")
        return
    allowed = os.sched_getaffinity(0)
    image = pixels(effort.random, 384, 384)
    once = lambda: [predictor(image) for _ in range(2)] and None  # noqa: E731
    os.sched_setaffinity(0, set(sorted(allowed)[:2]))
    ratios = []
    others, began, own = busy_seconds(), time.monotonic(), time.process_time()
    try:
        for _ in range(PAIRS):
            seconds = []
            for number in (1, 2):
                start = time.perf_counter()
                errors = together([once] * number)
                seconds.append(time.perf_counter() - start)
                assert not errors, errors
            ratios.append(2 * seconds[0] / seconds[1])
    finally:
        os.sched_setaffinity(0, allowed)
    spent = time.monotonic() - began
    others = busy_seconds() - others - (time.process_time() - own)
    share = others / (spent * (os.cpu_count() or 1))
    judged = effort.whole and share <= MOST_OTHERS
    effort.note(
        f"two threads count {median(ratios):.2f} times as many images a second as one (median of "
        f"{PAIRS}, {min(ratios):.2f} to {max(ratios):.2f}); others took {share:.0%} of the "
        f"processors{'' if judged else '; held against nothing'}"
    )
    if judged and median(ratios) < LEAST_GAIN:
        effort.found(f"two threads gain {median(ratios):.2f}; at least {LEAST_GAIN} is expected")


DRILLS = (
    Drill(
        "load.threads",
        "eight threads on one model and Predictor: exactly the answers of one thread",
        run,
        share=1.0,
        alone=True,
        enough=ENOUGH,
    ),
)
