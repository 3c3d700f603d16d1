"""Numbers and names of a Result as text: the shortest form that reads back the same."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from raz.io.annotations import ImagePoints

if TYPE_CHECKING:
    from raz.result import Result

__all__ = [
    "Floats",
    "as_float32",
    "count_interval",
    "dumps",
    "encodable",
    "located",
    "number",
    "recorded",
    "shortest",
]

Floats = npt.NDArray[np.float64]

INTERVAL_LEVEL = 0.9
"""Probability with which the written interval of a count holds."""

_SURROGATES = re.compile("[\ud800-\udfff]")


_NEARLY = 1e-12
"""Relative error of a float64 that was computed from a float32 in a few steps."""


def recorded(result: Result, *, finite: bool = False) -> ImagePoints:
    """Return the record of a Result, with numbers as :func:`shortest` makes them.

    Args:
        result: of one image.
        finite: for a format that has no word for a place that is NaN or infinite.

    Raises:
        ValueError: there is such a place, and ``finite`` says that it cannot be written.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[0.1, 4.25]]), scores=torch.tensor([0.5]))
        >>> result = SimpleNamespace(path="a.jpg", image_size=(9, 9), count=1.0, **head)
        >>> recorded(result).points.tolist()
        [[0.1, 4.25]]
    """
    points, scores = located(result)
    if finite and not np.isfinite(points).all():
        index = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise ValueError(
            f"{result.path or 'image'}: points[{index}] is {points[index].tolist()}; "
            "x and y must be finite in this format"
        )
    return ImagePoints(
        name=result.path or "",
        size=result.image_size,
        points=points,
        scores=scores,
        count=result.count,
    )


def located(result: Result) -> tuple[Floats, Floats]:
    """Return points [N, 2] and scores [N]; see :func:`shortest`.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> result = SimpleNamespace(points=torch.zeros(1, 2), scores=torch.tensor([0.7]))
        >>> located(result)[1].tolist()
        [0.7]
    """
    return (
        shortest(result.points.detach().cpu().numpy()),
        shortest(result.scores.detach().cpu().numpy()),
    )


def shortest(values: npt.NDArray[np.float32]) -> Floats:
    """Return float64 whose printed form is the shortest that reads back as the same float32.

    Example:
        >>> import numpy as np
        >>> shortest(np.float32([0.1, 2.5])).tolist()
        [0.1, 2.5]
    """
    flat = [float(str(value)) for value in values.astype(np.float32).ravel()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


def as_float32(values: Floats) -> Floats:
    """Return float64 of the float32 that values were computed from, as :func:`shortest` makes it.

    Values that are none, to within rounding errors, stay as they are.

    Example:
        >>> as_float32(np.array([235.20312 * 100 / 398 / 100 * 398, 1 / 3])).tolist()
        [235.20312, 0.3333333333333333]
    """
    with np.errstate(over="ignore", under="ignore"):
        rounded = values.astype(np.float32)
    short = shortest(rounded)
    differences = np.minimum(np.abs(short - values), np.abs(rounded - values))
    return np.where(differences <= _NEARLY * np.abs(values), short, values)


def number(value: float) -> float | None:
    """Return a number for a JSON document: None, null there, for what is not finite.

    Example:
        >>> number(0.5), number(float("nan"))
        (0.5, None)
    """
    value = float(value)
    return value if math.isfinite(value) else None


def count_interval(result: Result) -> tuple[float | None, float | None]:
    """Return the count's interval at level 0.9, or None twice where the weights do not tell.

    Example:
        >>> from types import SimpleNamespace
        >>> from raz.intervals import Spread
        >>> count_interval(SimpleNamespace(spread=Spread()))
        (None, None)
    """
    if result.spread.highest_level < INTERVAL_LEVEL:
        return None, None
    low, high = result.interval(INTERVAL_LEVEL)
    return number(low), number(high)


def dumps(value: object) -> str:
    """Return JSON on one line, in ASCII; NaN and infinity are errors.

    Example:
        >>> dumps({"path": "\\u00e4.jpg"})
        '{"path": "\\\\u00e4.jpg"}'
    """
    return json.dumps(value, allow_nan=False)


def encodable(name: str) -> str:
    """Return a file name that UTF-8 can say: bytes of it that are no text become U+FFFD.

    Example:
        >>> encodable("a\\udcff.jpg") == "a\\ufffd.jpg"
        True
    """
    return _SURROGATES.sub("\ufffd", name)
