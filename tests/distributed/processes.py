"""What a test sees of the processes of a cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def until(condition: Callable[[], Any]) -> Any:
    """Wait for something, and return it."""
    for _ in range(3600):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not come true")


def workers_of_this_process(kind: str) -> list[int]:
    """Process ids of Ray's actors of a kind whose raylet this process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if kind.encode() in (folder / "cmdline").read_bytes():
                raylet = _parent(folder)
                if _parent(Path("/proc", str(raylet))) == os.getpid():
                    found.append(int(folder.name))
        except OSError:
            continue  # ended meanwhile
    return found


def _parent(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
