"""Reads raz's own JSON, as ``raz predict`` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raz.errors import InputError
from raz.io.points.annotations import ImagePoints, PointFile, image_key
from raz.io.points.text import number, number_rows

__all__ = ["object_points", "read_objects"]


def read_objects(entries: Iterable[tuple[Any, str, int | None]], path: str) -> PointFile:
    """Makes a file of objects of one image each, given with their place and line."""
    images: dict[str, ImagePoints] = {}
    for entry, where, line in entries:
        if not isinstance(entry, dict) or "points" not in entry:
            raise InputError(f"{where}: is not an object with path and points")
        name = entry.get("path")
        if not isinstance(name, str) or not name:
            raise InputError(f"{where}: path must name the image")
        key = image_key(name)
        if key in images:
            raise InputError(f"{where}: image {key} is there twice")
        images[key] = object_points(entry, where, line)
    if not images:
        raise InputError(f"{path}: holds no image")
    return PointFile(path=path, kind="raz", images=images)


def object_points(entry: dict[str, Any], where: str, line: int | None = None) -> ImagePoints:
    """The points of an object that has them, and its count and image_size where it has those.

    Raises:
        InputError: one of them is something else; the message begins with ``where``.
    """
    rows = number_rows(entry["points"], (3, 2), f"{where}: points")
    scored = rows.shape[1] == 3
    count = entry.get("count")
    return ImagePoints(
        points=rows[:, :2],
        scores=rows[:, 2] if scored else None,
        count=None if "count" not in entry else number(count, f"{where}: count"),
        size=_size(entry.get("image_size"), f"{where}: image_size"),
        line=line,
    )


def _size(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    [[width, height]] = number_rows([value], (2,), where).tolist()
    if width < 1 or height < 1:
        raise InputError(f"{where}: must be [width, height], each at least 1")
    return int(width), int(height)
