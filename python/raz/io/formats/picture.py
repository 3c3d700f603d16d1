"""Pictures: the plot of a Result, and any other, as PNG or JPEG."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from raz.files import atomic_file
from raz.io.formats.form import Format
from raz.io.formats.suffix import suffix_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.result import Result

__all__ = ["FORMAT", "PICTURE_SUFFIXES", "save_picture"]

_PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

PICTURE_SUFFIXES = tuple(_PICTURE_FORMATS)
"""Suffixes that :func:`save_picture` knows."""


def save_picture(picture: Image, path: str | os.PathLike[str]) -> None:
    """Write a PIL image as PNG or JPEG, by the suffix.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    image_format = _PICTURE_FORMATS[suffix_of(path, PICTURE_SUFFIXES)]
    with atomic_file(path, "wb") as file:
        picture.save(file, format=image_format)


def _write_plot(result: Result, path: Path) -> None:
    save_picture(result.plot(), path)


FORMAT = Format(name="plot", suffixes=PICTURE_SUFFIXES, write=_write_plot)
