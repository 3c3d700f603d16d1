"""VGG Image Annotator (VIA): projects and annotations of versions 1 to 3, as JSON or CSV.

The reader takes points, rectangles, circles and ellipses; see
:class:`raz.io.formats.shapes.HeadRule`. Other shapes, such as polygons, are skipped with a warning,
and so is what belongs to a time of a video. The labels of a shape are the values of its attributes,
the ticked boxes of a checkbox, and, where labels are given, the names of attributes with a value.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from raz.errors import InputError
from raz.io.annotations import PointFile
from raz.io.formats.shapes import DrawnImage, Head, HeadRule, drawn_file, placed
from raz.io.text import checked_list, checked_object, number, open_file, parse_json

__all__ = ["is_via", "is_via_table", "read_via", "read_via_table"]

_METADATA = "_via_img_metadata"
_TABLE = ("filename", "region_shape_attributes", "region_attributes")
_SHAPES_OF_3 = {1: "point", 2: "rect", 3: "circle", 4: "ellipse", 5: "line", 6: "polyline"}
_FIELDS = {
    "point": ("cx", "cy"),
    "rect": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
}
"""What may be a head, and its numbers."""

Images = dict[str, tuple[str, DrawnImage]]


def is_via(document: Any) -> bool:
    """Tell whether a JSON document is VIA's: a project, or annotations by file.

    Example:
        >>> is_via({"a.jpg55": {"filename": "a.jpg", "size": 55, "regions": []}}), is_via({})
        (True, False)
    """
    if not isinstance(document, dict) or not document:
        return False
    if _METADATA in document or {"project", "view", "metadata", "file"} <= document.keys():
        return True
    files = document.values()
    return all(isinstance(each, dict) and {"filename", "regions"} <= each.keys() for each in files)


def is_via_table(line: str) -> bool:
    """Tell whether a file's first line is the header of VIA's CSV.

    Example:
        >>> is_via_table("#filename,file_size,region_shape_attributes,region_attributes")
        True
    """
    return set(_TABLE) <= set(_names(line.split(",")))


def read_via(document: dict[str, Any], path: str, rule: HeadRule | None = None) -> PointFile:
    """Read a project or annotations; see the module for what is a head.

    Raises:
        InputError: it is something else; the message names the place.

    Example:
        >>> region = {"shape_attributes": {"name": "point", "cx": 3, "cy": 4}}
        >>> region["region_attributes"] = {"kind": "head"}
        >>> file = {"filename": "a.jpg", "size": 55, "regions": [region]}
        >>> read_via({"a.jpg55": file}, "via.json").images["a"].points.tolist()
        [[3.0, 4.0]]
    """
    regions = _Regions(path, rule or HeadRule())
    if {"file", "metadata", "view"} <= document.keys():
        regions.read_3(document)
    else:
        inner = document.get(_METADATA, document)
        for key, entry in checked_object(inner, f"{path}: {_METADATA}").items():
            regions.read_file(checked_object(entry, f"{path}: {key}"), f"{path}: {key}")
    return regions.finished()


def read_via_table(path: str, rule: HeadRule | None = None) -> PointFile:
    """Read CSV with a line per shape; see the module for what is a head.

    Raises:
        InputError: it is something else; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("filename,region_shape_attributes,region_attributes\\n")
        ...     _ = file.write('a.jpg,"{""name"":""point"",""cx"":3,""cy"":4}",{}\\n')
        ...     file.flush()
        ...     read_via_table(file.name).images["a"].points.tolist()
        [[3.0, 4.0]]
    """
    regions = _Regions(path, rule or HeadRule())
    with open_file(path, newline="") as file:
        reader = csv.reader(file)
        try:
            names = _names(next((row for row in reader if row), []))
            for row in reader:
                if row:
                    where = f"{path}:{reader.line_num}"
                    if len(row) != len(names):
                        raise InputError(f"{where}: has {len(row)} fields, the header {len(names)}")
                    regions.read_row(dict(zip(names, row, strict=True)), where, reader.line_num)
        except csv.Error as error:
            raise InputError(f"{path}:{reader.line_num}: is not CSV: {error}") from None
    return regions.finished()


def _names(fields: list[str]) -> list[str]:
    return [name.strip().strip('"').lstrip("#").strip() for name in fields]


class _Regions:
    """Take images and shapes out of a file."""

    def __init__(self, path: str, rule: HeadRule) -> None:
        self.path, self.rule = path, rule
        self.images: list[tuple[str, DrawnImage]] = []
        self.rows: dict[str, DrawnImage] = {}  # those of lines of CSV, by name
        self.other: Counter[str] = Counter()

    def finished(self) -> PointFile:
        if not self.images:
            raise InputError(f"{self.path}: holds no image")
        return drawn_file(self.path, "via", self.images, self.rule, other=self.other)

    def read_file(self, entry: dict[str, Any], where: str) -> None:
        """Add the image of one file of VIA 1 and 2."""
        image = self._image(entry.get("filename"), where)
        regions = entry.get("regions") or []
        named = (
            regions.items()
            if isinstance(regions, dict)
            else enumerate(checked_list(regions, f"{where}.regions"))
        )
        for index, region in named:
            within = f"{where}.regions[{index}]"
            region = checked_object(region, within)
            shape = checked_object(region.get("shape_attributes"), f"{within}.shape_attributes")
            self._add(image, shape, region.get("region_attributes"), f"{within}.shape_attributes")

    def read_row(self, row: dict[str, str], where: str, line: int) -> None:
        """Add the shape of a line of CSV; a line without one stands for an image without any."""
        name = row["filename"]
        image = self.rows.get(name) or self._image(name, where, line)
        self.rows[name] = image
        shape = checked_object(parse_json(row["region_shape_attributes"] or "{}", where), where)
        if shape:
            attributes = parse_json(row["region_attributes"] or "{}", where)
            self._add(image, shape, attributes, where)

    def read_3(self, document: dict[str, Any]) -> None:
        """Add the images and shapes of a project of VIA 3."""
        listed = checked_object(document["file"], f"{self.path}: file")
        views = checked_object(document["view"], f"{self.path}: view")
        images = {}
        for key, file in listed.items():
            where = f"{self.path}: file[{key}]"
            images[key] = self._image(checked_object(file, where).get("fname"), where)
        for key, entry in checked_object(document["metadata"], f"{self.path}: metadata").items():
            where = f"{self.path}: metadata[{key}]"
            entry = checked_object(entry, where)
            view = checked_object(views.get(str(entry.get("vid"))), f"{where}: its view")
            files = checked_list(view.get("fid_list"), f"{where}: its view")
            if len(files) != 1 or str(files[0]) not in images:
                raise InputError(f"{where}: its view must be of one file")
            xy = checked_list(entry.get("xy"), f"{where}.xy")
            if not xy:
                continue  # of the whole file, or of a time
            kind = _SHAPES_OF_3.get(xy[0], "polygon") if isinstance(xy[0], int) else "polygon"
            if entry.get("z"):
                self.other["of a time"] += 1
                continue
            shape = {"name": kind} | dict(zip(_FIELDS.get(kind, ()), xy[1:], strict=False))
            self._add(images[str(files[0])], shape, entry.get("av"), f"{where}.xy")

    def _image(self, name: Any, where: str, line: int | None = None) -> DrawnImage:
        if not isinstance(name, str) or not name:
            raise InputError(f"{where}: names no image")
        image = DrawnImage(name, line=line)
        self.images.append((where, image))
        return image

    def _add(self, image: DrawnImage, shape: dict[str, Any], attributes: Any, where: str) -> None:
        kind = str(shape.get("name"))
        if kind not in _FIELDS:
            self.other[kind] += 1
            return
        values = [number(shape.get(field), f"{where}.{field}") for field in _FIELDS[kind]]
        labels = tuple(self._labels(attributes)) or ("",)
        x, y, *sides = values
        if kind == "point":
            image.heads.append(Head(x, y, labels))
            return
        if min(sides) < 0:
            raise InputError(f"{where}: a side or radius is {min(sides):g}; it must be 0 or more")
        if kind == "rect":
            width, height = sides
            head = placed((x + width / 2, y + height / 2), width, height, labels, self.rule)
        else:  # a circle has one radius
            turn = math.degrees(number(shape.get("theta", 0), f"{where}.theta"))
            head = placed((x, y), 2 * sides[0], 2 * sides[-1], labels, self.rule, degrees=turn)
        image.heads.append(head)

    def _labels(self, attributes: Any) -> Iterator[str]:
        for name, value in (attributes if isinstance(attributes, Mapping) else {}).items():
            ticked = value.items() if isinstance(value, Mapping) else [(value, True)]
            chosen = [str(each) for each, on in ticked if on and str(each).strip()]
            yield from chosen
            if chosen and self.rule.labels is not None:
                yield str(name)
