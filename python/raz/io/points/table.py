"""Reads points from CSV."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field

import numpy as np

from raz.errors import InputError
from raz.io.points.annotations import ImagePoints, PointFile, image_key
from raz.io.points.text import read_text

__all__ = ["read_csv"]


@dataclass
class _Image:
    name: str
    line: int
    rows: list[list[float]] = field(default_factory=list)


def read_csv(path: str) -> PointFile:
    """Reads a table with a line a point; see :func:`raz.io.points.read_points`."""
    reader = csv.reader(read_text(path).splitlines(keepends=True), strict=True)
    images: dict[str, _Image] = {}
    try:
        columns = _columns([name.strip().lower() for name in next(reader)], path)
        for fields in reader:
            if fields:
                _add(images, fields, columns, path, reader.line_num)
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: is not CSV: {error}") from None
    if not images:
        raise InputError(f"{path}: holds no image")
    scored = "score" in columns
    return PointFile(
        path=path,
        kind="csv",
        images={key: _finished(image, scored) for key, image in images.items()},
    )


def _columns(header: list[str], path: str) -> dict[str, int]:
    """Places of the columns, and under "" how many there are."""
    columns = {name: header.index(name) for name in ("x", "y", "score") if name in header}
    named = [name for name in ("image", "path") if name in header]
    if not named or not {"x", "y"} <= columns.keys() or len(set(header)) < len(header):
        raise InputError(
            f"{path}:1: the header is {','.join(header)}; it must name the columns "
            "image (or path), x, y and perhaps score, each once"
        )
    return columns | {"image": header.index(named[0]), "": len(header)}


def _add(
    images: dict[str, _Image], fields: list[str], columns: dict[str, int], path: str, line: int
) -> None:
    where = f"{path}:{line}"
    if len(fields) != columns[""]:
        raise InputError(f"{where}: has {len(fields)} fields, the header {columns['']}")
    name = fields[columns["image"]].strip()
    if not name:
        raise InputError(f"{where}: names no image")
    key = image_key(name)
    image = images.setdefault(key, _Image(name, line))
    if image.name != name:
        raise InputError(
            f"{where}: {name} and {image.name} (line {image.line}) are both image {key}"
        )
    values = [name for name in ("x", "y", "score") if name in columns]
    texts = [fields[columns[value]].strip() for value in values]
    if any(texts):
        image.rows.append(
            [_number(text, f"{where}: {value}") for value, text in zip(values, texts, strict=True)]
        )


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where} is {text!r}; it must be a number") from None
    if not math.isfinite(value):
        raise InputError(f"{where} is {text!r}; it must be finite")
    return value


def _finished(image: _Image, scored: bool) -> ImagePoints:
    rows = np.array(image.rows, dtype=np.float64).reshape(-1, 3 if scored else 2)
    scores = rows[:, 2] if scored else None
    return ImagePoints(points=rows[:, :2], scores=scores, line=image.line)
