"""Text and JSON from files, and numbers from JSON, with errors that name the place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from raz.errors import InputError

__all__ = [
    "checked_list",
    "checked_object",
    "clipped",
    "finite",
    "image_size",
    "number",
    "number_rows",
    "open_file",
    "parse_json",
    "read_text",
    "whole_size",
]

_MOST_SIDE = 2**31 - 1
"""Pixels; more than the side of any image."""


@contextmanager
def open_file(path: str, mode: str = "r", *, newline: str | None = None) -> Iterator[IO[Any]]:
    """Open a file for reading: "r" as UTF-8 text, without its byte order mark, or "rb".

    Raises:
        InputError: it cannot be opened or read, or a part that is read is not UTF-8.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as written:
        ...     _ = written.write("1 0")
        ...     written.flush()
        ...     with open_file(written.name) as file:
        ...         file.read()
        '1 0'
    """
    encoding = None if "b" in mode else "utf-8-sig"
    try:
        file = open(path, mode, encoding=encoding, newline=newline)  # noqa: SIM115
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: {reason[:1].lower()}{reason[1:]}") from None
    with file:
        try:
            yield file
        except UnicodeDecodeError:
            raise InputError(f"{path}: is not text in UTF-8") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_text(path: str, *, may_be_empty: bool = False) -> str:
    """Return a file's text, UTF-8, line ends as "\\n".

    Raises:
        InputError: it cannot be read, is not UTF-8, or is empty and may not be.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("1 0")
        ...     file.flush()
        ...     read_text(file.name)
        '1 0'
    """
    with open_file(path) as file:
        text: str = file.read()
    if not text.strip() and not may_be_empty:
        raise InputError(f"{path}: the file is empty")
    return text


def parse_json(text: str, where: str) -> Any:
    """Return a JSON document.

    Raises:
        InputError: it is none; the message says where it breaks.

    Example:
        >>> parse_json('{"points": []}', "a.json")
        {'points': []}
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: is not JSON: {error.msg} ({place})") from None
    except (RecursionError, ValueError) as error:  # ValueError: an endless row of digits
        raise InputError(f"{where}: is not JSON that can be read: {error}") from None


def number(value: Any, where: str) -> float:
    """Return a finite number of a JSON document.

    Raises:
        InputError: it is something else.

    Example:
        >>> number(5, "a.json: count")
        5.0
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            if math.isfinite(value):
                return float(value)
        except OverflowError:
            pass
    raise InputError(f"{where}: is {_short(value)}; it must be a finite number")


def finite(text: str, where: str) -> float:
    """Return the finite number that a field of text holds.

    Raises:
        InputError: it is something else.

    Example:
        >>> finite("4.5", "a.txt:1")
        4.5
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {clipped(text)!r} is no finite number")
    return value


def number_rows(rows: Any, lengths: tuple[int, ...], where: str) -> npt.NDArray[np.float64]:
    """Return rows of equally many finite numbers: float64 [N, one of ``lengths``].

    Raises:
        InputError: they are something else; the message names the row.

    Example:
        >>> number_rows([[1, 2], [3, 4]], (2, 3), "a.json: points").tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    if not isinstance(rows, list):
        raise InputError(f"{where}: is {_short(rows)}; it must be an array")
    if not rows:
        return np.zeros((0, lengths[0]))
    checked = []
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) not in lengths:
            wanted = " or ".join(map(str, lengths))
            raise InputError(f"{where}[{index}]: is {_short(row)}; it must be {wanted} numbers")
        if len(row) != len(rows[0]):
            raise InputError(
                f"{where}[{index}]: has {len(row)} numbers, the rows before {len(rows[0])}"
            )
        checked.append([number(value, f"{where}[{index}]") for value in row])
    return np.array(checked, dtype=np.float64)


def image_size(value: Any, where: str) -> tuple[int, int] | None:
    """Return (width, height) of an image in a JSON document; None where it is null.

    Raises:
        InputError: it is something else, or no size of an image (:func:`whole_size`).

    Example:
        >>> image_size([640, 480], "a.json: image_size")
        (640, 480)
    """
    if value is None:
        return None
    [[width, height]] = number_rows([value], (2,), where).tolist()
    return whole_size(width, height, where)


def whole_size(width: float, height: float, where: str) -> tuple[int, int]:
    """Return the (width, height) that a file states of an image as integers.

    Raises:
        InputError: a side is no whole number, or not in [1, 2,147,483,647].

    Example:
        >>> whole_size(640.0, 480.0, "a.json: images[0]")
        (640, 480)
    """
    if not all(1 <= side <= _MOST_SIDE and side == int(side) for side in (width, height)):
        raise InputError(
            f"{where}: the size is {width:g} x {height:g} pixels; width and height must be whole "
            f"numbers in [1, {_MOST_SIDE:,}]"
        )
    return int(width), int(height)


def checked_list(value: Any, where: str) -> list[Any]:
    """Return an array of a JSON document.

    Raises:
        InputError: it is something else.

    Example:
        >>> checked_list([1, 2], "a.json: images")
        [1, 2]
    """
    if not isinstance(value, list):
        raise InputError(f"{where}: is not an array")
    return value


def checked_object(value: Any, where: str) -> dict[str, Any]:
    """Return an object of a JSON document.

    Raises:
        InputError: it is something else.

    Example:
        >>> checked_object({"id": 5}, "a.json: images[0]")
        {'id': 5}
    """
    if not isinstance(value, dict):
        raise InputError(f"{where}: is not an object")
    return value


def clipped(text: Any, most: int = 60) -> str:
    """Return text of a file for a message, which it must not flood: at most ``most`` characters.

    Example:
        >>> clipped("x" * 1000, 10)
        'xxxxxxx...'
    """
    whole = str(text)
    return whole if len(whole) <= most else whole[: most - 3] + "..."


def _short(value: Any) -> str:
    return clipped(json.dumps(value), 40)
