"""The files of a run, each complete or absent: the state that it resumes from, and weights.

The folder of a run holds ``last/state.pt``, from which it resumes, and ``last/weights.safetensors``
and ``best/weights.safetensors``, averaged weights that `raz.get_model` loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import raz
from raz.data.mix import STREAM
from raz.files import atomic_file
from raz.models.raznet import RAZNet
from raz.models.weights import save_weights
from raz.training.config import differences, with_present_names

STATE = Path("last", "state.pt")
LAST = Path("last", "weights.safetensors")
BEST = Path("best", "weights.safetensors")


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state. A crash at any moment leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, "wb", durable=True) as file:
        torch.save(dict(state), file)


def load_state(path: Path) -> dict[str, Any] | None:
    """Return the state at ``path``, tensors on the CPU, or None where there is no file.

    Settings that were renamed since it was written have their present names in its recipe.
    """
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if "recipe" in state:
        state["recipe"] = with_present_names(state["recipe"])
    return state


def sweep(output: Path) -> None:
    """Remove the temporary files of a process that was killed."""
    for name in (STATE, LAST, BEST):
        for part in (output / name).parent.glob(f".{name.name}.*.part"):
            part.unlink(missing_ok=True)


def check_recipe(
    old: Mapping[str, Any], new: Mapping[str, Any], *, extend: bool, version: str | None = None
) -> None:
    """Refuse to go on with other settings than a run began with.

    Args:
        old: recipe of the run that was begun.
        new: recipe to go on with.
        extend: accept another length.
        version: of raz, which wrote the checkpoint; None in those of 0.1.0 and before.

    Raises:
        ValueError: they differ; the message names every setting that does, and the version.
    """
    found = differences(old, new, lengths=not extend)
    if found:
        raise ValueError(
            f"the run was begun with other settings: {'; '.join(found)}. Choose another output "
            "folder, or for another length alone --extend (the checkpoint was written by raz "
            f"{version or '0.1.0 or earlier'}, this is raz {raz.__version__})"
        )


def check_stream(stream: int | None, *, version: str | None = None) -> None:
    """Refuse to go on with other crops than a run began with.

    Args:
        stream: ``raz.data.mix.STREAM`` of the run that was begun; None in those before 2.
        version: of raz, which wrote the checkpoint; None in those of 0.1.0 and before.

    Raises:
        ValueError: it is not the present one.
    """
    if stream != STREAM:
        raise ValueError(
            "the run was begun with a raz that cuts other crops of the same seed; continue it with "
            f"that one, or begin anew in another output folder (the checkpoint was written by raz "
            f"{version or '0.1.0 or earlier'} with crops of kind {stream or 1}, this is raz "
            f"{raz.__version__} with crops of kind {STREAM})"
        )


def save_averaged(model: RAZNet, path: Path, metadata: Mapping[str, str]) -> None:
    """Write averaged weights for use, in float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(model, path, dtype=torch.float32, metadata=metadata)
