"""Sizes of images, from the images themselves or from a table."""

from __future__ import annotations

import csv
import os

from raz.errors import InputError
from raz.io.annotations import image_key
from raz.io.decoding import IMAGE_SUFFIXES, read_image_size
from raz.io.text import read_text

__all__ = ["read_sizes"]


def read_sizes(source: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Read (width, height) of images in pixels, by :func:`raz.io.points.image_key`.

    Args:
        source: a folder of images, of which the headers are read (sizes are those of upright
            images), or a CSV file with the columns image, width, height.

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
    for entry in sorted(os.listdir(folder)):
        if os.path.splitext(entry)[1].lower() not in IMAGE_SUFFIXES:
            continue
        path = os.path.join(folder, entry)
        if image_key(entry) in sizes:
            raise InputError(f"{path}: image {image_key(entry)} is there twice")
        sizes[image_key(entry)] = read_image_size(path)
    if not sizes:
        raise InputError(f"{folder}: holds no images")
    return sizes


def _of_table(path: str) -> dict[str, tuple[int, int]]:
    reader = csv.DictReader(read_text(path).splitlines(), strict=True)
    sizes: dict[str, tuple[int, int]] = {}
    try:
        for row in reader:
            key = image_key(row["image"])
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
    return sizes
