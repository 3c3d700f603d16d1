"""Verify that every image of a data set decodes and that its points belong to it."""

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
from .truth import described, points_outside, rising_distances, y_seems_upwards

__all__ = ["CheckReport", "Finding", "check"]


_UPWARDS = (
    "in most images heads stand closer together further down, as if y were counted upwards from "
    "the lower edge"
)


@dataclass(frozen=True)
class Finding:
    """One finding about a file. The message names the file and the reason.

    Example:
        >>> Finding("a.jpg", "a.jpg: no such file").file
        'a.jpg'
    """

    file: str
    message: str


@dataclass
class CheckReport:
    """The findings in one split.

    Attributes:
        images: number of images.
        good: number of images that can be read, with their points.
        heads: number of points in all files of points that can be read.
        outside: number of those outside their image. They count, but are in no target.
        wrong: number of images whose points can be read, but cannot be right: in another unit or
            frame, or not as many as their file states. A note says why; see `raz.data.truth`.
        bad: what cannot be used: images, points, and points without an image.
        notes: what can be used but is unusual: points outside, points marked twice, points that
            cannot be right, images that occur twice, images that are left out, boxes that do not
            fit.

    Example:
        >>> CheckReport(images=2, good=1).bad
        []
    """

    images: int = 0
    good: int = 0
    heads: int = 0
    outside: int = 0
    wrong: int = 0
    bad: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)


@dataclass
class _Examined:
    path: str
    digest: bytes | None = None
    heads: int = 0
    outside: int = 0
    wrong: bool = False
    recedes: float | None = None
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
        splits: data sets by name. Images that occur twice are found across them.
        threads: number of images that are decoded, and held in memory, at once. By default the
            number of processors, at most 8.
        on_image: called after each image.

    Raises:
        ResourceError: an image does not fit into memory.
        ImportError: the points need SciPy, and it is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import open_data_set
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/street.png")
        ...     _ = Path(folder, "street.txt").write_text("12.5 30\\n70 3\\n")
        ...     report = check({"train": open_data_set(folder)})["train"]
        >>> report.images, report.good, report.heads, report.outside
        (1, 1, 2, 1)
    """
    first: dict[bytes, str] = {}
    lone: set[str] = set()
    reports = {}
    for split, samples in splits.items():
        report = reports[split] = CheckReport()
        recedes: list[float | None] = []
        for examined in _examine_all(samples, threads or min(8, os.cpu_count() or 1)):
            _note_same_file(examined, first)
            report.images += 1
            report.good += not examined.bad
            report.heads += examined.heads
            report.outside += examined.outside
            report.wrong += examined.wrong
            recedes.append(examined.recedes)
            report.bad += examined.bad
            report.notes += examined.notes
            on_image()
        if y_seems_upwards(recedes):
            report.notes.append(Finding(split, f"{split}: {_UPWARDS}"))
        new = [at for at in samples.lone_truth() if at not in lone]  # splits may share a folder
        report.bad += [Finding(at, f"{at}: has no image") for at in new]
        lone.update(new)
        new = [at for at in samples.left_out() if at not in lone]
        report.notes += [
            Finding(at, f"{at}: is left out, for the layout has no such name") for at in new
        ]
        lone.update(new)
    return reports


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
        _note_wrong(examined, samples, index, points, size)
        examined.recedes = rising_distances(points)
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


def _note_wrong(
    examined: _Examined,
    samples: AnnotatedPhotographs,
    index: int,
    points: npt.NDArray[np.float32],
    size: tuple[int, int] | None,
) -> None:
    messages = described(samples, index, points, size, samples.stated_count(index))
    examined.wrong = bool(messages)
    truth = str(samples.truth_path(index))
    examined.notes += [Finding(truth, message) for message in messages]


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
