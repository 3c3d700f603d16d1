"""Find out by its content which format a file of points has, and read it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from raz.errors import InputError
from raz.io.annotations import PointFile
from raz.io.encoded import is_stream
from raz.io.formats.coco import read_coco, read_coco_results
from raz.io.formats.csv import is_csv, read_csv
from raz.io.formats.cvat import read_cvat
from raz.io.formats.geojson import read_geojson
from raz.io.formats.label_studio import is_minimal, is_task, read_label_studio
from raz.io.formats.labelme import is_labelme, read_labelme
from raz.io.formats.makesense import is_makesense, read_makesense
from raz.io.formats.nwpu import is_nwpu, read_nwpu
from raz.io.formats.raz_json import read_objects
from raz.io.formats.shapes import Anchor, HeadRule
from raz.io.formats.via import is_via, is_via_table, read_via, read_via_table
from raz.io.points.folder import read_folder
from raz.io.text import open_file, parse_json, read_text

if TYPE_CHECKING:
    from raz.io.georeference import Georeference

__all__ = ["looks_like_points", "read_by_rule", "read_points"]

_ARCHIVE = b"PK\x03\x04"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STREAM = 512 << 20
"""Bytes that are read of what is no file; a head takes about twenty."""

_BEGINNING = 4096
"""Bytes of a file in which its first line that is not empty begins."""


def read_points(
    path: str | os.PathLike[str],
    *,
    anchor: Anchor = "center",
    labels: Sequence[str] | None = None,
    georeference: Georeference | None = None,
) -> PointFile:
    """Read a file of points, of any format that raz writes, and as annotation tools export them.

    The content says which format it is, not the suffix:

    * NWPU-Crowd's text. Ground truth ``id n (x y sigma_s sigma_l level)*``, predictions
      ``id n (x y)*``, whole numbers, one line per image.
    * CSV. A header with ``x``, ``y``, perhaps ``image`` (or ``path``) and perhaps ``score``; one
      line per point. A line with neither x nor y stands for an image without points. Without
      ``image`` the file is of one image.
    * JSON: COCO (a data set, or an array of results), GeoJSON, Label Studio's exports "JSON" and
      "JSON-MIN", or raz's own: an object or an array of objects with ``path`` and ``points``
      [[x, y] or [x, y, score], ...].
    * JSON lines: one of raz's objects per line.
    * A folder with a file for each image, in subfolders too; see
      :func:`raz.io.points.read_single`.
    * CVAT's XML, "CVAT for images 1.1".
    * labelme's JSON, of one image; VIA's projects and annotations, JSON or CSV; makesense.ai's CSV
      of points or rectangles.

    Images are known by :func:`raz.io.points.image_key`. An image that its file does not name, in a
    file of one image, is called by the file's name. Coordinates are kept as they are, also negative
    ones and those outside the image.

    Args:
        path: the file; a FIFO or a device is read once.
        anchor: where in a box or an ellipse the head is: "center", or "top" for the middle of the
            upper edge of boxes of persons.
        labels: labels of heads in files that have labels, compared without case. By default
            "head" where the file has that label, else "person", else the only label.
        georeference: GeoJSON only: where the image lies, for points that were added or moved on the
            map; see :func:`raz.io.georeference.read_georeference`.

    Raises:
        InputError: the file cannot be read, or is not what it should be: counts that do not fit,
            numbers that are not finite (in NWPU's text: not whole), an image that is there twice,
            several labels none of which is that of heads. The message names the file and the line,
            or the place within the document.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("image,x,y\\na.jpg,3.5,4.25\\nb.jpg,,\\n")
        ...     file.flush()
        ...     images = read_points(file.name).images
        >>> {key: image.points.tolist() for key, image in images.items()}
        {'a': [[3.5, 4.25]], 'b': []}
    """
    return read_by_rule(path, HeadRule(anchor=anchor, labels=labels), georeference)


def read_by_rule(
    path: str | os.PathLike[str], rule: HeadRule, georeference: Georeference | None = None
) -> PointFile:
    """Read a file of points by a rule of what is a head; see :func:`read_points`.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("image,x,y\\na.jpg,3.5,4.25\\n")
        ...     file.flush()
        ...     list(read_by_rule(file.name, HeadRule()).images)
        ['a']
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        return read_folder(name, rule)
    if is_stream(name):
        return _read_stream(name, rule, georeference)
    return _read(name, rule, georeference)


def _read_stream(name: str, rule: HeadRule, georeference: Georeference | None) -> PointFile:
    """Read a FIFO or device, which gives its bytes once, from a copy of the same name."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, os.path.basename(name))
        with open(copy, "wb") as file:
            _copy_stream(name, file)
        try:
            return replace(_read(copy, rule, georeference), path=name)
        except InputError as error:
            raise InputError(str(error).replace(copy, name)) from None


def _copy_stream(name: str, copy: IO[bytes]) -> None:
    """Write what a FIFO or device gives into a file; a device may never end."""
    with open_file(name, "rb") as stream:
        while chunk := stream.read(1 << 20):
            copy.write(chunk)
            if copy.tell() > _STREAM:
                raise InputError(f"{name}: holds more than {_STREAM:,} bytes; it is no file")
    if not copy.tell():
        raise InputError(f"{name}: holds no bytes")


def _read(name: str, rule: HeadRule, georeference: Georeference | None) -> PointFile:
    begin = _beginning(name)
    first_line = begin.split("\n", 1)[0]
    if is_nwpu(first_line):
        kind = ".txt"
    elif begin.startswith("<"):
        kind = ".xml"
    elif begin.startswith(("{", "[")):
        kind = ".json"
    elif is_via_table(first_line):
        return read_via_table(name, rule)
    elif is_makesense(first_line):
        return read_makesense(name, rule)
    elif is_csv(first_line):
        kind = ".csv"
    else:  # the suffix tells what is wrong with it
        kind = os.path.splitext(name)[1].lower()
    if kind == ".xml":
        return read_cvat(name, rule)
    if kind in (".json", ".jsonl", ".geojson"):
        return _read_json(name, rule, georeference)
    return read_csv(name) if kind == ".csv" else read_nwpu(name)


def looks_like_points(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file of XML is CVAT's, by its beginning; other files may be of points.

    Raises:
        InputError: it cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".aux.xml") as file:
        ...     _ = file.write("<PAMDataset/>")
        ...     file.flush()
        ...     looks_like_points(file.name)
        False
    """
    if is_stream(path):  # it can be read once
        return True
    try:
        begin = _beginning(os.fspath(path))
    except InputError:
        return True  # reading it says what is wrong
    return not begin.startswith("<") or "<annotations" in begin


def _beginning(name: str) -> str:
    """The first characters that are not white space; the end may be missing."""
    with open_file(name, "rb") as file:
        begin = file.read(_BEGINNING)
        while begin and not begin.removeprefix(_BYTE_ORDER_MARK).strip():
            begin = file.read(_BEGINNING)
    if begin.startswith(_ARCHIVE):
        raise InputError(f"{name}: is a ZIP archive; unpack it and use the file of points inside")
    text: str = begin.removeprefix(_BYTE_ORDER_MARK).decode(errors="replace").lstrip()
    if not text:
        raise InputError(f"{name}: the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_json(name: str, rule: HeadRule, georeference: Georeference | None) -> PointFile:
    number, first, more = _first_line(name)
    if isinstance(first, dict) and "points" in first:
        return read_objects(_lines(name), name, may_be_unnamed=not more)
    if first is not None and more:
        raise InputError(f"{name}:{number}: is not an object with path and points")
    document = parse_json(read_text(name), name) if first is None else first
    if isinstance(document, list):
        return _read_array(document, name, rule)
    if isinstance(document, dict):
        if is_task(document):
            return read_label_studio(document, name, rule)
        if is_labelme(document):
            return read_labelme(document, name, rule)
        if is_via(document):
            return read_via(document, name, rule)
        if "annotations" in document:
            return read_coco(document, name, rule)
        if document.get("type") in ("FeatureCollection", "Feature"):
            return read_geojson(document, name, georeference)
        if "points" in document:
            return read_objects([(document, name, None)], name, may_be_unnamed=True)
    raise InputError(
        f"{name}: is neither COCO (images, annotations) nor raz's own JSON (path, points), nor "
        "Label Studio's (data, annotations), labelme's (shapes, imagePath), VIA's (filename, "
        "regions), nor GeoJSON (features)"
    )


def _read_array(document: list[Any], name: str, rule: HeadRule) -> PointFile:
    first = document[0] if document else None
    if is_task(first) or is_minimal(first):
        return read_label_studio(document, name, rule)
    # Nothing in it is a valid result of COCO: nobody was found anywhere.
    if not document or (isinstance(first, dict) and "image_id" in first):
        return read_coco_results(document, name, rule)
    return read_objects(
        [(entry, f"{name}: [{index}]", None) for index, entry in enumerate(document)], name
    )


def _first_line(name: str) -> tuple[int, Any, bool]:
    """Number and JSON of the first line that is not empty, and whether others follow.

    The JSON is None where the line is no document of its own.
    """
    with open_file(name) as file:
        lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        number, line = next(lines)
        try:
            document = json.loads(line) if line.rstrip().endswith("}") else None
        except (RecursionError, ValueError):
            document = None
        return number, document, document is not None and next(lines, None) is not None


def _lines(name: str) -> Iterator[tuple[Any, str, int | None]]:
    with open_file(name) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{name}:{number}"
                yield parse_json(line, where), where, number
