"""Files of points of single images, in a folder and its subfolders: read as one file."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_place, keyed_apart
from raz.io.folder import natural_order
from raz.io.formats.shapes import HeadRule, folded, warn_of_others
from raz.io.points.single import SINGLE_SUFFIXES, read_single, single_drawing
from raz.io.text import open_file

__all__ = ["is_of_points", "labels_of_all", "read_folder"]


def read_folder(folder: str, rule: HeadRule) -> PointFile:
    """Read a file of points for each image; the image has the file's relative path as its name.

    Files are those of :func:`raz.io.points.read_single`, in subfolders too. Hidden files and
    folders are passed over, and so is text that does not begin as points do.

    Args:
        folder: its path.
        rule: which shapes of labelme's are heads; the labels of all files are looked at together.

    Raises:
        InputError: there is no such file, one is broken, or an image has two.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for camera in ("gate", "stage"):
        ...         pathlib.Path(folder, camera).mkdir()
        ...         _ = pathlib.Path(folder, camera, "7.txt").write_text("3.5 4.25\\n")
        ...     list(read_folder(folder, HeadRule()).images)
        ['gate/7', 'stage/7']
    """
    paths = _files(folder)
    chosen = labels_of_all(paths, rule, folder)
    images: dict[str, ImagePoints] = {}
    first: dict[str, str] = {}
    for path in paths:
        name = os.path.splitext(os.path.relpath(path, folder))[0]
        place = image_place(name)
        if place in first:
            raise InputError(f"{path}: is of the same image as {first[place]}; keep one")
        first[place] = path
        images[place] = replace(read_single(path, rule, chosen), name=name)
    if not images:
        raise InputError(f"{folder}: holds no points: looked for a .txt or .json for each image")
    return PointFile(path=folder, kind="folder", images=keyed_apart(images))


def labels_of_all(paths: Iterable[str], rule: HeadRule, where: str) -> frozenset[str]:
    """Choose the labels of heads in files of single images, by those of all files together.

    A warning counts the other shapes.

    Args:
        paths: of the files; what is missing, broken or has no labels is passed over.
        rule: of what is a head.
        where: the folder, for messages.

    Raises:
        InputError: it is not clear which labels are heads.

    Example:
        >>> labels_of_all([], HeadRule(), "photos")
        frozenset()
    """
    found: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for path in paths:
        try:
            drawing = single_drawing(path) if os.path.isfile(path) else None
        except InputError:
            continue  # reading it says what is wrong
        if drawing is not None:
            found.update(label for head in drawing.image.heads for label in head.labels)
            other += drawing.other
    chosen = rule.chosen(sorted(found), where) if found else frozenset()
    left = {label: number for label, number in found.items() if folded(label) not in chosen}
    other.update({f"labelled {label or 'nothing'}": number for label, number in left.items()})
    warn_of_others(where, other)
    return chosen


def is_of_points(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is one of points, be it broken or of nobody.

    It begins with a number or is empty; JSON has the word ``points``; MATLAB's are taken to be.

    Raises:
        InputError: it cannot be read, or is no regular file: a link that leads nowhere, a pipe.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("how these were marked")
        ...     file.flush()
        ...     is_of_points(file.name)
        False
    """
    if not os.path.isfile(path):
        raise InputError(f"{os.fspath(path)}: is, or leads to, no regular file")
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix == ".mat":
        return True
    with open_file(os.fspath(path), "rb") as file:
        text = file.read().decode(errors="replace")
    if suffix == ".json":
        return '"points"' in text
    first = re.split(r"[\s,]+", text.strip(), maxsplit=1)[0]
    try:
        return not first or math.isfinite(float(first))
    except ValueError:
        return False


def _files(folder: str) -> Sequence[str]:
    found = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        paths = [os.path.join(place, name) for name in names if not name.startswith(".")]
        found += [path for path in paths if path.lower().endswith(SINGLE_SUFFIXES)]
    return sorted(filter(is_of_points, found), key=natural_order)
