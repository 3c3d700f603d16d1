"""CVAT's XML "for images", version 1.1: a point shape with the label "head" for each head.

CVAT finds the frame by the image's file name, and knows files without the folder that they were
uploaded from; so only the name is written. The attribute "score" is taken over where the label of
the task has an attribute of that name.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import encodable, located

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "cvat_text"]

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

# What XML 1.0 has no way to say (section 2.2), not even by a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cvat_text(result: Result) -> str:
    """Return CVAT's XML of one image; see :meth:`raz.Result.to_cvat`."""
    return _HEAD + "".join(_image(result, 0)) + _TAIL


def _collection() -> Collection:
    frames = itertools.count()
    return Collection(
        lambda result: "".join(_image(result, next(frames))), _HEAD, tail=lambda: _TAIL
    )


def _image(result: Result, frame: int) -> Iterator[str]:
    width, height = result.image_size
    name = quoteattr(_NOT_XML.sub("\ufffd", encodable(os.path.basename(result.path or ""))))
    yield f'  <image id="{frame}" name={name} width="{width}" height="{height}">\n'
    points, scores = located(result)
    for (x, y), score in zip(points.tolist(), scores.tolist(), strict=True):
        yield (
            f'    <points label="head" source="auto" occluded="0" points="{x},{y}" z_order="0">'
            + (f'<attribute name="score">{score}</attribute>' if math.isfinite(score) else "")
            + "</points>\n"
        )
    yield "  </image>\n"


FORMAT = Format(name="cvat", suffixes=(".xml",), text=cvat_text, collection=_collection)
