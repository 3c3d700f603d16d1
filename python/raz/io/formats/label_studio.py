"""Label Studio's JSON: tasks with annotations or predictions, coordinates in percent of the image.

The writer gives predictions: key points labelled "head", for a labelling configuration with
``<Image name="image" value="$image"/>`` and a ``<KeyPointLabels name="label" toName="image">``.
Records without scores become annotations.

The reader takes the exports "JSON" and "JSON-MIN":

* Key points, rectangles and ellipses are heads; see :class:`raz.io.formats.shapes.HeadRule`. Other
  regions, such as polygons and brushes, are skipped with a warning.
* If a task has several annotations, the one marked as ground truth is read, else the one updated
  last. Cancelled annotations are not read.
* Predictions are read only from a file without any annotation: the last prediction of each task. In
  a file with annotations, a task without one is left out with a warning, for its image has not been
  annotated.
* A coordinate that was computed from a float32, as raz writes it, becomes that float32 again.
* The image's name is ``data.image``, or the only text in ``data`` that names an image. For an
  uploaded file, the prefix of eight characters that Label Studio adds is removed. For local storage
  and web addresses, the name is that of the file they point to.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_key
from raz.io.decoding import IMAGE_SUFFIXES
from raz.io.formats.format import Collection, Format
from raz.io.formats.shapes import DrawnImage, Head, HeadRule, drawn_file, upright_box
from raz.io.formats.values import as_float32, dumps, number, recorded
from raz.io.text import checked_list, checked_object, clipped, whole_size
from raz.io.text import number as read_number

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["Tags", "label_studio_text", "prediction", "read_label_studio", "task_text"]

log = logging.getLogger(__name__)

_DOT = 0.5
"""Size at which a key point is drawn, in percent of the image's width."""

_SHAPES = ("keypoint", "rectangle", "ellipse")
_REGIONS = ("polygon", "brush", "bitmask", "vector", "magicwand", "videorectangle")
_SERVED = re.compile(
    r"(?:https?://[^/]*)?/data/"
    r"(?:upload/(?:\d+/)?(?:[0-9a-f]{8}-)?(?P<name>[^/?#]+)|local-files/\?d=(?P<path>[^&#]*))"
    r"(?:[?&#].*)?",
    re.DOTALL,
)
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<path>.*)", re.DOTALL)


class Tags(NamedTuple):
    """Names in a labelling configuration; by default those that :mod:`raz.io` writes.

    Attributes:
        control: of the <KeyPointLabels>.
        image: of the <Image>.
        label: of a head.

    Example:
        >>> Tags(label="person").control
        'label'
    """

    control: str = "label"
    image: str = "image"
    label: str = "head"


_WRITTEN = Tags()


def label_studio_text(result: Result) -> str:
    """Return an array of one task; see :meth:`raz.Result.to_label_studio`.

    Example:
        >>> import json
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.5]]), scores=torch.tensor([0.5]), model="m")
        >>> image = SimpleNamespace(path="a.jpg", image_size=(10, 9), count=1.0, **head)
        >>> json.loads(label_studio_text(image))[0]["predictions"][0]["result"][0]["value"]["x"]
        35.0
    """
    return f"[{_task(result)}]"


def task_text(image: ImagePoints) -> str:
    """Return a record as a task with an annotation, or with a prediction where it has scores.

    Raises:
        InputError: the image's size is not known, which percent are of.

    Example:
        >>> import json
        >>> import numpy as np
        >>> image = ImagePoints(name="a.jpg", size=(10, 9), points=np.array([[3.5, 4.5]]))
        >>> json.loads(task_text(image))["annotations"][0]["result"][0]["value"]["y"]
        50.0
    """
    if image.size is None and len(image.points):
        raise InputError(f"image {image.name}: its size is not known; Label Studio needs it")
    kind = "annotations" if image.scores is None else "predictions"
    return dumps({"data": {"image": image.name}, kind: [{"result": list(_key_points(image))}]})


