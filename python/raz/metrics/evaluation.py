"""A protocol applied to two files of points: what was predicted and what is there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raz.errors import InputError, ResourceError
from raz.io.annotations import same_places
from raz.io.points import ImagePoints, PointFile, read_points
from raz.io.text import clipped
from raz.metrics.protocol import Protocol, persons
from raz.metrics.registry import default_protocols
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["Evaluation", "evaluate", "pair"]

_NAMED = 5
"""How many images a message names."""

_NOBODY = ImagePoints(points=np.zeros((0, 2)))

Pair = tuple[ImagePoints, ImagePoints]


@dataclass(frozen=True)
class Evaluation:
    """The figures of a set of images by one protocol.

    Attributes:
        protocol: what was measured and how.
        figures: rows of named figures; NaN where undefined.
        images: number of images.
        per_image: for each image by itself the protocol's main rows, and a row "image" with
            heads, predictions and count, in persons.
        read_from: what of the file of predictions was taken, in one line, where that is not plain:
            which counts; else "".

    Example:
        >>> import numpy as np
        >>> from raz.io.points import ImagePoints, PointFile
        >>> from raz.metrics import evaluate
        >>> image = ImagePoints(points=np.array([[10.0, 10.0]]))
        >>> file = PointFile(path="points.csv", kind="csv", images={"a": image})
        >>> evaluation = evaluate(file, file, "fixed")
        >>> evaluation.images, evaluation.figures["4px"]["f1"]
        (1, 1.0)
        >>> evaluation.per_image["a"]["image"]
        {'heads': 1, 'predictions': 1, 'count': 1}
        >>> evaluation.protocol.rule
        'within 4 px, 8 px, coordinates floored; maximum matching; summed over the set'
    """

    protocol: Protocol
    figures: MetricTable
    images: int
    per_image: Mapping[str, MetricTable]
    read_from: str = ""


def evaluate(
    predictions: PointFile | str | os.PathLike[str],
    truth: PointFile | str | os.PathLike[str],
    protocol: str,
    *,
    missing: Literal["error", "empty"] = "error",
    extra: Literal["error", "ignore"] = "error",
) -> Evaluation:
    """Measure predictions by a protocol.

    Args:
        predictions: a file of points, or its path; see :func:`raz.io.points.read_points`.
            Protocols that rank by score take points of a file without scores in its order.
        truth: likewise. What protocols need beside points: "nwpu" radii and levels, which NWPU's
            text and COCO's boxes give; "count" sizes for GAME(1) to GAME(3) and labels for
            categories, see :meth:`raz.io.points.PointFile.with_sizes` and ``with_labels``.
        protocol: a name of :data:`raz.metrics.PROTOCOLS`.
        missing: what becomes of images of ``truth`` that ``predictions`` lacks: "error", or
            "empty" for images without predictions.
        extra: what becomes of images of ``predictions`` that ``truth`` lacks: "error", or
            "ignore".

    Returns:
        the figures, with the protocol they are of.

    Raises:
        ValueError: no such protocol, or ``missing`` or ``extra`` is none of its words.
        InputError: a file cannot be read, images are missing or extra, or the ground truth lacks
            what the protocol needs. The message names the file, and the line where there is one.

    Example:
        >>> import pathlib, tempfile
        >>> from raz.metrics import evaluate
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     predicted, true = pathlib.Path(folder, "pred.txt"), pathlib.Path(folder, "gt.csv")
        ...     _ = predicted.write_text("1 2 13 10 80 80")
        ...     _ = true.write_text("image,x,y\\n1,10,10\\n")
        ...     table = evaluate(predicted, true, "fixed").figures
        >>> print(table)
                   f1  precision     recall  tp  fp  fn
        4px  66.6667%   50.0000%  100.0000%   1   1   0
        8px  66.6667%   50.0000%  100.0000%   1   1   0
    """
    protocols = default_protocols()
    if protocol not in protocols:
        raise ValueError(f"protocol is {protocol!r}; it must be one of {', '.join(protocols)}")
    if not isinstance(predictions, PointFile):
        predictions = read_points(predictions)
    if not isinstance(truth, PointFile):
        truth = read_points(truth)
    chosen = protocols[protocol]
    chosen.check(predictions, truth)
    pairs = pair(predictions, truth, missing=missing, extra=extra)
    parts = chosen.parts(truth)
    states = {key: _states(parts, key, *both) for key, both in pairs.items()}
    sums = [
        part.blank().joined_with(mine[index] for mine in states.values())
        for index, part in enumerate(parts)
    ]
    return Evaluation(
        protocol=chosen,
        figures=_table(parts, sums),
        images=len(pairs),
        per_image={
            key: MetricTable(_description(*pairs[key]) | _main_rows(chosen, _table(parts, mine)))
            for key, mine in states.items()
        },
        read_from=chosen.read_from(predictions),
    )


def pair(
    predictions: PointFile,
    truth: PointFile,
    *,
    missing: Literal["error", "empty"] = "error",
    extra: Literal["error", "ignore"] = "error",
) -> dict[str, Pair]:
    """Return predictions and truth of each image, in the order of the predictions.

    Images of one name in several folders pair by their folders, as far as both files have these.

    Raises:
        InputError: images are missing or extra, unless allowed.
        ValueError: ``missing`` or ``extra`` is none of its words.

    Example:
        >>> one = ImagePoints(points=np.array([[10.0, 10.0]]))
        >>> found = PointFile(path="found.csv", kind="csv", images={"b": one, "a": one})
        >>> truth = PointFile(path="true.csv", kind="csv", images={"a": one, "b": one, "c": one})
        >>> pairs = pair(found, truth, missing="empty")
        >>> {key: len(predicted.points) for key, (predicted, _) in pairs.items()}
        {'b': 1, 'a': 1, 'c': 0}
    """
    for name, value, other in (("missing", missing, "empty"), ("extra", extra, "ignore")):
        if value not in ("error", other):
            raise ValueError(f"{name} is {value!r}; it must be 'error' or {other!r}")
    names = truth.keys if predictions.by_id else same_places(predictions, truth)
    if predictions.by_id or names:
        predictions = predictions.renamed(names)
    alone = len(predictions.images) == len(truth.images) == 1
    if alone and (predictions.unnamed or truth.unnamed):
        predictions = predictions.renamed(dict(zip(predictions.images, truth.images, strict=True)))
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


def _states(
    parts: Sequence[Protocol], key: str, predictions: ImagePoints, truth: ImagePoints
) -> list[MetricState]:
    """What one image contributes to each part."""
    try:
        return [part.update(**part.read(predictions, truth)) for part in parts]
    except ResourceError as error:
        raise ResourceError(f"{clipped(key, 200)}: {error}") from None


def _some(keys: Sequence[str]) -> str:
    names = ", ".join(clipped(key, 200) for key in keys[:_NAMED]) + (
        ", ..." if len(keys) > _NAMED else ""
    )
    return f"image {names} is" if len(keys) == 1 else f"{len(keys)} images are ({names})"


def _table(parts: Sequence[Protocol], states: Sequence[MetricState]) -> MetricTable:
    merged = MetricTable()
    for part, state in zip(parts, states, strict=True):
        merged.update(part.compute(state))
    return merged


def _main_rows(protocol: Protocol, table: MetricTable) -> dict[str, dict[str, float]]:
    return {row: table[row] for row in protocol.main or table}


def _description(predictions: ImagePoints, truth: ImagePoints) -> dict[str, dict[str, float]]:
    heads, found = len(truth.points), len(predictions.points)
    return {"image": {"heads": heads, "predictions": found, "count": persons(predictions)}}
