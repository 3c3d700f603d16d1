"""makesense.ai's CSV of points or rectangles: lines without a header.

A line is ``label,x,y,image,width,height`` for a point and
``label,x,y,w,h,image,width,height`` for a rectangle, whose corner (x, y) is at the upper left. An
image without heads is in no line; a line with an empty label, x and y says that there are none.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from raz.errors import InputError
from raz.io.annotations import PointFile, image_key, image_place
from raz.io.decoding import IMAGE_SUFFIXES
from raz.io.formats.shapes import DrawnImage, Head, HeadRule, drawn_file, placed
from raz.io.text import clipped, finite, open_file, whole_size

__all__ = ["is_makesense", "read_makesense"]

_POINT, _RECTANGLE = 6, 8
"""Fields of a line."""


def is_makesense(line: str) -> bool:
    """Tell whether a file's first line is one of makesense.ai's.

    Example:
        >>> is_makesense("head,12,30,street.jpg,640,480"), is_makesense("image,x,y")
        (True, False)
    """
    try:
        [fields] = csv.reader([line])
    except (csv.Error, ValueError):
        return False
    if _is_header(fields):
        return True
    if len(fields) not in (_POINT, _RECTANGLE):
        return False
    *_, name, width, height = fields
    suffixed = any(name.lower().endswith(suffix) for suffix in IMAGE_SUFFIXES)
    return suffixed and width.strip().isdecimal() and height.strip().isdecimal()


def read_makesense(path: str, rule: HeadRule | None = None) -> PointFile:
    """Read an export of points or rectangles; see the module for its lines.

    Raises:
        InputError: it is something else; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("head,12,30,street.jpg,640,480\\n")
        ...     file.flush()
        ...     read_makesense(file.name).images["street"].points.tolist()
        [[12.0, 30.0]]
    """
    rule = rule or HeadRule()
    images: dict[str, tuple[str, DrawnImage]] = {}
    with open_file(path, newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for fields in reader:
                if fields and not _is_header(fields):
                    _add(images, fields, rule, f"{path}:{reader.line_num}", reader.line_num)
        except csv.Error as error:
            raise InputError(f"{path}:{reader.line_num}: is not CSV: {error}") from None
    if not images:
        raise InputError(f"{path}: holds no image")
    return drawn_file(path, "makesense", list(images.values()), rule)


def _add(
    images: dict[str, tuple[str, DrawnImage]],
    fields: Sequence[str],
    rule: HeadRule,
    where: str,
    line: int,
) -> None:
    if len(fields) not in (_POINT, _RECTANGLE):
        raise InputError(f"{where}: has {len(fields)} fields; it must be {_POINT} or {_RECTANGLE}")
    label, *numbers, name, width, height = fields
    if not name.strip():
        raise InputError(f"{where}: names no image")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        stated = f"{clipped(width)!r} x {clipped(height)!r}"
        raise InputError(f"{where}: the size is {stated}; it must be whole pixels")
    size = whole_size(finite(width, where), finite(height, where), where)
    _, image = images.setdefault(image_place(name), (where, DrawnImage(name, size, line)))
    if (image.name, image.size) != (name, size):
        raise InputError(
            f"{where}: {name} of {size[0]} x {size[1]} pixels and the image of line {image.line} "
            f"are both image {image_key(name)}"
        )
    if not any(number.strip() for number in numbers):  # there, but without heads
        return
    values = [finite(number, where) for number in numbers]
    if len(values) == 2:
        image.heads.append(Head(values[0], values[1], (label,)))
        return
    x, y, across, down = values
    if across < 0 or down < 0:
        raise InputError(f"{where}: the rectangle is {across:g} x {down:g}; it must be 0 or more")
    image.heads.append(placed((x + across / 2, y + down / 2), across, down, (label,), rule))


def _is_header(fields: Sequence[str]) -> bool:
    names = {name.strip().lower() for name in fields}
    return {"label_name", "image_name"} <= names
