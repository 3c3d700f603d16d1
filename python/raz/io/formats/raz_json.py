"""raz's own JSON, one object per image: the one text that holds all of a Result but the density.

A file is an object, an array of objects, or JSON lines with one object per line. The reader looks
at ``path``, ``points``, ``image_size``, ``count`` (or ``number``, ``human_num``), ``count_low`` and
``count_high``, of which only ``points`` is required.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_place, keyed_apart
from raz.io.formats.format import Collection, Format
from raz.io.formats.shapes import unnamed_key
from raz.io.formats.values import INTERVAL_LEVEL, count_interval, dumps, number, recorded
from raz.io.text import image_size, number_rows
from raz.io.text import number as read_number

if TYPE_CHECKING:
    from raz.result import Region, Result, SkippedRegion

__all__ = ["json_object", "json_text", "object_points", "read_objects", "record_text"]


_COUNTS = ("count", "number", "human_num")
"""Names under which objects state how many persons there are; the latter in public data."""


def json_text(result: Result, *, points: bool = True) -> str:
    """Return the result as one JSON object; see :meth:`raz.Result.to_json`.

    Args:
        result: what to write.
        points: whether the heads are in it.

    Example:
        >>> import json
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]),
        ...     density=torch.zeros(2, 2), count=1.0, count_density=1.0, count_points=1,
        ...     image_size=(9, 9), path="a.jpg",
        ... )
        >>> json.loads(json_text(result))["points"]
        [[3.5, 4.25, 0.5]]
    """
    return dumps(json_object(result, points=points))


def json_object(result: Result, *, points: bool = True) -> dict[str, Any]:
    """Return what :func:`json_text` writes, before it is text.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(2, 2),
        ...     count=1.0, count_density=1.0, count_points=0, image_size=(9, 9), path="a.jpg",
        ... )
        >>> json_object(result)["image_size"]
        [9, 9]
    """
    from raz import __version__

    image = recorded(result)
    low, high = count_interval(result)
    return {
        "path": result.path,
        "time": result.time,
        "image_size": list(result.image_size),
        "count": number(result.count),
        "count_low": low,
        "count_high": high,
        "count_density": number(result.count_density),
        "count_points": result.count_points,
        "disagreement": number(result.disagreement),
        **({"points": _rows(image)} if points else {}),
        "regions": [_region_object(region) for region in result.regions],
        "skipped": [_skipped_object(region) for region in result.skipped],
        "scale": number(result.scale),
        "warnings": list(result.warnings),
        **({"zones": _zones_object(result)} if result.zones else {}),
        **({"smoothed": _numbers(result.smoothed)} if result.smoothed else {}),
        "model": result.model,
        "raz_version": __version__,
    }


def _zones_object(result: Result) -> dict[str, dict[str, float | None]]:
    return {
        name: {
            "count_points": zone.points,
            "count_density": number(zone.density),
            "count_low": None if zone.low is None else number(zone.low),
            "count_high": None if zone.high is None else number(zone.high),
        }
        for name, zone in result.zone_counts(INTERVAL_LEVEL).items()
    }


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}


def record_text(image: ImagePoints) -> str:
    """Return a record as a line of JSON: path, image_size where known, and points.

    Example:
        >>> import numpy as np
        >>> record_text(ImagePoints(name="a.jpg", points=np.array([[3.5, 4.25]])))
        '{"path": "a.jpg", "points": [[3.5, 4.25]]}\\n'
    """
    size = {} if image.size is None else {"image_size": list(image.size)}
    return dumps({"path": image.name, **size, "points": _rows(image)}) + "\n"


def read_objects(
    entries: Iterable[tuple[Any, str, int | None]], path: str, *, may_be_unnamed: bool = False
) -> PointFile:
    """Read objects of one image each; see :func:`raz.io.points.read_points`.

    Args:
        entries: the objects with their place, for messages, and their line.
        path: the file.
        may_be_unnamed: whether the path may be null where there is only one object.

    Raises:
        InputError: an object is something else, or an image is there twice.

    Example:
        >>> file = read_objects([({"path": "a.jpg", "points": [[3.5, 4]]}, "f:1", 1)], "f")
        >>> file.images["a"].points.tolist()
        [[3.5, 4.0]]
    """
    images: dict[str, ImagePoints] = {}
    unnamed = False
    for entry, where, line in entries:
        if not isinstance(entry, dict) or "points" not in entry:
            raise InputError(f"{where}: is not an object with path and points")
        name = entry.get("path")
        if isinstance(name, str) and name:
            key = image_place(name)
        elif name is None and may_be_unnamed:
            key, unnamed = unnamed_key(path), True
        else:
            raise InputError(f"{where}: path must name the image")
        if key in images:
            raise InputError(f"{where}: image {key} is there twice")
        images[key] = object_points(entry, where, line)
    if not images:
        raise InputError(f"{path}: holds no image")
    return PointFile(path=path, kind="raz", images=keyed_apart(images), unnamed=unnamed)


def object_points(entry: dict[str, Any], where: str, line: int | None = None) -> ImagePoints:
    """Return the record of an object that has points.

    Raises:
        InputError: they are something else; the message begins with ``where``.

    Example:
        >>> object_points({"points": [[3.5, 4, 0.5]], "image_size": [9, 9]}, "a.json").size
        (9, 9)
    """
    rows = number_rows(entry["points"], (3, 2), f"{where}: points")
    # Without a head nothing tells; raz writes scores.
    scored = rows.shape[1] == 3
    name, count = entry.get("path"), next((key for key in _COUNTS if key in entry), None)
    return ImagePoints(
        name=name if isinstance(name, str) else "",
        points=rows[:, :2],
        scores=rows[:, 2] if scored else None,
        count=None if count is None else read_number(entry[count], f"{where}: {count}"),
        interval=_interval(entry, where),
        size=image_size(entry.get("image_size"), f"{where}: image_size"),
        line=line,
    )


def _interval(entry: dict[str, Any], where: str) -> tuple[float, float] | None:
    """The interval of the count; None where the file has none, or null."""
    ends = [(name, entry.get(name)) for name in ("count_low", "count_high")]
    if all(value is None for _, value in ends):
        return None
    low, high = (read_number(value, f"{where}: {name}") for name, value in ends)
    return low, high


def _rows(image: ImagePoints) -> list[list[float | None]]:
    parts = [image.points] if image.scores is None else [image.points, image.scores[:, None]]
    return [[number(value) for value in row] for row in np.hstack(parts).tolist()]


def _region_object(region: Region) -> dict[str, Any]:
    return {
        "box": [number(edge) for edge in region.box],
        "score": number(region.score),
        "depth": region.depth,
        "scale": number(region.scale),
        "points_before": region.points_before,
        "points_after": region.points_after,
        "count_before": number(region.count_before),
        "count_after": number(region.count_after),
        "crowded": number(region.crowded),
        "seconds": number(region.seconds),
        "children": [_region_object(child) for child in region.children],
    }


def _skipped_object(region: SkippedRegion) -> dict[str, Any]:
    return {
        "box": [number(edge) for edge in region.box],
        "score": number(region.score),
        "depth": region.depth,
        "reason": region.reason,
    }


def _line(result: Result) -> str:
    return json_text(result) + "\n"


FORMAT = Format(
    name="raz",
    suffixes=(".json",),
    text=_line,
    collection=partial(Collection, json_text, "[\n", ",\n", lambda _: "\n]\n"),
)
"""An object; of several results an array, a line each."""

LINES = Format(
    name="jsonl", suffixes=(".jsonl",), text=_line, collection=partial(Collection, _line)
)
"""One object per line, for streams."""
