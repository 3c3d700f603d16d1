"""Images: the plot of a Result, and any other, as PNG or JPEG."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from raz.files import atomic_file
from raz.io.formats.format import Format
from raz.io.formats.suffix import suffix_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.result import Result

__all__ = ["FORMAT", "PLOT_SUFFIXES", "save_plot"]

_IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

PLOT_SUFFIXES = tuple(_IMAGE_FORMATS)
"""Suffixes that :func:`save_plot` knows."""


def save_plot(image: Image, path: str | os.PathLike[str]) -> None:
    """Write a PIL image as PNG or JPEG, by the suffix.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_plot(Image.new("RGB", (4, 3)), Path(folder, "plot.png"))
        ...     with Image.open(Path(folder, "plot.png")) as image:
        ...         image.size
        (4, 3)
    """
    image_format = _IMAGE_FORMATS[suffix_of(path, PLOT_SUFFIXES)]
    encoded = BytesIO()  # Pillow would hide why a file cannot be written
    image.save(encoded, format=image_format)
    with atomic_file(path, "wb") as file:
        file.write(encoded.getbuffer())


def _write_plot(result: Result, path: Path) -> None:
    save_plot(result.plot(), path)


FORMAT = Format(name="plot", suffixes=PLOT_SUFFIXES, write=_write_plot)
