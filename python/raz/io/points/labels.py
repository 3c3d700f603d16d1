"""Labels of images by which counting errors are grouped: JHU-CROWD++'s and NWPU-Crowd's lists."""

from __future__ import annotations

import os

from raz.errors import InputError
from raz.io.annotations import image_key
from raz.io.text import read_text

__all__ = ["read_labels"]

_LIMITS = {"weather": 4, "luminance": 3, "level": 5}


def read_labels(path: str | os.PathLike[str]) -> dict[str, dict[str, int]]:
    """Read labels, by :func:`raz.io.points.image_key`.

    Either JHU-CROWD++'s ``image_labels.txt``, lines ``name,count,scene,weather,distractor``,
    which gives "weather" (0 none, 1 fog, 2 rain, 3 snow); or NWPU-Crowd's ``val.txt``, lines
    ``id luminance level``, which gives "luminance" (0 to 2) and "level" (0 to 4).

    Raises:
        InputError: the file cannot be read or a line is something else.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("3110 2 1\\n")
        ...     file.flush()
        ...     read_labels(file.name)
        {'3110': {'luminance': 2, 'level': 1}}
    """
    name = os.fspath(path)
    labels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(read_text(name).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            key, values = _parse(line)
        except ValueError as error:
            raise InputError(f"{name}:{number}: {error}") from None
        if key in labels:
            raise InputError(f"{name}:{number}: image {key} is there twice")
        labels[key] = values
    return labels


def _parse(line: str) -> tuple[str, dict[str, int]]:
    fields = line.strip().split(",") if "," in line else line.split()
    if "," in line and len(fields) == 5:
        values = {"weather": fields[3]}
    elif "," not in line and len(fields) == 3:
        values = {"luminance": fields[1], "level": fields[2]}
    else:
        raise ValueError("is neither name,count,scene,weather,distractor nor id luminance level")
    for label, text in values.items():
        if not (text.strip().isdecimal() and int(text) < _LIMITS[label]):
            raise ValueError(f"{label} is {text!r}; it must be 0 to {_LIMITS[label] - 1}")
    return image_key(fields[0].strip()), {label: int(text) for label, text in values.items()}
