"""Finds out what form a file of points has, and reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from raz.errors import InputError
from raz.io.points.annotations import PointFile
from raz.io.points.coco import read_coco, read_coco_results
from raz.io.points.nwpu import read_nwpu
from raz.io.points.own import read_objects
from raz.io.points.table import read_csv
from raz.io.points.text import parse_json, read_text

__all__ = ["read_points"]


def read_points(path: str | os.PathLike[str]) -> PointFile:
    """Reads a file of points.

    The suffix, and for JSON the content, says which form it has:

    * ``.txt``: NWPU-Crowd's text. Ground truth ``id n (x y sigma_s sigma_l level)*``, predictions
      ``id n (x y)*``, whole numbers, a line an image.
    * ``.csv``: a header with ``image`` (or ``path``), ``x``, ``y`` and perhaps ``score``; a line a
      point. A line with neither x nor y stands for an image without points.
    * ``.json``: COCO keypoints (a data set, or an array of results), or raz's own: an object or
      an array of objects with ``path`` and ``points`` [[x, y] or [x, y, score], ...].
    * ``.jsonl``: one of raz's objects a line.

    Images are known by :func:`raz.io.points.image_key`. Coordinates are kept as they are, also
    negative ones and those outside the image.

    Raises:
        InputError: the file cannot be read, or is not what it should be: counts that do not fit,
            numbers that are not finite (in NWPU's text: not whole), an image that is there twice.
            The message names the file and the line, or the place within the document.
    """
    name = os.fspath(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix == ".json":
        return _read_json(name)
    readers: dict[str, Callable[[str], PointFile]] = {
        ".txt": read_nwpu,
        ".csv": read_csv,
        ".jsonl": _read_json_lines,
    }
    if suffix not in readers:
        raise InputError(f"{name}: the file name must end in .txt, .csv, .json or .jsonl")
    file = readers[suffix](name)
    return file


def _read_json(name: str) -> PointFile:
    document = parse_json(read_text(name), name)
    if isinstance(document, dict) and "annotations" in document:
        return read_coco(document, name)
    if isinstance(document, dict) and "points" in document:
        return read_objects([(document, name, None)], name)
    if not isinstance(document, list):
        raise InputError(
            f"{name}: is neither COCO (images, annotations) nor raz's own JSON (path, points)"
        )
    # Nothing in it is a valid result of COCO: nobody was found anywhere.
    if not document or (isinstance(document[0], dict) and "image_id" in document[0]):
        return read_coco_results(document, name)
    return read_objects(
        [(entry, f"{name}: [{index}]", None) for index, entry in enumerate(document)], name
    )


def _read_json_lines(name: str) -> PointFile:
    entries: list[tuple[Any, str, int | None]] = []
    for number, line in enumerate(read_text(name).split("\n"), start=1):
        if line.strip():
            where = f"{name}:{number}"
            entries.append((parse_json(line, where), where, number))
    return read_objects(entries, name)
