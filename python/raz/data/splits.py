"""Which training images are trained on, which calibrate thresholds, which are reported on."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Holdout(NamedTuple):
    """Positions of the images of each split: disjoint, ascending, together all of them."""

    train: list[int]
    calibration: list[int]
    validation: list[int]


def image_number(name: str) -> int:
    """The last run of digits in ``name``: 12 for ``IMG_12``.

    Raises:
        ValueError: there is no digit in it.
    """
    digits = re.findall(r"[0-9]+", name)
    if not digits:
        raise ValueError(f"name is {name!r}, must hold a number")
    return int(digits[-1])


def numbered(paths: Iterable[Path]) -> list[Path]:
    """Those with a number in their name, by that number: what has none is no published image."""
    found = [path for path in paths if re.search(r"[0-9]", path.stem)]
    return sorted(found, key=lambda path: image_number(path.stem))


def holdout(names: Iterable[str]) -> Holdout:
    """Split training images by their number k (ours).

    k % 10 == 0 is the validation split, which is only ever reported on; k % 20 == 5 calibrates
    operating points (thresholds), so that the validation split stays unseen; the rest trains. An
    image keeps its place whatever other images there are.

    Args:
        names: names such as ``IMG_12``; k is the last run of digits, or the CRC-32 of a name that
            has none.
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
