"""The image files of a folder, in the order in which people number them."""

from __future__ import annotations

import os
import re

from raz.errors import InputError
from raz.io.decoding import IMAGE_SUFFIXES

__all__ = ["image_files", "natural_order"]


def image_files(folder: str | os.PathLike[str]) -> list[str]:
    """Paths of the images in a folder, known by their suffix, in natural order.

    Hidden files and what lies in folders within are left out; the list may be empty.

    Raises:
        InputError: the folder cannot be read.
    """
    name = os.fspath(folder)
    try:
        files = [os.path.join(name, entry) for entry in os.listdir(name)]
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None
    return sorted(filter(_is_visible_image, files), key=natural_order)


def natural_order(path: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that orders runs of digits by their number, equal ones by their spelling."""
    runs = re.split(r"([0-9]+)", path.casefold())
    key = [(0, int(run), "") if run.isdecimal() else (1, 0, run) for run in runs if run]
    return key, path


def _is_visible_image(path: str) -> bool:
    base = os.path.basename(path)
    known = os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES
    return known and not base.startswith(".") and os.path.isfile(path)
