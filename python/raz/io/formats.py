"""Write a Result as text, one function a format."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from raz.files import atomic_file

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.result import Region, Result, SkippedRegion

__all__ = [
    "COLLECTIONS",
    "PICTURE_SUFFIXES",
    "SUFFIXES",
    "Collection",
    "CollectionWriter",
    "LabelledImage",
    "coco_document",
    "coco_text",
    "csv_text",
    "geojson_text",
    "inside_polygon",
    "json_text",
    "nwpu_line",
    "save",
    "save_picture",
    "shortest",
    "suffix_of",
]

_PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

PICTURE_SUFFIXES = tuple(_PICTURE_FORMATS)
"""Suffixes that :func:`save_picture` knows."""

Floats = npt.NDArray[np.float64]


def json_text(result: Result) -> str:
    """Return the result as one JSON object; see :meth:`raz.Result.to_json`."""
    from raz import __version__

    located = np.column_stack([_points(result), _scores(result)])
    return _dumps(
        {
            "path": result.path,
            "image_size": list(result.image_size),
            "count": _number(result.count),
            "count_density": _number(result.count_density),
            "count_points": result.count_points,
            "points": [[_number(v) for v in row] for row in located.tolist()],
            "regions": [_region_object(region) for region in result.regions],
            "skipped": [_skipped_object(region) for region in result.skipped],
            "model": result.model,
            "raz_version": __version__,
        }
    )


def csv_text(result: Result) -> str:
    """Return lines ``x,y,score`` under a header."""
    return "x,y,score\n" + "".join(f"{row}\n" for row in _csv_rows(result))


def coco_text(result: Result, *, image_id: int = 1) -> str:
    """Return COCO keypoints as JSON; see :meth:`raz.Result.to_coco`."""
    image = LabelledImage(
        name=result.path or "",
        size=result.image_size,
        points=_points(result),
        scores=_scores(result),
    )
    return _dumps(coco_document([image], first_id=image_id))


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImage:
    """What a file of points says of one image.

    Attributes:
        name: its file name, with suffix.
        size: (width, height) in pixels.
        points: [N, 2], (x, y) in pixels.
        scores: [N], None for heads that were marked.
        boxes: [N, 4] of the same heads, edges (x1, y1, x2, y2) in pixels; None where unknown.
    """

    name: str
    size: tuple[int, int]
    points: Floats
    scores: Floats | None = None
    boxes: Floats | None = None


def coco_document(images: Iterable[LabelledImage], *, first_id: int = 1) -> dict[str, Any]:
    """COCO keypoints of images whose ids count from ``first_id``; without boxes they are empty."""
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=first_id):
        width, height = image.size
        entries.append({"id": image_id, "width": width, "height": height, "file_name": image.name})
        annotations += _coco_annotations(image, image_id, first_id=len(annotations) + 1)
    person = {"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}
    return {"images": entries, "categories": [person], "annotations": annotations}


def _coco_annotations(
    image: LabelledImage, image_id: int, *, first_id: int
) -> Iterator[dict[str, Any]]:
    for index, (x, y) in enumerate(image.points.tolist()):
        left, top, right, bottom = (
            (x, y, x, y) if image.boxes is None else image.boxes[index].tolist()
        )
        width, height = right - left, bottom - top
        annotation = {
            "id": first_id + index,
            "image_id": image_id,
            "category_id": 1,
            "keypoints": [x, y, 2],  # 2: labelled and visible
            "num_keypoints": 1,
            "bbox": [left, top, width, height],
            "area": width * height,
            "iscrowd": 0,
        }
        if image.scores is not None:
            annotation["score"] = _number(image.scores[index])
        yield annotation


def geojson_text(result: Result) -> str:
    """Return GeoJSON points in pixels; see :meth:`raz.Result.to_geojson`."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": point},
            "properties": {"score": _number(score)},
        }
        for point, score in zip(_points(result).tolist(), _scores(result).tolist(), strict=True)
    ]
    return _dumps({"type": "FeatureCollection", "features": features})


def nwpu_line(result: Result, image_id: int | str) -> str:
    """Return a line of NWPU-Crowd's localization benchmark; see :meth:`raz.Result.to_nwpu_line`."""
    identifier = str(image_id)
    if not identifier or any(character.isspace() for character in identifier):
        raise ValueError(f"image_id is {identifier!r}; it must be a word without white space")
    floored = np.floor(_points(result)).astype(np.int64).ravel().tolist()
    return " ".join(map(str, [identifier, result.count_points, *floored]))


