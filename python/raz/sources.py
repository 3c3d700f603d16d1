"""Which images a source of many stands for: folders, glob patterns, videos, iterables."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from typing import Any

from raz.errors import InputError

__all__ = ["expand_source", "is_collection", "is_many"]


def expand_source(source: Any) -> Iterator[Any]:
    """Yield the single images of a source of many, in order; a video stays one entry.

    An entry of an iterable that stands for no image (an empty folder, a pattern that matches
    nothing) comes out as an InputError object in its place, so that its neighbours are not lost.

    Raises:
        InputError: ``source`` itself is such a folder or pattern.
    """
    if isinstance(source, (str, os.PathLike)):
        return iter(_expand_path(source))
    return _expand_entries(source)


def _expand_entries(source: Iterable[Any]) -> Iterator[Any]:
    for entry in source:
        if isinstance(entry, (str, os.PathLike)):
            try:
                yield from _expand_path(entry)
            except InputError as error:
                yield error
        else:
            yield entry


def _expand_path(source: str | os.PathLike[str]) -> list[str]:
    from raz.io.decoding import IMAGE_SUFFIXES
    from raz.io.folder import image_files, natural_order

    name = os.fspath(source)
    if os.path.isdir(name):
        chosen = image_files(name)
        if not chosen:
            known = " ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{name}: the folder holds no image file ({known})")
        return chosen
    if _is_pattern(name):
        matches = [path for path in glob.glob(name, recursive=True) if os.path.isfile(path)]
        if not matches:
            raise InputError(f"{name}: no file matches this pattern")
        return sorted(matches, key=natural_order)
    return [name]


def is_collection(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path stands for many images: a folder, a glob pattern or a video."""
    from raz.io.video import is_video

    return os.path.isdir(path) or _is_pattern(os.fspath(path)) or is_video(path)


def is_many(source: Any) -> bool:
    """Tell whether a source of `raz.predict` is many images, not one.

    Raises:
        TypeError: it is nothing that holds images.
    """
    import numpy as np
    import torch
    from PIL import Image

    if isinstance(source, (str, os.PathLike)):
        return is_collection(source)
    if isinstance(source, (np.ndarray, torch.Tensor, Image.Image)):
        return False
    if isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray, dict)):
        return True
    raise TypeError(
        f"source is {type(source).__name__}; it must be a path, a PIL image, an array, a tensor, "
        "or an iterable of these"
    )


def _is_pattern(name: str) -> bool:
    return glob.has_magic(name) and not os.path.lexists(name)