def read_label_studio(document: Any, path: str, rule: HeadRule | None = None) -> PointFile:
    """Read tasks as Label Studio exports them; see the module for what is a head.

    Raises:
        InputError: it is something else, a size is missing, or the image is turned.

    Example:
        >>> value = {"x": 35, "y": 50, "width": 0.5, "keypointlabels": ["Head"]}
        >>> entry = {"type": "keypointlabels", "value": value}
        >>> entry |= {"original_width": 10, "original_height": 9}
        >>> task = {"data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}}
        >>> task |= {"annotations": [{"result": [entry]}]}
        >>> read_label_studio([task], "export.json").images["a"].points.tolist()
        [[3.5, 4.5]]
    """
    tasks = document if isinstance(document, list) else [document]
    minimal = is_minimal(tasks[0])
    read = _minimal_tasks(tasks, path) if minimal else _tasks(tasks, path)
    regions = _Regions(rule or HeadRule())
    images = [
        (task.where, regions.drawn(task.name, entries)) for task, entries in _chosen(read, path)
    ]
    if not images:
        raise InputError(f"{path}: holds no annotated task")
    file = drawn_file(path, "label-studio", images, regions.rule, other=regions.other)
    exact = {
        key: replace(image, points=as_float32(image.points)) for key, image in file.images.items()
    }
    return replace(file, images=exact)


