"""Verifies that every image of a data set decodes and that its points belong to it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .sample import AnnotatedPhotographs

__all__ = ["CheckReport", "Finding", "check", "points_outside"]


@dataclass(frozen=True)
class Finding:
    """What there is to say of a file; the message names the file and the reason."""

    file: str
    message: str


@dataclass
class CheckReport:
    """What was found in one split.

    Attributes:
        images: how many there are.
        good: how many of them can be read, with their points.
        heads: points of all images whose points can be read.
        outside: how many of these lie outside their image; they count, but no target has them.
        bad: what cannot be used: an image, its points, or points without an image.
        notes: what can, but is odd: points outside, points marked twice, an image that is there
            twice, boxes that do not fit.
    """

    images: int = 0
    good: int = 0
    heads: int = 0
    outside: int = 0
    bad: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)


@dataclass
class _Examined:
    path: str
    digest: bytes | None = None
    heads: int = 0
    outside: int = 0
    bad: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)


def check(
    splits: Mapping[str, AnnotatedPhotographs],
    *,
    threads: int | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> dict[str, CheckReport]:
    """Read every image and every file of points, once.

    Args:
        splits: data sets by name; images that are there twice are found across them.
        threads: how many images are decoded, and so held in memory, at once; None for the
            number of processors, 8 at most.
        on_image: called after each image.

    Raises:
        ResourceError: an image does not fit into memory.
        ImportError: the points need SciPy, and it is not installed.
    """
    first: dict[bytes, str] = {}
    lone: set[str] = set()
    reports = {}
    for split, samples in splits.items():
        report = reports[split] = CheckReport()
        for examined in _examine_all(samples, threads or min(8, os.cpu_count() or 1)):
            _note_same_file(examined, first)
            report.images += 1
            report.good += not examined.bad
            report.heads += examined.heads
            report.outside += examined.outside
            report.bad += examined.bad
            report.notes += examined.notes
            on_image()
        new = [at for at in samples.lone_truth() if at not in lone]  # splits may share a folder
        report.bad += [Finding(at, f"{at}: has no image") for at in new]
        lone.update(new)
    return reports


def points_outside(
    points: npt.NDArray[np.floating], size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Which points [N, 2] lie outside an image of (height, width) pixels, its edges included."""
    beyond: npt.NDArray[np.bool_] = np.logical_or(points < 0, points > size[::-1])
    return beyond[:, 0] | beyond[:, 1]


def _examine_all(samples: AnnotatedPhotographs, threads: int) -> Iterator[_Examined]:
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(partial(_examine, samples), range(len(samples)))


def _examine(samples: AnnotatedPhotographs, index: int) -> _Examined:
    path, truth = str(samples.image_path(index)), str(samples.truth_path(index))
    examined = _Examined(path)
    size = points = None
    try:
        size = samples.image(index).shape[:2]
        examined.digest = _digest(path)
    except InputError as error:
        examined.bad.append(Finding(path, str(error)))
    try:
        points = samples.points(index)
        examined.heads = len(points)
        if size is not None:
            samples.check_size(index, size)
    except InputError as error:
        examined.bad.append(Finding(truth, str(error)))
    if points is not None:
        _note_points(examined, truth, points, size)
        try:
            samples.boxes(index)
        except InputError as error:
            examined.notes.append(Finding(truth, str(error)))
    return examined


def _note_points(
    examined: _Examined,
    truth: str,
    points: npt.NDArray[np.float32],
    size: tuple[int, int] | None,
) -> None:
    name = os.path.basename(examined.path)
    if size is not None:
        outside = points_outside(points, size)
        examined.outside = int(outside.sum())
        if examined.outside:
            x, y = points[outside][0].tolist()
            message = (
                f"{truth}: {examined.outside} of {len(points)} points lie outside the "
                f"{size[1]} x {size[0]} pixels of {name} (the first at {x:g}, {y:g})"
            )
            examined.notes.append(Finding(truth, message))
    again = len(points) - len(np.unique(points, axis=0))
    if again:
        message = f"{truth}: points of {name} are marked more than once ({again} too many)"
        examined.notes.append(Finding(truth, message))


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _note_same_file(examined: _Examined, first: dict[bytes, str]) -> None:
    if examined.digest is None:
        return
    other = first.setdefault(examined.digest, examined.path)
    if other != examined.path:
        examined.notes.append(
            Finding(examined.path, f"{examined.path}: is the same image as {other}")
        )
