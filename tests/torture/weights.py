"""Strangers' weights, checkpoints and downloads. What drills need is imported when they run."""

from __future__ import annotations

import os
import shutil
from importlib import import_module

from drill import Drill, Effort


def files(effort: Effort) -> None:
    import_module("weights_files").files(effort)


def pickles(effort: Effort) -> None:
    import_module("weights_pickles").pickles(effort)


def damage(effort: Effort) -> None:
    import_module("checkpoints_damage").damage(effort)


def server(effort: Effort) -> None:
    import_module("downloads_server").server(effort)


def together(effort: Effort) -> None:
    import_module("downloads_together").together(effort)


def no_openssl() -> str | None:
    return None if shutil.which("openssl") else "openssl, which makes a certificate"


def no_fork() -> str | None:
    return None if hasattr(os, "fork") else "processes by fork"


DRILLS: tuple[Drill, ...] = (
    Drill(
        "weights.files",
        "weights files that are damaged or lie, in every field and at random",
        files,
        enough=2000,
    ),
    Drill(
        "weights.pickles",
        "files that would run code or fill memory, wherever raz reads a file",
        pickles,
        share=0.7,
        enough=500,
    ),
    Drill(
        "checkpoints.damage",
        "checkpoints of trainings that are damaged or lie, in every entry and at random",
        damage,
        enough=1000,
    ),
    Drill(
        "downloads.server",
        "servers that are slow, cut, lie, lead elsewhere or never end",
        server,
        share=0.7,
        enough=200,
        lacks=no_openssl,
    ),
    Drill(
        "downloads.together",
        "processes that download one file at once, some killed; full and read-only disks",
        together,
        share=0.7,
        enough=100,
        lacks=no_fork,
    ),
)