def is_task(entry: Any) -> bool:
    """Tell whether an object is a task of the export "JSON", or of a file to import."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("data"), dict)
        and any(key in entry for key in ("annotations", "predictions", "completions"))
    )


def is_minimal(entry: Any) -> bool:
    """Tell whether an object is a task of the export "JSON-MIN"."""
    return isinstance(entry, dict) and "annotation_id" in entry and "data" not in entry


Entries = list[tuple[str, dict[str, Any]]]
"""Entries of a result, each with its place."""


class _Task(NamedTuple):
    """What a task has: entries of each annotation that counts, and of each prediction."""

    name: str
    where: str
    annotations: list[tuple[Mapping[str, Any], Entries]]
    predictions: list[Entries]


def _tasks(tasks: list[Any], path: str) -> Iterator[_Task]:
    for index, task in enumerate(tasks):
        where = f"{path}: [{index}]"
        task = checked_object(task, where)
        data = checked_object(task.get("data"), f"{where}.data")
        found: dict[str, list[tuple[Mapping[str, Any], Entries]]] = {}
        for kind in ("annotations", "predictions"):
            old = "completions" if kind == "annotations" else kind
            given = task.get(kind, task.get(old)) or []
            found[kind] = []
            for place, one in enumerate(checked_list(given, f"{where}.{kind}")):
                if isinstance(one, int):  # an export may name predictions by their ids alone
                    continue
                within = f"{where}.{kind}[{place}]"
                one = checked_object(one, within)
                if not one.get("was_cancelled"):
                    found[kind].append((one, _entries(one.get("result", []), f"{within}.result")))
        predictions = [entries for _, entries in found["predictions"]]
        yield _Task(_name(data), where, found["annotations"], predictions)


def _entries(result: Any, where: str) -> Entries:
    return [
        (f"{where}[{index}]", checked_object(entry, f"{where}[{index}]"))
        for index, entry in enumerate(checked_list(result, where))
    ]


def _minimal_tasks(tasks: list[Any], path: str) -> Iterator[_Task]:
    """Tasks of JSON-MIN, which has an object for each annotation; those of one image in one."""
    joined: dict[str, _Task] = {}
    for index, task in enumerate(tasks):
        where = f"{path}: [{index}]"
        task = checked_object(task, where)
        name = _name(task)
        entries: Entries = []
        for key, values in task.items():
            for place, value in enumerate(values if isinstance(values, list) else ()):
                if isinstance(value, dict) and "original_width" in value:
                    size = {side: value.get(side) for side in ("original_width", "original_height")}
                    turn = {"image_rotation": value.get("image_rotation", 0)}
                    entry = {"type": _kind(value), "value": value, **size, **turn}
                    entries.append((f"{where}.{key}[{place}]", entry))
        known = joined.setdefault(image_key(name) or where, _Task(name, where, [], []))
        known.annotations.append((task, entries))
    yield from joined.values()


def _kind(value: dict[str, Any]) -> str:
    """The type of a region of JSON-MIN, which its value alone tells."""
    labels = [key for key in value if key.endswith("labels") and key != "labels"]
    if labels:
        return labels[0]
    if "radiusX" in value:
        return "ellipse"
    if "points" in value:
        return "polygon"
    if "rle" in value:
        return "brush"
    return "rectangle" if "height" in value else "keypoint"


def _chosen(tasks: Iterable[_Task], path: str) -> Iterator[tuple[_Task, Entries]]:
    tasks = list(tasks)
    annotated = any(task.annotations for task in tasks)
    bare = several = 0
    for task in tasks:
        several += len(task.annotations) > 1
        if task.annotations:
            yield task, max(enumerate(task.annotations), key=_rank)[1][1]
        elif task.predictions and not annotated:
            yield task, task.predictions[-1]
        else:
            bare += 1
    if bare:
        log.warning("%s: %d of %d tasks have no annotation; left out", path, bare, len(tasks))
    if several:
        log.warning("%s: %d tasks have several annotations; one is read", path, several)


def _rank(numbered: tuple[int, tuple[Mapping[str, Any], Entries]]) -> tuple[bool, str, int]:
    place, (annotation, _) = numbered
    # ISO 8601 in one time zone: the order of the text is that of the time.
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at", "")), place


class _Regions:
    """Turn entries of results into heads."""

    def __init__(self, rule: HeadRule) -> None:
        self.rule = rule
        self.other: Counter[str] = Counter()

    def drawn(self, name: str, entries: Entries) -> DrawnImage:
        """Return the image of a task."""
        image = DrawnImage(name)
        labels = _labels(entries)
        for where, entry in entries:
            kind = str(entry.get("type", "")).removesuffix("labels")
            value = entry.get("value")
            if kind not in _SHAPES or not isinstance(value, dict):
                self.other[kind] += kind in _REGIONS
                continue
            size = _size(entry, where)
            if image.size not in (None, size):
                raise InputError(f"{where}: is of an image of {size}, others of {image.size}")
            image.size = size
            head = self._head(kind, value, size, where)
            score = entry.get("score")
            image.heads.append(
                head._replace(
                    labels=labels.get(str(entry.get("id"))) or _labels_of(entry) or ("",),
                    score=None if score is None else read_number(score, f"{where}.score"),
                )
            )
        self.other = +self.other
        return image

    def _head(self, kind: str, value: dict[str, Any], size: tuple[int, int], where: str) -> Head:
        x, y = _pixels(value, ("x", "y"), size, where)
        if kind == "keypoint":
            return Head(x, y, ())
        degrees = read_number(value.get("rotation") or 0, f"{where}.value.rotation")
        if kind == "ellipse":
            across, down = _pixels(value, ("radiusX", "radiusY"), size, where)
            width, height, center = 2 * abs(across), 2 * abs(down), (x, y)
        else:
            width, height = _pixels(value, ("width", "height"), size, where)
            center = _turned_center((x, y), width, height, degrees)
            width, height = abs(width), abs(height)
        box = upright_box(center, width, height) if self.rule.keeps_boxes else None
        return Head(*self.rule.place(center, height, degrees), (), box=box)


def _turned_center(
    corner: tuple[float, float], width: float, height: float, degrees: float
) -> tuple[float, float]:
    """The centre of a rectangle that is turned clockwise about its upper left corner."""
    (x, y), turn = corner, math.radians(degrees)
    sine, cosine = math.sin(turn), math.cos(turn)
    return x + (width * cosine - height * sine) / 2, y + (width * sine + height * cosine) / 2


def _labels(entries: Entries) -> dict[str, tuple[str, ...]]:
    """Labels of regions by id: with <Labels> they are in an entry beside the region's."""
    return {
        str(entry["id"]): found
        for _, entry in entries
        if "id" in entry and (found := _labels_of(entry))
    }


