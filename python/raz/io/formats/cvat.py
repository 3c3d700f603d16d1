"""CVAT's XML "for images", version 1.1.

The writer gives each head a point shape with the label "head". CVAT finds the frame by the image's
file name and does not know the folder that a file was uploaded from, so only the name is written.
CVAT imports the attribute "score" if the label of the task has an attribute of that name. CVAT
itself keeps two decimals of a coordinate.

The reader takes points (each point of a shape is a head), boxes and ellipses (see
:class:`raz.io.formats.shapes.HeadRule`), and the points of skeletons, each with its own label,
unless they are "outside". Polygons, polylines, cuboids, masks and tags are skipped with a warning.
No tree is built, so memory grows with the number of heads only. A document type declaration is
refused, so no entity can expand.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile
from raz.io.formats.format import Collection, Format
from raz.io.formats.shapes import Box, DrawnImage, Head, HeadRule, drawn_file, upright_box
from raz.io.formats.values import encodable, recorded
from raz.io.text import clipped, open_file, whole_size

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["cvat_text", "read_cvat"]

_HEAD = """\
<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <name>raz</name>
      <mode>annotation</mode>
      <labels>
        <label>
          <name>head</name>
          <type>points</type>
          <attributes>
            <attribute>
              <name>score</name>
              <mutable>False</mutable>
              <input_type>text</input_type>
              <default_value></default_value>
              <values></values>
            </attribute>
          </attributes>
        </label>
      </labels>
    </task>
  </meta>
