"""CSV: one line per head, of one image or of many; or one line per image, with its counts.

For one image the columns are ``x,y,score``. For several they are ``path,x,y,score``, or ``image``
instead of ``path``; a line with neither x nor y stands for an image without heads. Numbers read
back as the same float32. The counts of images have the columns `COUNT_COLUMNS`, and no heads.

Spreadsheets run a cell that begins as a formula does. A name that does is written with ``./``
before it, which names the same file, and reading takes that off again.
"""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_place, keyed_apart
from raz.io.formats.format import Collection, Format
from raz.io.formats.shapes import unnamed_key
from raz.io.formats.values import INTERVAL_LEVEL, count_interval, encodable, recorded
from raz.io.text import clipped, open_file

if TYPE_CHECKING:
    from raz.result import Result

__all__ = [
    "COUNT_COLUMNS",
    "ZONE_COLUMNS",
    "counts_collection",
    "counts_text",
    "csv_text",
    "read_csv",
    "safe_cell",
    "write_csv",
]

COUNT_COLUMNS = ("path", "count", "count_low", "count_high", "points", "width", "height", "seconds")
"""Columns of the file of counts, and ``time`` after them where the first image is of a video.

``count_low`` and ``count_high`` are the interval at level 0.9, empty where the weights do not tell;
``points`` is the number of heads, ``seconds`` how long decoding and counting took, ``time`` the
seconds since the video's first frame. Smoothed counts follow under their names, then the columns of
each zone: its name, a dot and one of `ZONE_COLUMNS`.
"""

ZONE_COLUMNS = ("points", "density", "low", "high")
"""Of each zone of the first image: heads, persons by the density, and the interval around that."""