def inside_polygon(
    result: Result, polygon: Sequence[Sequence[float]] | npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Tell which points lie inside: bool [N]; see :meth:`raz.Result.count_in` for the rule."""
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(
            f"polygon has shape {list(corners.shape)}; it must be [M, 2] with M at least 3"
        )
    if not np.isfinite(corners).all():
        raise ValueError("polygon has a corner that is not finite")
    size = np.asarray(result.image_size, dtype=np.float64)
    points = _points(result)
    x, y = np.where(points == size, np.nextafter(size, 0), points).T
    inside = np.zeros(len(points), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Always from the smaller y to the greater: two polygons that share an edge then
        # compute the same side, bit for bit, and no point falls between them.
        (xa, ya), (xb, yb) = (a, b) if a[1] <= b[1] else (b, a)
        spans = (ya <= y) & (y < yb)
        inside ^= spans & ((x - xa) * (yb - ya) < (y - ya) * (xb - xa))
    return inside


def save(result: Result, path: str | os.PathLike[str]) -> Path:
    """Write a result in the form that the suffix names; see :meth:`raz.Result.save`."""
    path = Path(path)
    writer = _WRITERS[suffix_of(path, SUFFIXES)]
    writer(result, path)
    return path


def save_picture(picture: Image, path: str | os.PathLike[str]) -> None:
    """Write a PIL image as PNG or JPEG, by the suffix.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    image_format = _PICTURE_FORMATS[suffix_of(path, PICTURE_SUFFIXES)]
    with atomic_file(path, "wb") as file:
        picture.save(file, format=image_format)


def suffix_of(path: str | os.PathLike[str], accepted: Sequence[str]) -> str:
    """Return the accepted suffix that a file name ends in, the longest one first.

    Raises:
        ValueError: it ends in none of them.
    """
    name = Path(path).name.lower()
    for suffix in sorted(accepted, key=len, reverse=True):
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise ValueError(f"{os.fspath(path)}: the file name must end in one of {', '.join(accepted)}")


@dataclass(frozen=True)
class Collection:
    """How the results of several pictures are written into one file, one after the other."""

    item: Callable[[Result], str]
    head: str = ""
    separator: str = ""
    tail: str = ""


class CollectionWriter:
    """Write results as they come; nothing of a result is kept."""

    def __init__(self, file: IO[str], collection: Collection) -> None:
        self._file, self._collection = file, collection
        self._separator = ""
        file.write(collection.head)

    def write(self, result: Result) -> None:
        self._file.write(self._separator + self._collection.item(result))
        self._separator = self._collection.separator

    def close(self) -> None:
        """Write the end; the file stays open."""
        self._file.write(self._collection.tail)


def _csv_rows(result: Result) -> list[str]:
    located = np.column_stack([_points(result), _scores(result)]).tolist()
    return [",".join(_csv_number(value) for value in row) for row in located]


def _csv_rows_with_path(result: Result) -> str:
    name = '"' + (result.path or "").replace('"', '""') + '"'
    return "".join(f"{name},{row}\n" for row in _csv_rows(result))


def _csv_number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _region_object(region: Region) -> dict[str, Any]:
    return {
        "box": [_number(edge) for edge in region.box],
        "score": _number(region.score),
        "depth": region.depth,
        "scale": _number(region.scale),
        "points_before": region.points_before,
        "points_after": region.points_after,
        "seconds": _number(region.seconds),
        "children": [_region_object(child) for child in region.children],
    }


def _skipped_object(region: SkippedRegion) -> dict[str, Any]:
    return {
        "box": [_number(edge) for edge in region.box],
        "score": _number(region.score),
        "depth": region.depth,
        "reason": region.reason,
    }


def _number(value: float) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None


def _dumps(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _points(result: Result) -> Floats:
    return shortest(result.points.detach().cpu().numpy())


def _scores(result: Result) -> Floats:
    return shortest(result.scores.detach().cpu().numpy())


def shortest(values: npt.NDArray[np.float32]) -> Floats:
    """float64 whose printed form is the shortest that reads back as the same float32."""
    flat = [float(str(value)) for value in values.astype(np.float32).ravel()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


def _nwpu_line_by_name(result: Result) -> str:
    if result.path is None:
        raise ValueError("a picture in memory has no id; write to_nwpu_line(image_id) yourself")
    return nwpu_line(result, Path(result.path).stem) + "\n"


def _text_writer(text: Callable[[Result], str], end: str = "") -> Callable[[Result, Path], None]:
    def write(result: Result, path: Path) -> None:
        with atomic_file(path) as file:
            file.write(text(result) + end)

    return write


def _write_plot(result: Result, path: Path) -> None:
    save_picture(result.plot(), path)


_WRITERS: Mapping[str, Callable[[Result, Path], None]] = {
    ".json": _text_writer(json_text, "\n"),
    ".csv": _text_writer(csv_text),
    ".geojson": _text_writer(geojson_text, "\n"),
    ".coco.json": _text_writer(coco_text, "\n"),
    ".txt": _text_writer(_nwpu_line_by_name),
    **dict.fromkeys(_PICTURE_FORMATS, _write_plot),
}

SUFFIXES = tuple(_WRITERS)
"""Suffixes that :func:`save` knows."""

COLLECTIONS: Mapping[str, Collection] = {
    ".json": Collection(json_text, "[\n", ",\n", "\n]\n"),
    ".jsonl": Collection(lambda result: json_text(result) + "\n"),
    ".csv": Collection(_csv_rows_with_path, "path,x,y,score\n"),
    ".txt": Collection(_nwpu_line_by_name),
}
"""How several results go into one file, by its suffix."""
