"""Numbers and names of a Result as text: the shortest form that reads back the same."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["Floats", "dumps", "encodable", "located", "number", "shortest"]

Floats = npt.NDArray[np.float64]

_SURROGATES = re.compile("[\ud800-\udfff]")


def located(result: Result) -> tuple[Floats, Floats]:
    """Points [N, 2] and scores [N]; see :func:`shortest`."""
    return (
        shortest(result.points.detach().cpu().numpy()),
        shortest(result.scores.detach().cpu().numpy()),
    )


def shortest(values: npt.NDArray[np.float32]) -> Floats:
    """float64 whose printed form is the shortest that reads back as the same float32."""
    flat = [float(str(value)) for value in values.astype(np.float32).ravel()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


def number(value: float) -> float | None:
    """A number of a JSON document: None, null there, for what is not finite."""
    value = float(value)
    return value if math.isfinite(value) else None


def dumps(value: object) -> str:
    """JSON on one line, in ASCII; NaN and infinity are errors."""
    return json.dumps(value, allow_nan=False)


def encodable(name: str) -> str:
    """A file name that can be written in UTF-8: bytes of it that are no text become U+FFFD."""
    return _SURROGATES.sub("\ufffd", name)
