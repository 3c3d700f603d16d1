"""Reads heads from COCO keypoints JSON: data sets, and arrays of results."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from raz.errors import InputError
from raz.io.points.annotations import ImagePoints, PointFile, image_key
from raz.io.points.head_area import head_levels, head_radii
from raz.io.points.text import number, number_rows

__all__ = ["read_coco", "read_coco_results"]

log = logging.getLogger(__name__)

_HEAD = "head"


@dataclass
class _Image:
    size: tuple[int, int] | None = None
    points: list[list[float]] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    boxes: list[list[float] | None] = field(default_factory=list)


def read_coco(document: dict[str, Any], path: str) -> PointFile:
    """Reads a data set: "images", "annotations", "categories".

    The head is the keypoint of that name, or the only one. Annotations without it (visibility 0)
    and those of whole groups ("iscrowd") are left out. Where every head has a box with an area,
    boxes give the radii and levels of protocol nwpu.
    """
    images: dict[str, _Image] = {}
    keys: dict[str, str] = {}
    for index, entry in enumerate(_list(document.get("images"), f"{path}: images")):
        where = f"{path}: images[{index}]"
        entry = _object(entry, where)
        key = image_key(_name(entry, where))
        if key in images or str(entry["id"]) in keys:
            raise InputError(f"{where}: image {key} (id {entry['id']}) is there twice")
        keys[str(entry["id"])] = key
        images[key] = _Image(_size(entry, where))
    if not images:
        raise InputError(f"{path}: holds no image")
    heads = _head_places(document, path)
    left_out = 0
    for index, entry in enumerate(_list(document["annotations"], f"{path}: annotations")):
        where = f"{path}: annotations[{index}]"
        entry = _object(entry, where)
        known = keys.get(str(entry.get("image_id")))
        if known is None:
            raise InputError(f"{where}: image_id {entry.get('image_id')} is not among the images")
        place = heads.get(str(entry.get("category_id")))
        x, y, visibility = _keypoint(entry, place, where)
        if visibility == 0 or entry.get("iscrowd"):
            left_out += 1
            continue
        _append(images[known], entry, x, y, where)
    if left_out:
        log.warning("%s: %d annotations without a single visible head left out", path, left_out)
    return _finished(images, path, keys)


def read_coco_results(document: list[Any], path: str) -> PointFile:
    """Reads an array of results: each "image_id", "keypoints" and perhaps "score".

    Images are known by their ids until a data set gives them names.
    """
    images: dict[str, _Image] = {}
    for index, entry in enumerate(document):
        where = f"{path}: [{index}]"
        entry = _object(entry, where)
        if not isinstance(entry.get("image_id"), (int, str)):
            raise InputError(f"{where}: has no image_id")
        x, y, _ = _keypoint(entry, None, where)
        _append(images.setdefault(str(entry["image_id"]), _Image()), entry, x, y, where)
    return replace(_finished(images, path, {}), by_id=True)


def _append(image: _Image, entry: dict[str, Any], x: float, y: float, where: str) -> None:
    image.points.append([x, y])
    scored = entry.get("score") is not None
    image.scores.append(number(entry["score"], f"{where}.score") if scored else None)
    box = entry.get("bbox")
    if box is not None:
        box = number_rows([box], (4,), f"{where}.bbox").tolist()[0]
    image.boxes.append(box if box and box[2] >= 0 and box[3] >= 0 else None)


def _finished(images: dict[str, _Image], path: str, keys: dict[str, str]) -> PointFile:
    scored = {score is not None for image in images.values() for score in image.scores}
    if len(scored) > 1:
        raise InputError(f"{path}: some annotations have a score and some have none")
    boxes = [box for image in images.values() for box in image.boxes]
    sized = [box for box in boxes if box is not None]
    # Tools write a box without area for a head that has none, but then all are.
    has_area = any(width > 0 and height > 0 for _, _, width, height in sized)
    boxed = len(sized) == len(boxes) and (has_area or not boxes)
    return PointFile(
        path=path,
        kind="coco",
        images={
            key: _image_points(image, scored=scored == {True}, boxed=boxed)
            for key, image in images.items()
        },
        keys=keys,
    )


def _image_points(image: _Image, *, scored: bool, boxed: bool) -> ImagePoints:
    boxes = np.array(image.boxes if boxed else [], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return ImagePoints(
        points=np.array(image.points, dtype=np.float64).reshape(-1, 2),
        scores=np.array(image.scores, dtype=np.float64) if scored else None,
        sigmas=head_radii(boxes) if boxed else None,
        levels=head_levels(boxes) if boxed else None,
        size=image.size,
    )


def _head_places(document: dict[str, Any], path: str) -> dict[str, int]:
    """Which keypoint is the head, by category, for categories that name their keypoints."""
    places = {}
    for index, entry in enumerate(_list(document.get("categories", []), f"{path}: categories")):
        entry = _object(entry, f"{path}: categories[{index}]")
        names = entry.get("keypoints")
        if isinstance(names, list) and _HEAD in names:
            places[str(entry.get("id"))] = names.index(_HEAD)
    return places


def _keypoint(entry: dict[str, Any], place: int | None, where: str) -> tuple[float, float, float]:
    values = _list(entry.get("keypoints"), f"{where}.keypoints")
    if not values or len(values) % 3:
        raise InputError(f"{where}.keypoints: has {len(values)} numbers; it must be x, y, v, ...")
    if place is None and len(values) > 3:
        raise InputError(
            f"{where}.keypoints: has {len(values) // 3} points, none of which is named head"
        )
    place = place or 0
    if 3 * place >= len(values):
        raise InputError(f"{where}.keypoints: has {len(values) // 3} points; head is {place + 1}")
    part = values[3 * place : 3 * place + 3]
    x, y, visibility = (number(value, f"{where}.keypoints") for value in part)
    return x, y, visibility


def _name(entry: dict[str, Any], where: str) -> str:
    if not isinstance(entry.get("id"), (int, str)):
        raise InputError(f"{where}: has no id")
    name = entry.get("file_name")
    return name if isinstance(name, str) and name else str(entry["id"])


def _size(entry: dict[str, Any], where: str) -> tuple[int, int] | None:
    if entry.get("width") is None or entry.get("height") is None:
        return None
    width, height = (number(entry[side], f"{where}.{side}") for side in ("width", "height"))
    if width < 1 or height < 1:
        raise InputError(f"{where}: width and height must be at least 1")
    return int(width), int(height)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: is not an array")
    return value


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: is not an object")
    return value
