"""Checkpoints that are whole or not there: written aside, synced, renamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` so that an interruption at any moment leaves the old file or the new one."""
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the state at ``path``, tensors on the CPU, or None where there is no file."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
