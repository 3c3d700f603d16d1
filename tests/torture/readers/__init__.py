"""Drills that give every reader of raz what nobody would write, led by what it reaches.

A drill is a family of readers; each reader is tried in a process of its own, see `process`. A
finding ends in the input, base64, and in the reader's name: `base64 -d` gives the file again, and

    python tests/torture --only readers.points --seconds 60

tries the family. Without atheris (group `torture` of pyproject.toml) the same readers get random
changes of their seeds; a note says so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from drill import Drill, Effort

FAMILIES = {
    "points": ("files of points of every format, zones, sizes, submissions", 18),
    "images": ("images of every format, from the first bytes to the pixels", 14),
    "videos": ("videos of four containers, and playlists", 5),
    "truth": ("ground truth of data sets: MATLAB's files, texts, JSON", 6),
    "weights": ("safetensors, torch.save, checkpoints, ONNX", 5),
    "settings": ("TOML, options, lists of names, addresses, logs, names in reports", 10),
    "served": ("requests to raz serve, Label Studio's configurations and addresses", 5),
}
"""What each family reads, and how many readers it has."""

LEAST_SECONDS = 3
"""That a reader gets; in less time for a family some of its readers are tried."""


def run(family: str, readers: int, effort: Effort) -> None:
    """Try the readers of a family, or as many as there is time for."""
    number = readers if effort.whole else max(1, int(effort.left / LEAST_SECONDS))
    seed = effort.random.randrange(2**31)
    with tempfile.TemporaryDirectory(dir=effort.folder) as folder:
        command = [sys.executable, Path(__file__).with_name("process.py"), family]
        process = subprocess.run(
            [*command, str(max(1.0, effort.left - 4)), str(seed), folder, str(number)],
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )
    for line in process.stdout.splitlines():
        tell(json.loads(line), effort)
    if process.returncode != 0:
        effort.found(f"{family}: {process.stderr[-2000:].decode(errors='replace')}")
    if importlib.util.find_spec("atheris") is None:
        effort.note("atheris is not installed: random changes of seeds, led by nothing")


def tell(found: dict, effort: Effort) -> None:
    effort.outcome.cases += found["inputs"]
    for answer, times in found["answers"].items():
        effort.outcome.answers[answer] += times
    for finding in found["findings"]:
        effort.found(f"{found['reader']}: {finding}")
    begin, end = found["memory"] or (0.0, 0.0)
    effort.note(
        f"{found['reader']}: {found['inputs']:,} inputs in {found['seconds']:.0f} s, "
        f"memory {begin:.0f} to {end:.0f} MiB"
    )


DRILLS = tuple(
    Drill(
        f"readers.{family}",
        f"read what nobody would write: {what}",
        partial(run, family, readers),
        share=readers / 20,
        enough=1000 * readers,
        lacks=lambda: None if sys.platform == "linux" else "Linux, whose /proc tells of memory",
    )
    for family, (what, readers) in FAMILIES.items()
)