_FORMULA = re.compile(r"(?:\./)*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What begins a formula for some spreadsheet, wide forms included, perhaps with ``./`` before."""

_NAME_COLUMNS = ("image", "path")
_NEEDS_QUOTES = re.compile(r'[,"\r\n]|^\s|\s$')


def csv_text(result: Result) -> str:
    """Return lines ``x,y,score`` under a header; see :meth:`raz.Result.to_csv`.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]))
        >>> csv_text(SimpleNamespace(path="a.jpg", image_size=(9, 9), count=1.0, **head))
        'x,y,score\\n3.5,4.25,0.5\\n'
    """
    return "x,y,score\n" + "".join(f"{row}\n" for row in _rows(recorded(result)))


def write_csv(file: IO[str], images: Iterable[ImagePoints]) -> None:
    """Write records of many images: ``image,x,y``, and ``score`` where the first image has scores.

    Raises:
        ValueError: some images have scores and some have none.

    Example:
        >>> import io
        >>> import numpy as np
        >>> file = io.StringIO()
        >>> write_csv(file, [ImagePoints(name="a.jpg", points=np.array([[3.5, 4.25]]))])
        >>> file.getvalue()
        'image,x,y\\na.jpg,3.5,4.25\\n'
    """
    images = iter(images)
    first = next(images, None)
    scored = first is not None and first.scores is not None
    file.write("image,x,y,score\n" if scored else "image,x,y\n")
    for image in () if first is None else itertools.chain([first], images):
        if (image.scores is not None) != scored and len(image.points):
            raise ValueError(f"image {image.name}: some images have scores and some have none")
        name = safe_cell(image.name)
        name = _quoted(name) if _NEEDS_QUOTES.search(name) else name
        for row in _rows(image) or [",," if scored else ","]:  # there, but without heads
            file.write(f"{name},{row}\n")


def read_csv(path: str) -> PointFile:
    """Read a table with one line per head; see :func:`raz.io.points.read_points`.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("image,x,y\\na.jpg,3.5,4.25\\n")
        ...     file.flush()
        ...     read_csv(file.name).images["a"].points.tolist()
        [[3.5, 4.25]]
    """
    images: dict[str, _Image] = {}
    with open_file(path, newline="") as file:
        reader = csv.reader(file, strict=True, skipinitialspace=True)
        try:
            # The header is on the first line that is not empty.
            header = next((row for row in reader if row), [])
            columns = _columns([name.strip().lower() for name in header], path, reader.line_num)
            if "name" not in columns:
                images[unnamed_key(path)] = _Image("", None)
            for fields in reader:
                if fields:
                    _add(images, fields, columns, path, reader.line_num)
        except csv.Error as error:
            raise InputError(f"{path}:{reader.line_num}: is not CSV: {error}") from None
    if not images:
        raise InputError(f"{path}: holds no image")
    scored = "score" in columns
    return PointFile(
        path=path,
        kind="csv",
        images={key: _finished(image, scored) for key, image in keyed_apart(images).items()},
        unnamed="name" not in columns,
    )


def is_csv(line: str) -> bool:
    """Tell whether a file's first line is a header of CSV that :func:`read_csv` may know."""
    names = [name.strip().strip('"').lower() for name in line.split(",")]
    return {"x", "y"} <= set(names) or ("," in line and bool(set(_NAME_COLUMNS) & set(names)))


def _rows(image: ImagePoints) -> list[str]:
    parts = [image.points] if image.scores is None else [image.points, image.scores[:, None]]
    return [",".join(map(_text, row)) for row in np.hstack(parts).tolist()]


def _rows_with_path(result: Result) -> str:
    image = recorded(result)
    name = _quoted(safe_cell(encodable(image.name)))
    rows = _rows(image) or [",,"]  # there, but without heads
    return "".join(f"{name},{row}\n" for row in rows)


def counts_text(result: Result) -> str:
    """Return the header and the line of one image's counts.

    Example:
        >>> from types import SimpleNamespace
        >>> from raz.intervals import Spread
        >>> counts = dict(count=1.5, count_points=2, image_size=(640, 480), time=None)
        >>> counts |= dict(zones={}, smoothed={}, spread=Spread(), speed={"total": 250})
        >>> result = SimpleNamespace(path="a.jpg", **counts)
        >>> print(counts_text(result), end="")
        path,count,count_low,count_high,points,width,height,seconds
        "a.jpg",1.5,,,2,640,480,0.25
    """
    return counts_collection().item(result)


def counts_collection() -> Collection[Result]:
    """Return a collection that writes a line for each result; see `COUNT_COLUMNS`.

    Example:
        >>> counts_collection().tail(0)
        'path,count,count_low,count_high,points,width,height,seconds\\n'
    """
    timed: bool | None = None  # not known before the first
    smooth: list[str] = []
    zones: list[str] = []

    def item(result: Result) -> str:
        nonlocal timed
        head = ""
        if timed is None:
            timed = result.time is not None
            zones.extend(result.zones)
            smooth.extend(result.smoothed)
            named = [f"{zone}.{column}" for zone in zones for column in ZONE_COLUMNS]
            more = [*(["time"] if timed else []), *smooth, *named]
            head = ",".join(map(_heading, [*COUNT_COLUMNS, *more])) + "\n"
        if list(result.zones) != zones:
            raise ValueError(
                f"zones of {result.path} are {list(result.zones)}; the first image has {zones}"
            )
        return head + _counts_row(result, timed=timed, smooth=smooth)

    return Collection(item, tail=lambda written: "" if written else ",".join(COUNT_COLUMNS) + "\n")


def _counts_row(result: Result, *, timed: bool, smooth: list[str]) -> str:
    total = result.speed.get("total")
    seconds = None if total is None else total / 1000
    low, high = count_interval(result)
    width, height = result.image_size
    numbers = [result.count, low, high, result.count_points, width, height, seconds]
    numbers += [result.time] if timed else []
    numbers += [result.smoothed.get(name) for name in smooth]
    for zone in result.zone_counts(INTERVAL_LEVEL).values() if result.zones else ():
        numbers += [zone.points, zone.density, zone.low, zone.high]
    fields = ["" if value is None else _text(value) for value in numbers]
    return f"{_quoted(safe_cell(encodable(result.path or '')))},{','.join(fields)}\n"


def safe_cell(name: str) -> str:
    """Return the name of a file so that no spreadsheet takes it for a formula.

    Example:
        >>> safe_cell("=1+2.jpg"), safe_cell("a=b.jpg")
        ('./=1+2.jpg', 'a=b.jpg')
    """
    return f"./{name}" if _FORMULA.match(name) else name


def _plain_name(cell: str) -> str:
    """The name that :func:`safe_cell` was given."""
    return cell[2:] if cell.startswith("./") and _FORMULA.match(cell) else cell


def _heading(name: str) -> str:
    cell = safe_cell(encodable(name))
    return _quoted(cell) if _NEEDS_QUOTES.search(cell) else cell


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


@dataclass
class _Image:
    name: str
    line: int | None
    rows: list[list[float]] = field(default_factory=list)


def _columns(header: list[str], path: str, line: int) -> dict[str, int]:
    """Places of the columns, and under "" how many there are."""
    known = ("x", "y", "score")
    columns: dict[str, int] = {name: header.index(name) for name in known if name in header}
    named = [name for name in _NAME_COLUMNS if name in header]
    if not {"x", "y"} <= columns.keys() or len(set(header)) < len(header):
        raise InputError(
            f"{path}:{line}: the header is {clipped(','.join(header))}; it must name the columns "
            "x, y, perhaps image (or path) and perhaps score, each once"
        )
    if named:
        columns["name"] = header.index(named[0])
    return columns | {"": len(header)}


def _add(
    images: dict[str, _Image], fields: list[str], columns: dict[str, int], path: str, line: int
) -> None:
    where = f"{path}:{line}"
    if len(fields) != columns[""]:
        raise InputError(f"{where}: has {len(fields)} fields, the header {columns['']}")
    image = _image_of(images, fields, columns, where, line)
    values = [name for name in ("x", "y", "score") if name in columns]
    texts = [fields[columns[value]].strip() for value in values]
    if any(texts):
        image.rows.append(
            [_number(text, f"{where}: {value}") for value, text in zip(values, texts, strict=True)]
        )


def _image_of(
    images: dict[str, _Image], fields: list[str], columns: dict[str, int], where: str, line: int
) -> _Image:
    if "name" not in columns:
        [image] = images.values()
        return image
    name = _plain_name(fields[columns["name"]])
    if not name.strip():
        raise InputError(f"{where}: names no image")
    key = image_place(name)
    image = images.setdefault(key, _Image(name, line))
    if image.name != name:
        raise InputError(
            f"{where}: {name} and {image.name} (line {image.line}) are both image {key}"
        )
    return image


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where} is {clipped(text)!r}; it must be a number") from None
    if not math.isfinite(value):
        raise InputError(f"{where} is {clipped(text)!r}; it must be finite")
    return value


def _finished(image: _Image, scored: bool) -> ImagePoints:
    rows = np.array(image.rows, dtype=np.float64).reshape(-1, 3 if scored else 2)
    scores = rows[:, 2] if scored else None
    return ImagePoints(name=image.name, points=rows[:, :2], scores=scores, line=image.line)


FORMAT = Format(
    name="csv",
    suffixes=(".csv",),
    text=csv_text,
    collection=partial(Collection, _rows_with_path, "path,x,y,score\n"),
)
"""``x,y,score``; of several results ``path,x,y,score``, with one line of empty fields for none."""

COUNTS = Format(
    name="counts",
    suffixes=(".counts.csv",),
    text=counts_text,
    collection=counts_collection,
)
"""A line per image with its counts, for tables; no heads."""
