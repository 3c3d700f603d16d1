"""labelme's JSON, one file per image, as labelme 3 and later save it.

The reader takes shapes of the types "point", "points", "rectangle" and "circle"; see
:class:`raz.io.formats.shapes.HeadRule`. Other shapes, such as polygons, are skipped with a warning.
Coordinates are pixels of the upright image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from raz.errors import InputError
from raz.io.annotations import PointFile
from raz.io.formats.shapes import DrawnImage, Head, HeadRule, drawn_file, placed
from raz.io.text import checked_list, checked_object, image_size, number_rows

__all__ = ["Drawing", "is_labelme", "labelme_image", "read_labelme"]


class Drawing(NamedTuple):
    """An image with its shapes that may be heads, and the number of others by their type.

    Example:
        >>> Drawing(DrawnImage("a.jpg"), Counter(polygon=2)).other["polygon"]
        2
    """

    image: DrawnImage
    other: Counter[str]


def is_labelme(document: Any) -> bool:
    """Tell whether a JSON document is labelme's.

    Example:
        >>> is_labelme({"shapes": [], "imagePath": "a.jpg"}), is_labelme({"points": []})
        (True, False)
    """
    return isinstance(document, dict) and "shapes" in document and "imagePath" in document


def read_labelme(document: dict[str, Any], path: str, rule: HeadRule | None = None) -> PointFile:
    """Read the shapes of the one image of a file; see the module for what is a head.

    Raises:
        InputError: it is something else; the message names the place.

    Example:
        >>> shape = {"label": "head", "points": [[3.5, 4.25]], "shape_type": "point"}
        >>> document = {"shapes": [shape], "imagePath": "..\\\\a.jpg"}
        >>> read_labelme(document, "a.json").images["a"].points.tolist()
        [[3.5, 4.25]]
    """
    rule = rule or HeadRule()
    image, other = labelme_image(document, path, rule)
    return drawn_file(path, "labelme", [(path, image)], rule, other=other)


def labelme_image(document: dict[str, Any], path: str, rule: HeadRule) -> Drawing:
    """Return the image of a document with all of its shapes, whatever their labels.

    Raises:
        InputError: it is something else; the message names the place.

    Example:
        >>> shape = {"label": "flag", "points": [[1, 2], [3, 6]], "shape_type": "rectangle"}
        >>> drawing = labelme_image({"shapes": [shape], "imagePath": "a.jpg"}, "f", HeadRule())
        >>> drawing.image.heads[0].x, drawing.image.heads[0].y
        (2.0, 4.0)
    """
    name = document["imagePath"]
    sides = [document.get("imageWidth"), document.get("imageHeight")]
    size = None if None in sides else image_size(sides, f"{path}: imageWidth, imageHeight")
    image = DrawnImage(name if isinstance(name, str) else "", size)
    other: Counter[str] = Counter()
    for index, shape in enumerate(checked_list(document["shapes"], f"{path}: shapes")):
        where = f"{path}: shapes[{index}]"
        shape = checked_object(shape, where)
        kind = str(shape.get("shape_type", "polygon"))
        if kind not in _READERS:
            other[kind] += 1
            continue
        points = number_rows(shape.get("points"), (2,), f"{where}.points").tolist()
        if kind != "points" and len(points) != _READERS[kind]:
            raise InputError(
                f"{where}.points: has {len(points)} points; a {kind} has {_READERS[kind]}"
            )
        labels = (str(shape.get("label") or ""),)
        image.heads += _heads(kind, points, labels, rule)
    return Drawing(image, other)


_READERS = {"point": 1, "points": 0, "rectangle": 2, "circle": 2}
"""Points of a shape that may be a head, by its type; of "points" any number."""


def _heads(
    kind: str, points: list[list[float]], labels: tuple[str, ...], rule: HeadRule
) -> Iterator[Head]:
    if kind in ("point", "points"):
        yield from (Head(x, y, labels) for x, y in points)
        return
    (x, y), (u, v) = points
    if kind == "rectangle":
        center, width, height = ((x + u) / 2, (y + v) / 2), abs(u - x), abs(v - y)
    else:  # the centre, and a point on the circle
        center, width = (x, y), 2 * math.hypot(u - x, v - y)
        height = width
    yield placed(center, width, height, labels, rule)
