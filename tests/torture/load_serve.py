"""Load on `raz serve` (bench/serve_load.py): no request lost, memory flat, a clean end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from drill import Drill, Effort

BENCH = Path(__file__).parents[2] / "bench" / "serve_load.py"
NEEDED = ("fastapi", "fastapi_offline", "httpx", "prometheus_client", "multipart", "uvicorn")
WHOLE_SECONDS, LEAST_SECONDS = 60.0, 4.0
CLIENTS = 6
MOST_GROWTH = 24.0
"""Megabytes from the second quarter of a minute to its last that are not taken for a leak."""


def loading() -> ModuleType:
    spec = importlib.util.spec_from_file_location("serve_load", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(effort: Effort) -> None:
    module = loading()
    seconds = WHOLE_SECONDS if effort.whole else max(LEAST_SECONDS, effort.seconds / 2)
    for options in effort.sampled([["--waiting", "3"], ["--parallel", "2"], []]):
        with effort.case(f"{seconds:.0f} s of {CLIENTS} clients, raz serve {' '.join(options)}"):
            figures = module.load(
                seconds=seconds,
                clients=CLIENTS,
                image=module.SCENE.read_bytes(),
                query={"quality": "fast"},
                options=[*options, "--threads", "1"],
            )
            assert figures["exit_code"] == module.ENDED_BY_SIGNAL, figures
            assert not figures["lost"], figures
            memory = figures["memory_mb"]
            low, high = memory["most_in_the_second_quarter"], memory["most_in_the_last_quarter"]
            effort.outcome.answers["answered"] += figures["answered"]
            effort.outcome.answers["refused"] += figures["refused"]
            effort.note(
                f"{' '.join(options) or 'as it is'}: {figures['answered']} answered in "
                f"{figures['seconds']} s, {low:.1f} to {high:.1f} MB"
            )
            if effort.whole:
                assert high - low <= MOST_GROWTH, f"memory grew: {memory}"


def lacks() -> str | None:
    if sys.platform != "linux":
        return "Linux's /proc"
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    return f"{', '.join(absent)} (extra serve)" if absent else None


DRILLS = (
    Drill(
        "load.serve",
        "clients that ask raz serve without a pause, until it is ended",
        run,
        share=0.5,
        alone=True,
        enough=3,
        lacks=lacks,
    ),
)
