"""The files of a run, each complete or absent: the state that it resumes from, and weights.

The folder of a run holds ``last/state.pt``, from which it resumes, and ``last/weights.safetensors``
and ``best/weights.safetensors``, averaged weights that `raz.get_model` loads.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import torch

import raz
from raz.data.mix import STREAM
from raz.errors import WeightsError
from raz.files import atomic_file
from raz.models.raznet import RAZNet
from raz.models.torch_files import DamagedFileError, ForeignFileError, read_torch_file
from raz.models.weights import save_weights
from raz.training.config import differences, with_present_names
from raz.training.resumed import StateError, check_values, is_recipe

STATE = Path("last", "state.pt")
LAST = Path("last", "weights.safetensors")
BEST = Path("best", "weights.safetensors")


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state, and its SHA-256 at the end of the file.

    A crash at any moment leaves either the old file or the new one.

    Raises:
        OSError: the file cannot be written; the old one is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, "wb", durable=True) as file:
        sealed = _Sealed(file)
        torch.save(dict(state), sealed)  # type: ignore[arg-type]
        sealed.seal()


def load_state(path: Path) -> dict[str, Any] | None:
    """Return the state at ``path``, tensors on the CPU, or None where there is no file.

    Settings that were renamed since it was written have their present names in its recipe. A file
    of an earlier raz has no SHA-256; the checksums that ``torch.save`` writes tell there whether it
    is damaged.

    Raises:
        WeightsError: the file is damaged, or holds no state of a training.
        OSError: it cannot be read.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise WeightsError(f"{path} is no regular file, and so no state of a training")
    _check_seal(path)
    state = _unpickled(path)
    if not isinstance(state, dict) or not is_recipe(state.get("recipe", {})):
        raise WeightsError(f"{path} holds no state of a training")
    if "recipe" in state:
        state["recipe"] = with_present_names(state["recipe"])
    return state


_MOST_DIFFERENCES = 8
"""Settings that a message names."""

_SEAL = re.compile(rb"\nraz sha256 ([0-9a-f]{64})")
_SEAL_LENGTH = 76


class _Sealed:
    """A file that knows the SHA-256 of what is written to it.

    The first error waits for `seal`: torch would put words of its own in its place.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._error: OSError | None = None

    def write(self, content: Any) -> int:
        if self._error is None:
            try:
                self._file.write(content)
                self._digest.update(content)
            except OSError as error:
                self._error = error
        return memoryview(content).nbytes

    def flush(self) -> None:
        """Do nothing: what is not whole need not reach the disk."""

    def seal(self) -> None:
        """End the file by the SHA-256 of the rest.

        Raises:
            OSError: something could not be written.
        """
        if self._error is not None:
            raise self._error
        self._file.write(b"\nraz sha256 " + self._digest.hexdigest().encode())


def _check_seal(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _SEAL_LENGTH))
        seal = _SEAL.fullmatch(file.read())
        file.seek(0)
        if seal is None:
            return  # the checksums of torch.save tell
        digest, left = hashlib.sha256(), size - _SEAL_LENGTH
        while block := file.read(min(left, 1 << 20)):
            digest.update(block)
            left -= len(block)
    if digest.hexdigest().encode() != seal[1]:
        raise WeightsError(_damaged(path))


def _unpickled(path: Path) -> object:
    try:
        with path.open("rb") as file:
            return read_torch_file(file)
    except DamagedFileError:
        raise WeightsError(_damaged(path)) from None
    except ForeignFileError as error:
        raise WeightsError(f"{_damaged(path)} ({error})") from None


def _damaged(path: Path) -> str:
    return (
        f"{path} is damaged, so the run cannot go on from it; begin anew in another output folder, "
        f"from {path.parent / LAST.name} if you like (--weights), or put back a copy of the file"
    )


def check_complete(path: Path, state: Mapping[str, Any]) -> None:
    """Refuse a state that is not of a training.

    Raises:
        WeightsError: something is missing, or is of another kind than a training writes.
    """
    try:
        check_values(state)
    except StateError as error:
        raise WeightsError(f"{path} holds no state of a training: {error}") from None


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
        ValueError: they differ; the message names the settings that do, at most eight of them, and
            the version.
    """
    found = differences(old, new, lengths=not extend)
    if len(found) > _MOST_DIFFERENCES:
        found[_MOST_DIFFERENCES:] = [f"and {len(found) - _MOST_DIFFERENCES} others"]
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


def check_images(old: Mapping[str, Sequence[object]], new: Mapping[str, Sequence[object]]) -> None:
    """Refuse to go on with other images than a run began with.

    Args:
        old: number of images of each part, and a digest of their names, of the run that was begun.
        new: those to go on with.

    Raises:
        ValueError: the message names the first part that differs.
    """
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name, (0,)), new.get(name, (0,))
        if list(before) != list(now):
            raise ValueError(
                f"the run was begun with other images of {name}: {before[0]} then, {now[0]} now"
                f"{', of other names' * (before[0] == now[0])}. Put back those, or choose another "
                "output folder"
            )


def save_averaged(model: RAZNet, path: Path, metadata: Mapping[str, str]) -> None:
    """Write averaged weights for use, in float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(model, path, dtype=torch.float32, metadata=metadata)
