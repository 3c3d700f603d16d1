"""Checks of the arrays that the protocols take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from raz.arrays import Floats, as_floats

__all__ = [
    "Floats",
    "Integers",
    "as_floats",
    "as_labels",
    "as_points",
    "as_vector",
    "check_lengths",
    "images",
]

Integers = npt.NDArray[np.int64]

_SHORTEST, _LONGEST = 1e-100, 1e100
"""Pixels that an option may be: their square is neither 0 nor infinite."""


def as_points(name: str, value: npt.ArrayLike) -> Floats:
    """Return float64 [N, 2].

    Raises:
        ValueError: no numbers, another shape, or a coordinate that is not finite.

    Example:
        >>> as_points("heads", [[1, 2], [3, 4]]).shape, as_points("heads", []).shape
        ((2, 2), (0, 2))
        >>> as_points("heads", [1, 2, 3])
        Traceback (most recent call last):
        ValueError: heads has shape [3]; it must be [N, 2]
    """
    points = as_floats(name, value)
    if points.size == 0 and points.ndim <= 2:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} has shape {list(points.shape)}; it must be [N, 2]")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} has a coordinate that is not finite")
    return points


def as_vector(name: str, value: npt.ArrayLike, length: int) -> Floats:
    """Return float64 [length].

    Raises:
        ValueError: no numbers, another shape, or a value that is not finite.

    Example:
        >>> as_vector("scores", [1, 0], 2)
        array([1., 0.])
        >>> as_vector("scores", [1, 0], 3)
        Traceback (most recent call last):
        ValueError: scores has shape [2]; it must be [3]
    """
    vector = as_floats(name, value)
    if vector.shape != (length,):
        raise ValueError(f"{name} has shape {list(vector.shape)}; it must be [{length}]")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} has a value that is not finite")
    return vector


def as_labels(name: str, value: npt.ArrayLike, length: int, limit: int) -> Integers:
    """Return int64 [length], each from 0 to limit - 1.

    Raises:
        ValueError: another shape, not integers, or out of that range.

    Example:
        >>> as_labels("levels", [0.0, 2.0], length=2, limit=3)
        array([0, 2])
        >>> as_labels("levels", [0, 3], length=2, limit=3)
        Traceback (most recent call last):
        ValueError: levels must hold integers from 0 to 2
    """
    labels = as_vector(name, value, length)
    if ((labels < 0) | (labels >= limit) | (labels != np.floor(labels))).any():
        raise ValueError(f"{name} must hold integers from 0 to {limit - 1}")
    return labels.astype(np.int64)


def check_lengths(name: str, value: npt.ArrayLike, *, several: bool = False) -> None:
    """Check an option that is a length in pixels, or several.

    Raises:
        ValueError: no numbers, another shape, or one that is not finite and above 0.

    Example:
        >>> check_lengths("limit", 16)
        >>> check_lengths("sigmas", (5, 20), several=True)
        >>> check_lengths("limit", -1)
        Traceback (most recent call last):
        ValueError: limit is -1; it must be from 1e-100 to 1e+100 pixels
    """
    lengths = as_floats(name, value)
    good = (lengths >= _SHORTEST) & (lengths <= _LONGEST)
    if lengths.ndim != several or not lengths.size or not good.all():
        wanted = "a list of lengths, each " if several else ""
        raise ValueError(
            f"{name} is {value!r}; it must be {wanted}from {_SHORTEST:g} to {_LONGEST:g} pixels"
        )


def images(**lists: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Walk lists with one entry per image side by side.

    Raises:
        ValueError: the lists differ in length, or one is no list.

    Example:
        >>> list(images(scores=[0.9, 0.8], levels=[1, 2]))
        [(0.9, 1), (0.8, 2)]
        >>> images(scores=[0.9, 0.8], levels=[1])
        Traceback (most recent call last):
        ValueError: the lists must have one entry for each image, but have: scores 2, levels 1
    """
    entries = {name: _entries(name, entry) for name, entry in lists.items()}
    lengths = {name: len(entry) for name, entry in entries.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the lists must have one entry for each image, but have: {found}")
    return zip(*entries.values(), strict=True)


def _entries(name: str, entries: Iterable[Any]) -> list[Any]:
    try:
        return list(entries)
    except TypeError:  # also of an array or a tensor without dimensions
        kind = type(entries).__name__
        raise ValueError(
            f"{name} is a {kind}; it must be a list with one entry per image"
        ) from None
