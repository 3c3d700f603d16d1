"""Maps of finished calls of the network in a folder, for the same image after an interruption."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from raz.errors import InputError
from raz.files import atomic_file
from raz.zoom.inference import ForwardCall, Forwarding, Maps

__all__ = ["KeptTiles"]


class KeptTiles:
    """Computes calls that are not in a folder yet, and keeps their maps there.

    A call is known by its pixels, so neither the image's name nor the order of calls matters.

    Args:
        forwarding: what computes.
        folder: there. It grows by about 4 bytes for each pixel that the network
            sees, zoomed ones too.
        fingerprint: of what else the maps depend on, see `Recipe.fingerprint`.

    Raises:
        OSError: when called: a file cannot be read or written.
        InputError: when called: a file of the folder is damaged.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> def network(calls):
        ...     return ({"density": images.sum(1)} for images, _ in calls)
        >>> call = ForwardCall(torch.ones(1, 3, 2, 2), 1.0)
        >>> with TemporaryDirectory() as folder:
        ...     [maps] = KeptTiles(network, Path(folder), "a network")(iter([call]))
        ...     [again] = KeptTiles(lambda calls: calls, Path(folder), "a network")(iter([call]))
        >>> torch.equal(maps["density"], again["density"])
        True
    """

    def __init__(self, forwarding: Forwarding, folder: Path, fingerprint: str) -> None:
        self._forwarding = forwarding
        self._folder = folder
        self._fingerprint = fingerprint

    def __call__(self, calls: Iterator[ForwardCall]) -> Iterator[Maps]:
        turns: deque[tuple[Path, bool]] = deque()  # of each call: its file, and whether it is there

        def missing() -> Iterator[ForwardCall]:
            for call in calls:
                path = self._path(call)
                there = path.exists()  # once: another process may write it
                turns.append((path, there))
                if not there:
                    yield call

        for maps in self._forwarding(missing()):
            while turns[0][1]:
                yield _read(turns.popleft()[0])
            path, _ = turns.popleft()
            with atomic_file(path, "wb", durable=True) as file:
                file.write(save({name: each.contiguous() for name, each in maps.items()}))
            yield maps
        for path, _ in turns:
            yield _read(path)

    def _path(self, call: ForwardCall) -> Path:
        pixels = call.images.cpu().contiguous().numpy()
        told = f"{self._fingerprint} {pixels.shape} {call.scale!r}"
        digest = hashlib.sha256(told.encode())
        digest.update(pixels.data)
        return self._folder / f"{digest.hexdigest()[:32]}.safetensors"


def _read(path: Path) -> Maps:
    try:
        return load(path.read_bytes())
    except SafetensorError as error:
        raise InputError(f"{path} is damaged; without it, its tile is computed again") from error
