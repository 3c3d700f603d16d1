"""List the image files of a folder in natural order: 2.jpg before 10.jpg."""

from __future__ import annotations

import os
import re

from raz.errors import InputError
from raz.io.decoding import IMAGE_SUFFIXES

__all__ = ["image_files", "natural_order"]


def image_files(folder: str | os.PathLike[str]) -> list[str]:
    """List the paths of the images in a folder, by suffix, in natural order.

    Hidden files and subfolders are left out. The list may be empty.

    Raises:
        InputError: the folder cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("img10.jpg", "img2.jpg", "notes.txt"):
        ...         pathlib.Path(folder, name).touch()
        ...     [os.path.basename(path) for path in image_files(folder)]
        ['img2.jpg', 'img10.jpg']
    """
    name = os.fspath(folder)
    try:
        files = [os.path.join(name, entry) for entry in os.listdir(name)]
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None
    return sorted(filter(_is_visible_image, files), key=natural_order)


def natural_order(path: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts runs of digits as numbers, and equal numbers by spelling.

    Example:
        >>> sorted(["10.jpg", "2.jpg", "02.jpg"], key=natural_order)
        ['02.jpg', '2.jpg', '10.jpg']
    """
    runs = re.split(r"([0-9]+)", path.casefold())
    key = [(0, int(run), "") if run.isdecimal() else (1, 0, run) for run in runs if run]
    return key, path


def _is_visible_image(path: str) -> bool:
    base = os.path.basename(path)
    known = os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES
    return known and not base.startswith(".") and os.path.isfile(path)
