"""Sizes of images, from the images themselves or from a table."""

from __future__ import annotations

import csv
import os

from raz.errors import InputError
from raz.io.annotations import image_key, image_place, keyed_apart
from raz.io.decoding import IMAGE_SUFFIXES, read_image_size
from raz.io.text import read_text

__all__ = ["read_sizes"]


def read_sizes(source: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Read (width, height) of images in pixels, by :func:`raz.io.points.image_key`.

    Args:
        source: a folder of images, of which the headers are read (sizes are those of upright
            images; where the folder has none, those of the folders in it), or a CSV
            file with the columns image, width, height.

    Raises:
        InputError: the source cannot be read or names two sizes for one image.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("image,width,height\\na.jpg,640,480\\n")
        ...     file.flush()
        ...     read_sizes(file.name)
        {'a': (640, 480)}
    """
    name = os.fspath(source)
    return _of_folder(name) if os.path.isdir(name) else _of_table(name)


def _of_folder(folder: str) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = {}
    for path in _images(folder):
        place = image_place(os.path.relpath(path, folder))
        if place in sizes:
            raise InputError(f"{path}: image {image_key(path)} is there twice")
        sizes[place] = read_image_size(path)
    if not sizes:
        raise InputError(f"{folder}: holds no images")
    return keyed_apart(sizes)


def _images(folder: str) -> list[str]:
    """The images of a folder; where it has none, of the folders in it."""
    found: list[str] = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        suffixed = [n for n in names if os.path.splitext(n)[1].lower() in IMAGE_SUFFIXES]
        found += [os.path.join(place, name) for name in sorted(suffixed)]
        if place == folder and found:
            break
    return sorted(found)


def _of_table(path: str) -> dict[str, tuple[int, int]]:
    reader = csv.DictReader(read_text(path).splitlines(), strict=True)
    sizes: dict[str, tuple[int, int]] = {}
    try:
        for row in reader:
            key = image_place(row["image"])
            width, height = int(row["width"]), int(row["height"])
            if key in sizes:
                raise InputError(f"{path}:{reader.line_num}: image {key} is there twice")
            if width < 1 or height < 1:
                raise InputError(f"{path}:{reader.line_num}: the size is {width} x {height}")
            sizes[key] = width, height
    except KeyError:
        raise InputError(f"{path}:1: the header must name image, width, height") from None
    except (csv.Error, TypeError, ValueError):
        raise InputError(
            f"{path}:{reader.line_num}: must be an image, its width and its height"
        ) from None
    return keyed_apart(sizes)
