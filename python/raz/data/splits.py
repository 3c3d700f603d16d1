"""Divide images into those for training, for calibration and for reporting."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple


class Holdout(NamedTuple):
    """Positions of the images of each split: disjoint, ascending, together all of them.

    Example:
        >>> from raz.data import Holdout
        >>> Holdout(train=[0, 1], calibration=[], validation=[2]).validation
        [2]
    """

    train: list[int]
    calibration: list[int]
    validation: list[int]


def image_number(name: str) -> int:
    """Return the last run of digits in ``name``: 12 for ``IMG_12``.

    Raises:
        ValueError: there is no digit in it.
    """
    digits = re.findall(r"[0-9]+", name)
    if not digits:
        raise ValueError(f"name is {name!r}; it must hold a number")
    return int(digits[-1])


def numbered(paths: Iterable[Path]) -> list[Path]:
    """Sort paths by the number in their names."""
    return sorted(paths, key=lambda path: image_number(path.stem))


def named(prefix: str) -> Callable[[str], bool]:
    """Return a rule that takes names which begin with ``prefix`` and hold a number."""
    return lambda stem: stem.startswith(prefix) and re.search(r"[0-9]", stem) is not None


def holdout(names: Iterable[str]) -> Holdout:
    """Split training images by their number k (ours).

    k % 10 == 0 is the validation split, which is only ever reported on; k % 20 == 5 calibrates
    operating points (thresholds), so that the validation split stays unseen; the rest trains. An
    image keeps its place whatever other images there are.

    Args:
        names: names such as ``IMG_12``; k is the last run of digits, or the CRC-32 of a name that
            has none.

    Example:
        >>> from raz.data import holdout
        >>> holdout(["IMG_1", "IMG_2", "IMG_5", "IMG_10"])
        Holdout(train=[0, 1], calibration=[2], validation=[3])
    """
    split = Holdout([], [], [])
    for index, name in enumerate(names):
        has_number = re.search(r"[0-9]", name)
        number = (
            image_number(name) if has_number else zlib.crc32(name.encode(errors="surrogateescape"))
        )
        if number % 10 == 0:
            split.validation.append(index)
        elif number % 20 == 5:
            split.calibration.append(index)
        else:
            split.train.append(index)
    return split
