"""A protocol applied to two files of points: what was predicted and what is there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raz.errors import InputError
from raz.io.points import ImagePoints, PointFile, read_points
from raz.metrics.protocols import PROTOCOLS, Part, Protocol, persons
from raz.metrics.tally import Figures, Tally, total

__all__ = ["Evaluation", "evaluate", "pair"]

_NAMED = 5
"""How many images a message names."""

_NOBODY = ImagePoints(points=np.zeros((0, 2)))

Pair = tuple[ImagePoints, ImagePoints]


@dataclass(frozen=True)
class Evaluation:
    """Figures of a set of images by one protocol.

    Attributes:
        protocol: what was measured and how.
        figures: rows of named figures; NaN where undefined.
        images: number of images.
        per_image: of each image by itself the protocol's main rows, and a row "image" with
            heads, predictions and count, in persons.
    """

    protocol: Protocol
    figures: Figures
    images: int
    per_image: Mapping[str, Figures]


def evaluate(
    predictions: PointFile | str | os.PathLike[str],
    truth: PointFile | str | os.PathLike[str],
    protocol: str,
    *,
    missing: Literal["error", "empty"] = "error",
    extra: Literal["error", "ignore"] = "error",
) -> Evaluation:
    """Measures predictions by a protocol.

    Args:
        predictions: a file of points, or its path; see :func:`raz.io.points.read_points`.
            Protocols that rank by score take points of a file without scores in its order.
        truth: likewise. What protocols need beside points: "nwpu" radii and levels, which NWPU's
            text and COCO's boxes give; "count" sizes for GAME(1) to GAME(3) and labels for
            categories, see :meth:`raz.io.points.PointFile.with_sizes` and ``with_labels``.
        protocol: a name of :data:`raz.metrics.PROTOCOLS`.
        missing: what becomes of images of ``truth`` that ``predictions`` lacks: an error, or
            images without predictions.
        extra: what becomes of images of ``predictions`` that ``truth`` lacks: an error, or
            nothing.

    Returns:
        the figures, with the protocol they are of.

    Raises:
        ValueError: no such protocol.
        InputError: a file cannot be read, images are missing or extra, or the ground truth lacks
            what the protocol needs. The message names the file, and the line where there is one.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol is {protocol!r}; it must be one of {', '.join(PROTOCOLS)}")
    if not isinstance(predictions, PointFile):
        predictions = read_points(predictions)
    if not isinstance(truth, PointFile):
        truth = read_points(truth)
    chosen = PROTOCOLS[protocol]
    if chosen.name == "nwpu":
        _check_heads(truth)
    if chosen.ranked:
        _check_scores(predictions)
    pairs = pair(predictions, truth, missing=missing, extra=extra)
    parts = chosen.parts(truth)
    tallies = {key: [part.tally(*both) for part in parts] for key, both in pairs.items()}
    return Evaluation(
        protocol=chosen,
        figures=_figures(parts, _sums(parts, list(tallies.values()))),
        images=len(pairs),
        per_image={
            key: _description(*pairs[key]) | _main_rows(chosen, _figures(parts, mine))
            for key, mine in tallies.items()
        },
    )


def pair(
    predictions: PointFile,
    truth: PointFile,
    *,
    missing: Literal["error", "empty"] = "error",
    extra: Literal["error", "ignore"] = "error",
) -> dict[str, Pair]:
    """Predictions and truth of each image, in the order of the predictions.

    Raises:
        InputError: images are missing or extra, unless allowed.
    """
    if predictions.by_id:
        predictions = predictions.renamed(truth.keys)
    lacking = [key for key in truth.images if key not in predictions.images]
    unknown = [key for key in predictions.images if key not in truth.images]
    if unknown and extra == "error":
        where = predictions.where(unknown[0])
        raise InputError(f"{where}: {_some(unknown)} not in {truth.path}")
    if lacking and missing == "error":
        raise InputError(
            f"{predictions.path}: {_some(lacking)} missing, of those in {truth.where(lacking[0])}"
        )
    common = [key for key in predictions.images if key in truth.images]
    pairs = {key: (predictions.images[key], truth.images[key]) for key in common}
    return pairs | {key: (_NOBODY, truth.images[key]) for key in lacking}


def _some(keys: Sequence[str]) -> str:
    names = ", ".join(keys[:_NAMED]) + (", ..." if len(keys) > _NAMED else "")
    return f"image {names} is" if len(keys) == 1 else f"{len(keys)} images are ({names})"


def _check_heads(truth: PointFile) -> None:
    for key, image in truth.images.items():
        if len(image.points) and (image.sigmas is None or image.levels is None):
            raise InputError(
                f"{truth.where(key)}: protocol nwpu needs a radius and a level for each head: "
                "NWPU's text with five numbers a head, or COCO with boxes"
            )


def _check_scores(predictions: PointFile) -> None:
    images = predictions.images.values()
    if len({image.scores is None for image in images if len(image.points)}) > 1:
        raise InputError(f"{predictions.path}: some images have scores and some have none")


def _sums(parts: Sequence[Part], tallies: Sequence[Sequence[Tally]]) -> list[Tally]:
    """The joined tally of each part."""
    blank = [part.tally(_NOBODY, _NOBODY) for part in parts]
    return [total((mine[k] for mine in tallies), like) for k, like in enumerate(blank)]


def _figures(parts: Sequence[Part], tallies: Sequence[Tally]) -> Figures:
    merged: Figures = {}
    for part, tally in zip(parts, tallies, strict=True):
        merged |= part.figures(tally)
    return merged


def _main_rows(protocol: Protocol, figures: Figures) -> Figures:
    return {row: figures[row] for row in protocol.main or figures}


def _description(predictions: ImagePoints, truth: ImagePoints) -> Figures:
    heads, found = len(truth.points), len(predictions.points)
    return {"image": {"heads": heads, "predictions": found, "count": persons(predictions)}}