def _labels_of(entry: dict[str, Any]) -> tuple[str, ...]:
    kind, value = str(entry.get("type", "")), entry.get("value")
    key = kind if kind.endswith("labels") else "labels"
    found = value.get(key) if isinstance(value, dict) else None
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _size(entry: dict[str, Any], where: str) -> tuple[int, int]:
    if entry.get("original_width") is None or entry.get("original_height") is None:
        raise InputError(f"{where}: has no original_width and original_height")
    width, height = (
        read_number(entry[side], f"{where}.{side}")
        for side in ("original_width", "original_height")
    )
    size = whole_size(width, height, where)
    turn = entry.get("image_rotation") or 0
    if turn:
        raise InputError(f"{where}: image_rotation is {clipped(turn)}; it must be 0")
    return size


def _pixels(
    value: dict[str, Any], names: tuple[str, str], size: tuple[int, int], where: str
) -> tuple[float, float]:
    x, y = (read_number(value.get(name), f"{where}.value.{name}") for name in names)
    return x / 100 * size[0], y / 100 * size[1]


def _name(data: Mapping[str, Any]) -> str:
    name = data.get("image")
    if not isinstance(name, str):
        files = [_file_of(value) for value in data.values() if isinstance(value, str)]
        names = [file for file in files if os.path.splitext(file)[1].lower() in IMAGE_SUFFIXES]
        return names[0] if len(names) == 1 else ""
    return _file_of(name)


def _file_of(address: str) -> str:
    """The name of the image that an address stands for."""
    served = _SERVED.fullmatch(address)
    if served:
        return unquote(served["name"] or served["path"])
    known = _ADDRESS.fullmatch(address)
    if known is None:
        return address
    if not known["scheme"].startswith("http"):
        return known["path"]
    try:
        return unquote(urlsplit(address).path)
    except ValueError:  # "http://[": text that only looks like an address
        return address


def prediction(result: Result, tags: Tags = _WRITTEN) -> dict[str, Any]:
    """Return a result as one of a task's predictions: its model, and a key point for each head.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.5]]), scores=torch.tensor([0.5]), model="m")
        >>> image = SimpleNamespace(path="a.jpg", image_size=(10, 9), count=1.0, **head)
        >>> prediction(image, Tags(label="person"))["result"][0]["value"]["keypointlabels"]
        ['person']
    """
    return {
        "model_version": result.model,
        "result": list(_key_points(recorded(result, finite=True), tags)),
    }


def _task(result: Result) -> str:
    data = {"image": result.path or "", "count": number(result.count)}
    return dumps({"data": data, "predictions": [prediction(result)]})


def _key_points(image: ImagePoints, tags: Tags = _WRITTEN) -> Iterator[dict[str, Any]]:
    width, height = image.size or (1, 1)
    scores = [math.nan] * len(image.points) if image.scores is None else image.scores.tolist()
    rows = zip(image.points.tolist(), scores, strict=True)
    for index, ((x, y), score) in enumerate(rows, start=1):
        yield {
            "id": f"head-{index}",
            "type": "keypointlabels",
            "from_name": tags.control,
            "to_name": tags.image,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "x": x * 100 / width,
                "y": y * 100 / height,
                "width": _DOT,
                "keypointlabels": [tags.label],
            },
            **({"score": score} if math.isfinite(score) else {}),
        }


FORMAT = Format(
    name="label-studio",
    suffixes=(".label-studio.json",),
    text=lambda result: label_studio_text(result) + "\n",
    collection=partial(Collection, _task, "[\n", ",\n", lambda _: "\n]\n"),
)
"""An array of tasks, a line each."""
