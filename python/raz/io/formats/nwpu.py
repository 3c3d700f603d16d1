"""NWPU-Crowd's text: one line per image, whole numbers in original pixels.

Ground truth: ``id n (x y sigma_s sigma_l level)*``; predictions: ``id n (x y)*``. Every image is
there, without points as ``id 0``. The id is the image's file name without suffix.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection as SizedCollection
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.files import atomic_file
from raz.io.annotations import ImagePoints, PointFile, image_key, image_stem
from raz.io.formats.format import Collection, Format
from raz.io.formats.head_area import LEVELS, head_levels, head_radii
from raz.io.formats.values import encodable, recorded
from raz.io.text import clipped, open_file, read_text

if TYPE_CHECKING:
    from raz.result import Result

__all__ = [
    "Problem",
    "Validation",
    "nwpu_line",
    "read_nwpu",
    "validate_nwpu",
    "write_nwpu",
    "write_nwpu_predictions",
    "write_nwpu_truth",
]

_TRUTH, _PREDICTIONS = 5, 2
_MEANING = {_TRUTH: "x y sigma_s sigma_l level", _PREDICTIONS: "x y"}
_DIGITS = 15
"""Longer whole numbers are not all exact in float64."""

_NUMBER = re.compile("[+-]?[0-9]*")

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Problem:
    """What is wrong, and on which line; None for the file as a whole.

    Example:
        >>> Problem(3, "is empty").line
        3
    """

    line: int | None
    message: str


@dataclass(frozen=True)
class Validation:
    """What a submission file holds, and all that is wrong with it, by line.

    Example:
        >>> Validation("out.txt", images=2, points=5, problems=()).valid
        True
    """

    path: str
    images: int
    points: int
    problems: tuple[Problem, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def nwpu_line(result: Result, image_id: int | str) -> str:
    """Return a line of NWPU-Crowd's localization benchmark; see :meth:`raz.Result.to_nwpu_line`.

    Example:
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]))
        >>> image = SimpleNamespace(path="a.jpg", image_size=(9, 9), count=1.0, **head)
        >>> nwpu_line(image, 3110)
        '3110 1 3 4'
    """
    identifier = _word(str(image_id))
    floored = np.floor(recorded(result, finite=True).points).astype(np.int64)
    return _line(identifier, floored)


def read_nwpu(path: str) -> PointFile:
    """Read ground truth or predictions; see :func:`raz.io.points.read_points`.

    Empty lines are passed over.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("3110 2 10 20 0 7\\n3111 0\\n")
        ...     file.flush()
        ...     images = read_nwpu(file.name).images
        >>> {key: image.points.tolist() for key, image in images.items()}
        {'3110': [[10.0, 20.0], [0.0, 7.0]], '3111': []}
    """
    images: dict[str, ImagePoints] = {}
    width = None
    with open_file(path) as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            if not fields:
                continue
            try:
                name, rows = _parse(fields, (width,) if width else (_PREDICTIONS, _TRUTH))
                if rows.shape[1] == _TRUTH:
                    _check_heads(rows)
            except ValueError as error:
                raise InputError(f"{path}:{number}: {error}") from None
            # Ids have no suffix that could be dropped; see `image_key`.
            key = unicodedata.normalize("NFC", name)
            if key in images:
                raise InputError(
                    f"{path}:{number}: image {name} is there twice "
                    f"(first on line {images[key].line})"
                )
            width = width or (rows.shape[1] if len(rows) else None)
            images[key] = _image(name, rows, number)
    if width == _TRUTH:
        images = {key: _with_heads(image) for key, image in images.items()}
    return PointFile(path=path, kind="nwpu", images=images)


def is_nwpu(line: str) -> bool:
    """Tell whether a file's first line, of which the end may be missing, is a word and numbers."""
    numbers = line.split()[1:]
    return bool(numbers) and all(_NUMBER.fullmatch(text) for text in numbers)


