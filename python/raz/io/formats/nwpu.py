"""NWPU-Crowd's localization text: a line an image, ``id n x1 y1 x2 y2 ...``, whole numbers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import encodable, located
from raz.io.video import image_stem

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "nwpu_line"]


def nwpu_line(result: Result, image_id: int | str) -> str:
    """Return a line of NWPU-Crowd's localization benchmark; see :meth:`raz.Result.to_nwpu_line`."""
    identifier = _word(str(image_id))
    points, _ = located(result)
    floored = np.floor(points).astype(np.int64).ravel().tolist()
    return " ".join(map(str, [identifier, result.count_points, *floored]))


def _word(identifier: str) -> str:
    if not identifier or any(character.isspace() for character in identifier):
        raise ValueError(f"image_id is {identifier!r}; it must be a word without white space")
    return identifier


def _identifier(path: str) -> str:
    try:
        return _word(encodable(image_stem(path)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}, to be in NWPU-Crowd's text") from None


def _line_by_name(result: Result) -> str:
    if result.path is None:
        raise ValueError("an image in memory has no id; write to_nwpu_line(image_id) yourself")
    return nwpu_line(result, _identifier(result.path)) + "\n"


FORMAT = Format(
    name="nwpu",
    suffixes=(".txt",),
    text=_line_by_name,
    collection=partial(Collection, _line_by_name),
    check_name=_identifier,
)
"""The id is the image's file name without its suffix."""
