"""COCO: keypoints of heads, boxes, and arrays of results.

The writer has one category, "person", with one keypoint, "head". The reader takes data sets and
arrays of results:

* Annotations of one category are heads: "head" where the file has it, else "person", else the only
  one; if labels are given, the categories of those names or ids. A category that the file does not
  define is an error. Arrays of results have the ids alone.
* The head is the keypoint "head", or the only one; if labels are given, the keypoint of that label.
  Visibility 0 means not labelled: the annotation is left out. Visibility 1 (hidden) and 2 are
  heads.
* If no annotation has keypoints, boxes are heads: their centres, or the middles of their upper
  edges. A warning says so of boxes that are of persons.
* Annotations of whole groups ("iscrowd") are left out. A warning says how many were left out, and
  of which categories.
* If every head has a box, and one of them an area, boxes give the radii and levels of protocol
  nwpu.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, distinct_keys, image_place, keyed_apart
from raz.io.formats.format import Collection, Format
from raz.io.formats.head_area import head_levels, head_radii
from raz.io.formats.shapes import HeadRule, check_extent, folded
from raz.io.formats.values import dumps, number, recorded
from raz.io.text import checked_list, checked_object, clipped, number_rows, whole_size
from raz.io.text import number as read_number

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["coco_document", "coco_text", "read_coco", "read_coco_results"]

log = logging.getLogger(__name__)

_PERSON = {"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}
_HEAD = "head"


def coco_text(result: Result, *, image_id: int = 1) -> str:
    """Return COCO keypoints as JSON; see :meth:`raz.Result.to_coco`.

    Example:
        >>> import json
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]))
        >>> text = coco_text(SimpleNamespace(path="a.jpg", image_size=(9, 9), count=1.0, **head))
        >>> json.loads(text)["annotations"][0]["keypoints"]
        [3.5, 4.25, 2]
    """
    return dumps(coco_document([recorded(result, finite=True)], first_id=image_id))


def coco_document(images: Iterable[ImagePoints], *, first_id: int = 1) -> dict[str, Any]:
    """Return COCO keypoints of images whose ids count from ``first_id``.

    Boxes are empty where they are not known.

    Example:
        >>> import numpy as np
        >>> image = ImagePoints(name="a.jpg", size=(9, 9), points=np.array([[3.5, 4.25]]))
        >>> coco_document([image])["annotations"][0]["bbox"]
        [3.5, 4.25, 0.0, 0.0]
    """
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=first_id):
        entries.append(_image_entry(image, image_id))
        annotations += _annotations(image, image_id, first_id=len(annotations) + 1)
    return {"images": entries, "categories": [_PERSON], "annotations": annotations}


def coco_collection() -> Collection[ImagePoints]:
    """Return a collection that writes annotations as they come, and the images at the end.

    Of each image about 100 bytes are kept for the list of images.
    """
    entries: list[str] = []
    number_of_annotations = 0

    def item(image: ImagePoints) -> str:
        nonlocal number_of_annotations
        image_id = len(entries) + 1
        entries.append(dumps(_image_entry(image, image_id)))
        texts = list(map(dumps, _annotations(image, image_id, first_id=number_of_annotations + 1)))
        continued = ",\n" if number_of_annotations and texts else ""
        number_of_annotations += len(texts)
        return continued + ",\n".join(texts)

    def tail(written: int) -> str:
        images = ",\n".join(entries[:written])
        return f'\n], "categories": [{dumps(_PERSON)}], "images": [\n{images}\n]}}\n'

    return Collection(item, '{"annotations": [\n', tail=tail)


def read_coco(document: dict[str, Any], path: str, rule: HeadRule | None = None) -> PointFile:
    """Read a data set: "images", "annotations", "categories"; see the module for what is a head.

    Raises:
        InputError: it is something else; the message names the place.

    Example:
        >>> document = {
        ...     "images": [{"id": 5, "file_name": "a.jpg"}],
        ...     "annotations": [{"image_id": 5, "keypoints": [3.5, 4.25, 2]}],
        ... }
        >>> read_coco(document, "truth.json").images["a"].points.tolist()
        [[3.5, 4.25]]
    """
    images: dict[str, _Image] = {}
    keys: dict[str, str] = {}
    for index, entry in enumerate(checked_list(document.get("images"), f"{path}: images")):
        where = f"{path}: images[{index}]"
        entry = checked_object(entry, where)
        name = _name(entry, where)
        key = image_place(name)
        if key in images or str(entry["id"]) in keys:
            raise InputError(f"{where}: image {key} (id {entry['id']}) is there twice")
        keys[str(entry["id"])] = key
        images[key] = _Image(name, _size(entry, where))
    if not images:
        raise InputError(f"{path}: holds no image")
    annotations = checked_list(document["annotations"], f"{path}: annotations")
    heads = _Heads(document, annotations, path, rule or HeadRule())
    for index, entry in enumerate(annotations):
        where = f"{path}: annotations[{index}]"
        entry = checked_object(entry, where)
        known = keys.get(str(entry.get("image_id")))
        if known is None:
            raise InputError(
                f"{where}: image_id {clipped(entry.get('image_id'))} is not among the images"
            )
        heads.add(images[known], entry, where)
    apart = distinct_keys(images)
    return heads.finished(keyed_apart(images), {id: apart[key] for id, key in keys.items()})


def read_coco_results(document: list[Any], path: str, rule: HeadRule | None = None) -> PointFile:
    """Read an array of results: each "image_id", "keypoints" or "bbox", and perhaps "score".

    Images are known by their ids until a data set gives them names. The label of a box is the
    number of its category.

    Example:
        >>> result = {"image_id": 5, "keypoints": [3.5, 4.25, 1], "score": 0.5}
        >>> read_coco_results([result], "results.json").images["5"].scores.tolist()
        [0.5]
    """
    rule = rule or HeadRule()
    images: dict[str, _Image] = {}
    labels = (*(rule.labels or ()), *rule.ids)
    heads = _Heads({}, document, path, replace(rule, labels=labels or None))
    for index, entry in enumerate(document):
        where = f"{path}: [{index}]"
        entry = checked_object(entry, where)
        if not isinstance(entry.get("image_id"), (int, str)):
            raise InputError(f"{where}: has no image_id")
        key = str(entry["image_id"])
        # Results state no visibility: a model says 0 for what it found, too.
        heads.add(images.setdefault(key, _Image(key)), entry, where, any_visibility=True)
    return replace(heads.finished(images, {}), by_id=True)


@dataclass
class _Image:
    name: str
    size: tuple[int, int] | None = None
    points: list[list[float]] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    boxes: list[list[float] | None] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


class _Heads:
    """Take the heads out of annotations, by the keypoints or the boxes that these have."""

    def __init__(
        self, document: dict[str, Any], annotations: list[Any], path: str, rule: HeadRule
    ) -> None:
        self._path = path
        self._categories = _categories(document, path)
        self._rule = _with_names_of_ids(rule, self._categories)
        self._others: Counter[str] = Counter()
        self._hidden = 0
        found = [entry for entry in annotations if isinstance(entry, dict)]
        self._boxes = any("bbox" in entry for entry in found) and not any(
            entry.get("keypoints") for entry in found
        )
        if self._boxes:
            found = [entry for entry in found if "bbox" in entry]
        else:  # a box beside keypoints is of another thing
            found = [entry for entry in found if "keypoints" in entry or "bbox" not in entry]
        self._chosen = self._choose(found)
        if self._boxes and self._chosen == {"person"} and rule.anchor == "center":
            log.warning(
                "%s: boxes of persons are read as heads at their centres; anchor top reads the "
                "middles of their upper edges",
                path,
            )

    def add(
        self, image: _Image, entry: dict[str, Any], where: str, *, any_visibility: bool = False
    ) -> None:
        """Add the head of an annotation to its image, or count it as left out."""
        box = entry.get("bbox")
        if box is not None:
            box = number_rows([box], (4,), f"{where}.bbox").tolist()[0]
            box = box if box[2] >= 0 and box[3] >= 0 else None
        self._check_category(entry, where)
        label = self._label(entry)
        taken = folded(label) in self._chosen
        seen = True
        if self._boxes:
            if box is None:
                raise InputError(f"{where}.bbox: must be [x, y, width, height]")
            x, y = self._rule.place(_center(box), box[3], 0.0)
            box = box if self._rule.keeps_boxes else None
        elif "keypoints" not in entry and box is not None:  # of another category
            x = y = 0.0
            seen = False
        elif taken and not entry.get("iscrowd"):
            place = self._place(entry, where)
            x, y, visibility = _keypoint(entry, place, where)
            seen = visibility != 0 or any_visibility
        if not taken:
            self._others[label] += 1
            return
        if not seen or entry.get("iscrowd"):
            self._hidden += 1
            return
        image.points.append([x, y])
        scored = entry.get("score") is not None
        image.scores.append(read_number(entry["score"], f"{where}.score") if scored else None)
        image.boxes.append(box)
        image.labels.append(label)

    def finished(self, images: dict[str, _Image], keys: dict[str, str]) -> PointFile:
        """Return the file of all images."""
        if self._others:
            listed = ", ".join(
                f"{n} {clipped(label)!r}" for label, n in sorted(self._others.items())
            )
            log.warning(
                "%s: %d annotations of other categories left out (%s)",
                self._path, self._others.total(), listed,
            )  # fmt: skip
        if self._hidden:
            log.warning(
                "%s: %d annotations without a single visible head left out",
                self._path,
                self._hidden,
            )
        scored = {score is not None for image in images.values() for score in image.scores}
        if len(scored) > 1:
            raise InputError(f"{self._path}: some annotations have a score and some have none")
        boxes = [box for image in images.values() for box in image.boxes]
        sized = [box for box in boxes if box is not None]
        # Tools write a box without area for a head that has none, but then all are.
        has_area = any(width > 0 and height > 0 for _, _, width, height in sized)
        boxed = len(sized) == len(boxes) and (has_area or not boxes)
        chosen = [id for id, (name, _) in self._categories.items() if folded(name) in self._chosen]
        return PointFile(
            path=self._path,
            kind="coco",
            categories=tuple(chosen),
            images={
                key: _record(image, self._path, scored=scored == {True}, boxed=boxed)
                for key, image in images.items()
            },
            keys=keys,
        )

    def _choose(self, annotations: list[dict[str, Any]]) -> frozenset[str]:
        """The folded names of the categories that are heads."""
        used = sorted({self._label(entry) for entry in annotations})
        if self._boxes:
            declared = [name for name, _ in self._categories.values()]
            return self._rule.chosen([*declared, *used], self._path)
        able = {category for category, (_, points) in self._categories.items() if points}
        wanted = {folded(label) for label in self._rule.labels or ()}
        by_keypoint = {
            folded(name) for name, points in self._categories.values() if wanted & {*points}
        }
        if by_keypoint or not (used or able):
            return frozenset(by_keypoint)
        declared = [
            name for id, (name, _) in self._categories.items() if id in able or name in used
        ]
        return self._rule.chosen([*declared, *used], self._path)

    def _check_category(self, entry: dict[str, Any], where: str) -> None:
        if not self._categories:
            return
        category = entry.get("category_id")
        if category is None and len(self._categories) > 1:
            raise InputError(f"{where}: has no category_id, and there are several categories")
        if category is not None and str(category) not in self._categories:
            raise InputError(
                f"{where}: category_id {clipped(category)} is not among the categories"
            )

    def _label(self, entry: dict[str, Any]) -> str:
        category = entry.get("category_id")
        if category is None and len(self._categories) == 1:
            [category] = self._categories
        category = "" if category is None else str(category)
        return self._categories[category][0] if category in self._categories else category

    def _place(self, entry: dict[str, Any], where: str) -> int | None:
        """Which keypoint is the head; None where the category does not name its keypoints."""
        label = self._label(entry)
        names = next((points for name, points in self._categories.values() if name == label), [])
        wanted = (*(self._rule.labels or ()), _HEAD)
        places = [names.index(name) for name in map(folded, wanted) if name in names]
        return places[0] if places else None


def _categories(document: dict[str, Any], path: str) -> dict[str, tuple[str, list[str]]]:
    """The name of each category, and the folded names of its keypoints, by id."""
    categories: dict[str, tuple[str, list[str]]] = {}
    where = f"{path}: categories"
    for index, entry in enumerate(checked_list(document.get("categories", []), where)):
        entry = checked_object(entry, f"{where}[{index}]")
        names = entry.get("keypoints")
        names = [folded(str(name)) for name in names] if isinstance(names, list) else []
        identifier = str(entry.get("id"))
        categories[identifier] = str(entry.get("name", identifier)), names
    return categories


def _with_names_of_ids(rule: HeadRule, categories: dict[str, tuple[str, list[str]]]) -> HeadRule:
    """The same rule, which knows by their names the categories that it names by ids."""
    if rule.labels is None:
        return rule
    wanted = {*map(folded, rule.labels)}
    named = [name for id, (name, _) in categories.items() if folded(id) in wanted]
    return replace(rule, labels=(*rule.labels, *named))


def _record(image: _Image, path: str, *, scored: bool, boxed: bool) -> ImagePoints:
    points = np.array(image.points, dtype=np.float64).reshape(-1, 2)
    boxes = np.array(image.boxes if boxed else [], dtype=np.float64).reshape(-1, 4)
    with np.errstate(over="ignore"):
        boxes[:, 2:] += boxes[:, :2]
    check_extent(points, boxes, f"{path}: image {image.name}")
    return ImagePoints(
        name=image.name,
        points=points,
        scores=np.array(image.scores, dtype=np.float64) if scored else None,
        boxes=boxes if boxed else None,
        sigmas=head_radii(boxes) if boxed else None,
        levels=head_levels(boxes) if boxed else None,
        head_labels=tuple(image.labels),
        size=image.size,
    )


def _center(box: list[float]) -> tuple[float, float]:
    left, top, width, height = box
    return left + width / 2, top + height / 2


def _keypoint(entry: dict[str, Any], place: int | None, where: str) -> tuple[float, float, float]:
    values = checked_list(entry.get("keypoints"), f"{where}.keypoints")
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
    x, y, visibility = (read_number(value, f"{where}.keypoints") for value in part)
    return x, y, visibility


def _name(entry: dict[str, Any], where: str) -> str:
    if not isinstance(entry.get("id"), (int, str)):
        raise InputError(f"{where}: has no id")
    name = entry.get("file_name")
    return name if isinstance(name, str) and name else str(entry["id"])


def _size(entry: dict[str, Any], where: str) -> tuple[int, int] | None:
    if entry.get("width") is None or entry.get("height") is None:
        return None
    width, height = (read_number(entry[side], f"{where}.{side}") for side in ("width", "height"))
    return whole_size(width, height, where)


def _image_entry(image: ImagePoints, image_id: int) -> dict[str, Any]:
    size = {} if image.size is None else {"width": image.size[0], "height": image.size[1]}
    return {"id": image_id, **size, "file_name": image.name}


def _annotations(image: ImagePoints, image_id: int, *, first_id: int) -> Iterator[dict[str, Any]]:
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
            annotation["score"] = number(image.scores[index])
        yield annotation


def _collection() -> Collection[Result]:
    records = coco_collection()
    return Collection(
        lambda result: records.item(recorded(result, finite=True)), records.head, tail=records.tail
    )


FORMAT = Format(
    name="coco",
    suffixes=(".coco.json",),
    text=lambda result: coco_text(result) + "\n",
    collection=_collection,
)