def validate_nwpu(
    path: str | os.PathLike[str],
    *,
    images: int | SizedCollection[str] | None = None,
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Validation:
    """Check a submission of predictions against the format, line by line.

    Args:
        path: the file.
        images: how many images it must hold, or their ids.
        sizes: (width, height) of images in pixels: their points must lie inside, the last edge
            included.

    Returns:
        all problems: empty lines, ids that are no number or there twice, counts that do not fit,
        numbers that are not whole (NaN is not), negative or too large coordinates, missing and
        extra images.

    Raises:
        InputError: the file cannot be read at all.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("3110 2 10 20 0\\n")
        ...     file.flush()
        ...     validate_nwpu(file.name).problems[0].message
        'says 2 points, but 3 numbers follow, not 4 (x y)'
    """
    path = os.fspath(path)
    lines = read_text(path).split("\n")
    problems: list[Problem] = []
    first: dict[str, int] = {}
    points = 0
    for number, line in enumerate(lines[:-1] if not lines[-1] else lines, start=1):
        found = _line_problems(line.split(), images, sizes or {}, first)
        problems += [Problem(number, message) for message in found]
        fields = line.split()
        if fields:
            first.setdefault(fields[0], number)
            points += (len(fields) - 2) // _PREDICTIONS
    problems += _missing(first, images)
    return Validation(path, len(first), points, tuple(problems))


def write_nwpu_predictions(
    path: str | os.PathLike[str], predictions: Mapping[str, npt.ArrayLike]
) -> None:
    """Write a submission: of each image, by its id, points [N, 2]; coordinates are floored.

    Raises:
        ValueError: an id is no word, points have another shape, or a coordinate is not finite or
            negative.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "out.txt")
        ...     write_nwpu_predictions(path, {"3110": [[10.9, 20]], "3111": []})
        ...     path.read_text()
        '3110 1 10 20\\n3111 0\\n'
    """
    rows = {name: _floored(name, points) for name, points in predictions.items()}
    _write(path, rows)


def write_nwpu_truth(
    path: str | os.PathLike[str],
    heads: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    powers_of_ten_to_level_0: bool = False,
) -> None:
    """Write ground truth: of each image, by its id, points [M, 2] and boxes [M, 4].

    Args:
        path: the file.
        heads: coordinates of points are floored; boxes are edges (x1, y1, x2, y2) in pixels.
        powers_of_ten_to_level_0: see :func:`head_levels`.

    Raises:
        ValueError: as :func:`write_nwpu_predictions`; a box is missing or inverted.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "truth.txt")
        ...     write_nwpu_truth(path, {"3110": ([[10, 20]], [[7, 17, 13, 25]])})
        ...     path.read_text()
        '3110 1 10 20 3 5 1\\n'
    """
    rows = {
        name: _truth_rows(
            name,
            _floored(name, points),
            boxes,
            powers_of_ten_to_level_0=powers_of_ten_to_level_0,
        )
        for name, (points, boxes) in heads.items()
    }
    _write(path, rows)


def write_nwpu(path: str | os.PathLike[str], images: Iterable[ImagePoints]) -> None:
    """Write records: ground truth where every image has radii and levels, or boxes, of its heads.

    Raises:
        InputError: an id would not be a word or be there twice, or a coordinate is negative.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "out.txt")
        ...     write_nwpu(path, [ImagePoints(name="a.jpg", points=np.array([[3.5, 4.25]]))])
        ...     path.read_text()
        'a 1 3 4\\n'
    """
    images = list(images)
    known = all(image.boxes is not None or image.levels is not None for image in images)
    try:
        rows: dict[str, Integers] = {}
        for image in images:
            key = image_key(image.name)
            if key in rows:
                raise ValueError(f"image {key} is there twice")
            rows[key] = _record_rows(image, key, truth=known)
        _write(path, rows)
    except UnicodeEncodeError:  # a ValueError too, which `raz.io.points.write_points` names
        raise
    except ValueError as error:
        raise InputError(f"{error}; NWPU-Crowd's text cannot say this") from None


def _record_rows(image: ImagePoints, name: str, *, truth: bool) -> Integers:
    points = _floored(name, image.points)
    if not truth:
        return points
    if image.levels is not None and image.sigmas is not None:
        return np.column_stack([points, image.sigmas.astype(np.int64), image.levels])
    assert image.boxes is not None, "radii or boxes were asked for"
    return _truth_rows(name, points, image.boxes)


def _truth_rows(
    name: str, points: Integers, boxes: npt.ArrayLike, *, powers_of_ten_to_level_0: bool = False
) -> Integers:
    sigmas = head_radii(boxes)
    if len(points) != len(sigmas):
        raise ValueError(f"image {name}: has {len(points)} points but {len(sigmas)} boxes")
    levels = head_levels(boxes, powers_of_ten_to_level_0=powers_of_ten_to_level_0)
    return np.column_stack([points, sigmas.astype(np.int64), levels])


def _parse(fields: list[str], widths: tuple[int, ...]) -> tuple[str, Integers]:
    """The id of a line and its numbers, [n, 2] or [n, 5].

    Raises:
        ValueError: the line is something else; the message says what.
    """
    if len(fields) < 2:
        raise ValueError(f"holds only {clipped(fields[0])!r}; a line is: id n and the points")
    number, *values = _integers(fields[1:])
    if number < 0:
        raise ValueError(f"says {number} points")
    for width in widths:
        if len(values) == width * number:
            return fields[0], np.array(values, dtype=np.int64).reshape(number, width)
    wanted = " or ".join(f"{width * number} ({_MEANING[width]})" for width in widths)
    raise ValueError(f"says {number} points, but {len(values)} numbers follow, not {wanted}")


def _integers(fields: list[str]) -> list[int]:
    """The numbers of a line after its id, which is field 1."""
    if (
        all(map(str.isdigit, fields))
        and "".join(fields).isascii()
        and max(map(len, fields)) <= _DIGITS
    ):
        return list(map(int, fields))  # in one go: nearly every line
    return [_integer(field, place) for place, field in enumerate(fields, start=2)]


def _integer(text: str, place: int) -> int:
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"field {place} is {clipped(text)!r}; it must be a whole number")
    if len(digits) > _DIGITS:
        raise ValueError(f"field {place} is {text[:15]}..., too large")
    return int(text)


