"""Checks of the public functions' arguments."""

from __future__ import annotations

import numpy as np


def _check_integer(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}; it must be an integer")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    return int(value)


def check_seed(seed: object) -> int:
    return _check_integer("seed", seed, 0)


def check_size(size: object) -> tuple[int, int]:
    if not isinstance(size, tuple | list):
        raise TypeError(f"size is {size!r}; it must be a pair (h, w) of integers")
    if len(size) != 2:
        raise ValueError(f"size is {size!r}; it must be a pair (h, w)")
    return _check_integer("size[0]", size[0], 1), _check_integer("size[1]", size[1], 1)