"""
_TAIL = "</annotations>\n"

_SCORE = "score"
_SKELETON = "skeleton"
_OTHER_SHAPES = ("polygon", "polyline", "cuboid", "mask", "tag")

# What XML 1.0 has no way to say (section 2.2), not even by a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cvat_text(result: Result) -> str:
    """Return CVAT's XML of one image; see :meth:`raz.Result.to_cvat`.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]))
        >>> text = cvat_text(SimpleNamespace(path="a.jpg", image_size=(9, 9), count=1.0, **head))
        >>> 'points="3.5,4.25"' in text
        True
    """
    return _HEAD + "".join(_image(recorded(result, finite=True), 0)) + _TAIL


def cvat_collection() -> Collection[ImagePoints]:
    """Return a collection that writes an <image> for each record."""
    frames = itertools.count()
    return Collection(
        lambda image: "".join(_image(image, next(frames))), _HEAD, tail=lambda _: _TAIL
    )


def read_cvat(path: str, rule: HeadRule | None = None) -> PointFile:
    """Read "CVAT for images 1.1"; see the module for what is a head.

    Scores are kept where every head has the attribute "score".

    Raises:
        InputError: it is something else; the message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        ...     _ = file.write(
        ...         '<annotations><image id="0" name="a.jpg" width="9" height="9">'
        ...         '<box label="Head" xtl="1" ytl="2" xbr="4" ybr="6"/></image></annotations>'
        ...     )
        ...     file.flush()
        ...     read_cvat(file.name).images["a"].points.tolist()
        [[2.5, 4.0]]
    """
    reader = _Reader(path, rule or HeadRule())
    with open_file(path, "rb") as file:
        try:
            reader.parser.ParseFile(file)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise InputError(f"{path}:{error.lineno}: is not XML: {reason}") from None
        except (LookupError, ValueError) as error:  # an encoding that nobody knows
            raise InputError(f"{path}: is not XML that can be read: {error}") from None
    if not reader.images:
        raise InputError(f"{path}: holds no image")
    return drawn_file(
        path, "cvat", reader.images, reader.rule, declared=reader.labels, other=reader.other
    )


class _Reader:
    """Take images, shapes and labels out of the elements as they come."""

    def __init__(self, path: str, rule: HeadRule) -> None:
        self.path, self.rule = path, rule
        self.images: list[tuple[str, DrawnImage]] = []
        self.labels: list[str] = []
        self.other: Counter[str] = Counter()
        self._open: list[str] = []
        self._text: list[str] | None = None
        self._shape: list[Head] = []
        self._attribute = ""
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _doctype(self, *_: object) -> None:
        raise InputError(f"{self._where()}: has a document type declaration; it must have none")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        parent = self._open[-1] if self._open else None
        self._open.append(tag)
        if parent is None and tag != "annotations":
            raise InputError(f"{self._where()}: is <{tag}>; CVAT's XML is <annotations>")
        if tag == "track":
            raise InputError(
                f'{self._where()}: is "CVAT for video"; it must be "CVAT for images 1.1"'
            )
        if tag == "image" and parent == "annotations":
            self._start_image(attributes)
        elif parent == "image" and tag in _OTHER_SHAPES:
            self.other[tag] += 1
        elif parent in ("image", _SKELETON) and tag in _READERS and self.images:
            self._start_shape(tag, attributes)
        elif tag == "attribute" and parent in _READERS:
            self._attribute, self._text = attributes.get("name", ""), []
        elif tag == "name" and parent == "label":
            self._text = []

    def _end(self, tag: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else None
        text, self._text = "".join(self._text or []).strip(), None
        if tag == "name" and parent == "label" and text:
            self.labels.append(text)
        elif tag == "attribute" and self._attribute.casefold() == _SCORE and parent in _READERS:
            self._shape = [head._replace(score=_score(text)) for head in self._shape]
        elif tag in _READERS and self._shape:
            self.images[-1][1].heads += self._shape
            self._shape = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _start_image(self, attributes: dict[str, str]) -> None:
        size = None
        if "width" in attributes and "height" in attributes:
            width, height = (self._number(attributes, side) for side in ("width", "height"))
            size = whole_size(width, height, self._where())
        image = DrawnImage(attributes.get("name", ""), size, self.parser.CurrentLineNumber)
        self.images.append((self._where(), image))

    def _start_shape(self, tag: str, attributes: dict[str, str]) -> None:
        if attributes.get("outside") == "1":  # a point of a skeleton that is not in the image
            return
        labels = (attributes.get("label", ""),)
        self._shape = [Head(x, y, labels, box=box) for x, y, box in _READERS[tag](self, attributes)]

    def points(self, attributes: dict[str, str]) -> Iterator[tuple[float, float, Box | None]]:
        for pair in self._given(attributes, "points").split(";"):
            try:
                x, y = map(float, pair.split(","))
            except ValueError:
                x = y = math.nan
            if not (math.isfinite(x) and math.isfinite(y)):
                raise InputError(f"{self._where()}: points holds {clipped(pair)!r}; it must be x,y")
            yield x, y, None

    def box(self, attributes: dict[str, str]) -> Iterator[tuple[float, float, Box | None]]:
        left, top, right, bottom = (
            self._number(attributes, edge) for edge in ("xtl", "ytl", "xbr", "ybr")
        )
        center = (left + right) / 2, (top + bottom) / 2
        yield self._placed(attributes, center, abs(right - left), abs(bottom - top))

    def ellipse(self, attributes: dict[str, str]) -> Iterator[tuple[float, float, Box | None]]:
        x, y, across, down = (self._number(attributes, name) for name in ("cx", "cy", "rx", "ry"))
        yield self._placed(attributes, (x, y), 2 * abs(across), 2 * abs(down))

    def _placed(
        self, attributes: dict[str, str], center: tuple[float, float], width: float, height: float
    ) -> tuple[float, float, Box | None]:
        degrees = self._number(attributes, "rotation") if "rotation" in attributes else 0.0
        box = upright_box(center, width, height) if self.rule.keeps_boxes else None
        return *self.rule.place(center, height, degrees), box

    def _given(self, attributes: dict[str, str], name: str) -> str:
        if name not in attributes:
            raise InputError(f"{self._where()}: <{self._open[-1]}> has no {name}")
        return attributes[name]

    def _number(self, attributes: dict[str, str], name: str) -> float:
        text = self._given(attributes, name)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(
                f"{self._where()}: {name} is {clipped(text)!r}; it must be a finite number"
            )
        return value

    def _where(self) -> str:
        return f"{self.path}:{self.parser.CurrentLineNumber}"


_READERS = {"points": _Reader.points, "box": _Reader.box, "ellipse": _Reader.ellipse}
"""What is a head, by the element's name."""


def _score(text: str) -> float | None:
    """A score; None for what people may have typed into the attribute instead."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _image(image: ImagePoints, frame: int) -> Iterator[str]:
    name = quoteattr(_NOT_XML.sub("\ufffd", encodable(os.path.basename(image.name))))
    size = "" if image.size is None else f' width="{image.size[0]}" height="{image.size[1]}"'
    yield f'  <image id="{frame}" name={name}{size}>\n'
    scores = [math.nan] * len(image.points) if image.scores is None else image.scores.tolist()
    source = "manual" if image.scores is None else "auto"
    for (x, y), score in zip(image.points.tolist(), scores, strict=True):
        yield (
            f'    <points label="head" source="{source}" occluded="0" points="{x},{y}" z_order="0">'
            + (f'<attribute name="score">{score}</attribute>' if math.isfinite(score) else "")
            + "</points>\n"
        )
    yield "  </image>\n"


def _collection() -> Collection[Result]:
    records = cvat_collection()
    return Collection(
        lambda result: records.item(recorded(result, finite=True)), records.head, tail=records.tail
    )


FORMAT = Format(name="cvat", suffixes=(".xml",), text=cvat_text, collection=_collection)
