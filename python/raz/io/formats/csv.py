"""CSV: a line a head."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import encodable, located

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "csv_text"]


def csv_text(result: Result) -> str:
    """Return lines ``x,y,score`` under a header."""
    return "x,y,score\n" + "".join(f"{row}\n" for row in _rows(result))


def _rows(result: Result) -> list[str]:
    rows = np.column_stack(located(result)).tolist()
    return [",".join(_number(value) for value in row) for row in rows]


def _rows_with_path(result: Result) -> str:
    name = '"' + encodable(result.path or "").replace('"', '""') + '"'
    rows = _rows(result) or [",,"]  # there, but without heads
    return "".join(f"{name},{row}\n" for row in rows)


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


FORMAT = Format(
    name="csv",
    suffixes=(".csv",),
    text=csv_text,
    collection=partial(Collection, _rows_with_path, "path,x,y,score\n"),
)
"""``x,y,score``; of several results ``path,x,y,score``, with one line of empty fields for none."""
