"""MATLAB v5 files of head points, read by SciPy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raz.errors import installs

from ..errors import InputError

__all__ = ["as_points", "read_ann_points", "read_matlab", "stated_number"]

_NUMBERS = ("number", "human_num", "count")
"""Variables that state how many heads there are."""


def read_matlab(path: str | Path) -> dict[str, Any]:
    """Read the variables of a MATLAB file.

    Raises:
        InputError: the file is missing or is no MATLAB file that SciPy reads.
        ImportError: SciPy is not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f"{folder}/a.mat", {"annPoints": [[12.5, 30.0]]})
        ...     read_matlab(f"{folder}/a.mat")["annPoints"].tolist()
        [[12.5, 30.0]]
    """
    try:
        matlab = importlib.import_module("scipy.io")
    except ImportError as error:
        raise ImportError(f"reading .mat files needs SciPy: {installs('data')}") from error
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    try:
        content: dict[str, Any] = matlab.loadmat(str(path), appendmat=False)
    except Exception as error:  # SciPy raises whatever its parser stumbles over
        raise InputError(f"{path}: not a readable MATLAB file ({error})") from error
    return content


def read_ann_points(path: str | Path) -> npt.NDArray[np.float32]:
    """Read the head points of a file with ``annPoints``: UCF-QNRF, UCF_CC_50, NWPU-Crowd.

    Returns:
        float32 ``[N, 2]``, (x, y) as stored.

    Raises:
        InputError: the file is missing, is no MATLAB file, or does not hold points.
        ImportError: SciPy is not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f"{folder}/a.mat", {"annPoints": [[12.5, 30.0]]})
        ...     read_ann_points(f"{folder}/a.mat").tolist()
        [[12.5, 30.0]]
    """
    content = read_matlab(path)
    if "annPoints" not in content:
        raise InputError(f"{path}: no annPoints in it")
    return as_points(content["annPoints"], f"{path}: annPoints")


def as_points(value: Any, where: str) -> npt.NDArray[np.float32]:
    """Convert points to float32 ``[N, 2]``; anything without elements gives ``[0, 2]``.

    Raises:
        InputError: they are no numbers, have another shape, or are not finite. The message begins
            with ``where``.

    Example:
        >>> as_points([], "a.mat: annPoints").shape
        (0, 2)
    """
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is found below
            points = np.asarray(value).astype(np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{where}: holds no numbers") from None
    if points.size == 0:
        return np.zeros((0, 2), dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{where}: has shape {points.shape}; it must be [N, 2]")
    if not np.isfinite(points).all():
        raise InputError(f"{where}: holds a NaN or an infinity")
    return points


def stated_number(values: Mapping[str, Any]) -> int | None:
    """Return the number of heads that is stated beside points, if it is a whole number.

    Args:
        values: by name: the variables of a MATLAB file, or an object of a JSON document.

    Example:
        >>> stated_number({"number": [[12]]}), stated_number({"count": 11.5}), stated_number({})
        (12, None, None)
    """
    for name in _NUMBERS:
        if name not in values:
            continue
        number = np.asarray(values[name]).ravel()
        if number.size == 1 and number.dtype.kind in "uif" and float(number[0]).is_integer():
            return int(number[0])
    return None
