"""Read the points of one image from a file of its own."""

from __future__ import annotations

import os
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.io.annotations import ImagePoints
from raz.io.formats.labelme import Drawing, is_labelme, labelme_image, read_labelme
from raz.io.formats.raz_json import object_points
from raz.io.formats.shapes import HeadRule, drawn_record
from raz.io.text import finite, parse_json, read_text

__all__ = ["SINGLE_SUFFIXES", "read_number_lines", "read_single", "single_drawing"]

SINGLE_SUFFIXES = (".txt", ".json")
"""Suffixes that :func:`read_single` knows."""


def read_single(
    path: str | os.PathLike[str],
    rule: HeadRule | None = None,
    chosen: Collection[str] | None = None,
) -> ImagePoints:
    """Read the points of one image.

    * ``.txt``: one line per point, ``x y`` or ``x,y``; an empty file holds no point.
    * ``.json``: an object with ``points`` [[x, y] or [x, y, score], ...], as ``raz predict``
      writes it; ``path`` is not needed. Or labelme's.

    Args:
        path: the file.
        rule: which shapes of labelme's are heads, and where.
        chosen: labels of heads, folded, where those of several files were looked at together.

    Raises:
        InputError: the file cannot be read or is something else; the message names file and line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("3.5 4.25\\n")
        ...     file.flush()
        ...     read_single(file.name).points.tolist()
        [[3.5, 4.25]]
    """
    name = os.fspath(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix == ".txt":
        return ImagePoints(points=read_number_lines(name, (2,)))
    if suffix != ".json":
        raise InputError(f"{name}: the file name must end in .txt or .json")
    document = parse_json(read_text(name), name)
    if is_labelme(document):
        if chosen is not None:
            image = labelme_image(document, name, rule or HeadRule()).image
            return drawn_record(image, chosen, name)
        [record] = read_labelme(document, name, rule).images.values()
        return record
    if not isinstance(document, dict) or "points" not in document:
        raise InputError(f"{name}: is not an object with points")
    return object_points(document, name)


def single_drawing(path: str | os.PathLike[str]) -> Drawing | None:
    """Read the shapes of one image with all their labels; None of a file without labels.

    Raises:
        InputError: the file cannot be read or is something else.

    Example:
        >>> import json, tempfile
        >>> shape = {"label": "flag", "points": [[3, 4]], "shape_type": "point"}
        >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        ...     json.dump({"shapes": [shape], "imagePath": "a.jpg"}, file)
        ...     file.flush()
        ...     single_drawing(file.name).image.heads[0].labels
        ('flag',)
    """
    name = os.fspath(path)
    if os.path.splitext(name)[1].lower() != ".json":
        return None
    document = parse_json(read_text(name), name)
    return labelme_image(document, name, HeadRule()) if is_labelme(document) else None


def read_number_lines(path: str, lengths: Collection[int]) -> npt.NDArray[np.float64]:
    """Read lines of equally many finite numbers, apart by blanks or commas.

    Returns:
        float64 [N, one of ``lengths``], N = 0 for an empty file; empty lines are passed over.

    Raises:
        InputError: the file cannot be read or holds something else; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("3.5, 4.25\\n")
        ...     file.flush()
        ...     read_number_lines(file.name, (2,)).tolist()
        [[3.5, 4.25]]
    """
    rows: list[list[float]] = []
    for number, line in enumerate(read_text(path, may_be_empty=True).split("\n"), start=1):
        fields = line.replace(",", " ").split()
        if not fields:
            continue
        allowed = {len(rows[0])} if rows else lengths
        if len(fields) not in allowed:
            wanted = " or ".join(map(str, sorted(allowed)))
            raise InputError(f"{path}:{number}: has {len(fields)} fields; it must be {wanted}")
        rows.append([finite(field, f"{path}:{number}") for field in fields])
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else min(lengths))