def _check_heads(rows: Integers) -> None:
    for index, (sigma_s, sigma_l, level) in enumerate(rows[:, 2:].tolist(), start=1):
        if sigma_s < 0 or sigma_l < 0:
            raise ValueError(f"head {index} has a negative radius ({sigma_s} {sigma_l})")
        if not 0 <= level < LEVELS:
            raise ValueError(f"head {index} has level {level}; it must be 0 to {LEVELS - 1}")


def _image(name: str, rows: Integers, line: int) -> ImagePoints:
    points = rows[:, :2].astype(np.float64)
    if rows.shape[1] == _PREDICTIONS:
        return ImagePoints(name=name, points=points, line=line)
    sigmas = rows[:, 2:4].astype(np.float64)
    return ImagePoints(name=name, points=points, sigmas=sigmas, levels=rows[:, 4], line=line)


def _with_heads(image: ImagePoints) -> ImagePoints:
    """An image of a ground truth file: one without heads looks like one without predictions."""
    if image.sigmas is not None:
        return image
    return _image(image.name, np.zeros((0, _TRUTH), dtype=np.int64), image.line or 0)


def _line_problems(
    fields: list[str],
    images: int | SizedCollection[str] | None,
    sizes: Mapping[str, tuple[int, int]],
    first: Mapping[str, int],
) -> list[str]:
    if not fields:
        return ["is empty; a line is: id n and the points"]
    problems = []
    name = fields[0]
    if not (name.isascii() and name.isdigit()):
        problems.append(f"id is {clipped(name)!r}; it must be a whole number")
    if name in first:
        problems.append(f"image {name} is there twice (first on line {first[name]})")
    if images is not None and not isinstance(images, int) and name not in images:
        problems.append(f"image {name} is not among the {len(images)} expected")
    try:
        _, points = _parse(fields, (_PREDICTIONS,))
    except ValueError as error:
        return [*problems, str(error)]
    problems += _outside(points, points < 0, "is negative")
    if name in sizes:
        width, height = sizes[name]
        problems += _outside(points, points > (width, height), f"is outside {width} x {height}")
    return problems


def _outside(points: Integers, wrong: npt.NDArray[np.bool_], what: str) -> list[str]:
    rows = np.flatnonzero(wrong.any(axis=1))
    if not len(rows):
        return []
    x, y = points[rows[0]].tolist()
    others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return [f"point {rows[0] + 1} ({x} {y}) {what}{others}"]


def _missing(first: Mapping[str, int], images: int | SizedCollection[str] | None) -> list[Problem]:
    if images is None:
        return []
    if isinstance(images, int):
        message = f"holds {len(first)} images, not {images}"
        return [Problem(None, message)] if len(first) != images else []
    return [Problem(None, f"image {name} is missing") for name in images if name not in first]


def _floored(name: str, points: npt.ArrayLike) -> Integers:
    xy = np.asarray(points, dtype=np.float64)
    if xy.size == 0:
        xy = xy.reshape(0, 2)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise ValueError(f"image {name}: points have shape {list(xy.shape)}; it must be [N, 2]")
    if not ((xy >= 0) & (xy < 10**_DIGITS)).all():  # written so that NaN fails too
        raise ValueError(f"image {name}: a coordinate is not finite, or negative")
    return np.floor(xy).astype(np.int64)


def _write(path: str | os.PathLike[str], rows: Mapping[str, Integers]) -> None:
    for name in rows:
        if not name or name.split() != [name]:
            raise ValueError(f"id is {name!r}; it must be a word without white space")
    with atomic_file(path) as file:
        file.writelines(_line(name, values) + "\n" for name, values in rows.items())


def _line(identifier: str, rows: Integers) -> str:
    return " ".join(map(str, [identifier, len(rows), *rows.ravel().tolist()]))


def _word(identifier: str) -> str:
    if not identifier or any(character.isspace() for character in identifier):
        raise ValueError(f"image_id is {identifier!r}; it must be a word without white space")
    return identifier


def _identifier(path: str) -> str:
    try:
        return _word(encodable(image_stem(path)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}, to be in NWPU-Crowd's text") from None


def _line_by_name(result: Result) -> str:
    if result.path is None:
        raise ValueError("an image in memory has no id; write to_nwpu_line(image_id) yourself")
    return nwpu_line(result, _identifier(result.path)) + "\n"


FORMAT = Format(
    name="nwpu",
    suffixes=(".txt",),
    text=_line_by_name,
    collection=partial(Collection, _line_by_name),
    check_name=_identifier,
)
"""The id is the image's file name without its suffix."""
