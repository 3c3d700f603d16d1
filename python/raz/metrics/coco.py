"""AP and AR of points by similarity, as the paper reports them (Liu et al., CVPR 2019).

Similarity of a prediction to a head at distance d is exp(-d^2 / 2 sigma^2); a pair is allowed
where it reaches a threshold. Protocol "coco" ranks predictions by score over the whole set;
protocol "coco-macro" is what a public script computes under the same names: predictions in the
order given, precision and recall of each image, averaged over the images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, as_vector, images
from raz.metrics.neighbours import pairs_within
from raz.metrics.ranking import Flags, descending, greedy_hits, precision_recall
from raz.metrics.tally import Figures, Floats, Integers, Tally, ratio, total

SIGMAS = (5.0, 20.0, 40.0)
"""Pixels of the original image."""

THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""Similarities .50, .55, ... .95."""

_RECALLS = np.linspace(0, 1, 101)


def coco_points(
    predictions: Iterable[npt.ArrayLike],
    scores: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    sigmas: Sequence[float] = SIGMAS,
) -> Figures:
    """Average precision (101-point interpolated) and final recall, score-ranked over the set.

    Within an image predictions take heads by descending score, each the most similar free head;
    equal scores go in the order given, equal similarities to the lower head index.

    Args:
        predictions: of each image [N, 2], (x, y) in original pixels, taken as they are.
        scores: of each image [N].
        heads: of each image [M, 2].
        sigmas: widths of the similarity in pixels.

    Returns:
        a row for each sigma ("sigma5" ...) with ap50, ap75, map, ar50, ar75, mar. Undefined
        where the set has no head.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, scores=scores, heads=heads)
    tallies = (coco_tally(*entry, sigmas=sigmas) for entry in entries)
    return coco_figures(total(tallies, coco_tally(sigmas=sigmas)), sigmas=sigmas)


def coco_tally(
    predictions: npt.ArrayLike = (),
    scores: npt.ArrayLike = (),
    heads: npt.ArrayLike = (),
    *,
    sigmas: Sequence[float] = SIGMAS,
) -> Tally:
    """What one image contributes."""
    points, truth = as_points("predictions", predictions), as_points("heads", heads)
    values = as_vector("scores", scores, len(points))
    order = descending(values)
    hits = [_hits(points, truth, order, sigma) for sigma in sigmas]
    return {
        "scores": values,
        "hits": np.stack(hits, axis=1),
        "heads": np.array(len(truth)),
    }


def coco_figures(tally: Tally, *, sigmas: Sequence[float] = SIGMAS) -> Figures:
    """Figures of a joined tally."""
    heads = int(tally["heads"])
    figures = {}
    for index, sigma in enumerate(sigmas):
        if heads:
            curves = precision_recall(tally["scores"], tally["hits"][:, index], heads)
            precision = _interpolated(*curves)
            recall = tally["hits"][:, index].sum(axis=0) / heads
        else:
            precision = recall = np.full(len(THRESHOLDS), math.nan)
        figures[f"sigma{sigma:g}"] = _row(precision, recall)
    return figures


def coco_points_macro(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    sigmas: Sequence[float] = SIGMAS,
) -> Figures:
    """Precision and recall of each image, averaged over images: the public script's reading.

    An image with neither heads nor predictions counts as precision 1 and recall 1; one with
    predictions but no head as precision 0, and is left out of recall; one with heads but no
    prediction as 0 and 0.

    Args, Returns, Raises: as :func:`coco_points`, without scores; predictions take heads in the
    order given. The rows' "ap" and "ar" are these averages, named as the script names them.
    """
    entries = images(predictions=predictions, heads=heads)
    tallies = (coco_macro_tally(*entry, sigmas=sigmas) for entry in entries)
    blank = coco_macro_tally(sigmas=sigmas)
    return coco_macro_figures(total(tallies, blank), sigmas=sigmas)


def coco_macro_tally(
    predictions: npt.ArrayLike = (),
    heads: npt.ArrayLike = (),
    *,
    sigmas: Sequence[float] = SIGMAS,
) -> Tally:
    """What one image contributes."""
    points, truth = as_points("predictions", predictions), as_points("heads", heads)
    order = np.arange(len(points))
    hits = np.stack([_hits(points, truth, order, sigma) for sigma in sigmas], axis=1)
    matched = hits.sum(axis=0).astype(np.float64)
    empty = not len(points) and not len(truth)
    return {
        "precision": matched / max(len(points), 1) + empty,
        "recall": matched / max(len(truth), 1) + empty,
        "images": np.array(1),
        "recall_images": np.array(1 if len(truth) or empty else 0),
    }


def coco_macro_figures(tally: Tally, *, sigmas: Sequence[float] = SIGMAS) -> Figures:
    """Figures of a joined tally."""

    def mean(name: str, images: str) -> Floats:
        count = int(tally[images])
        values: Floats = tally[name] / count if count else np.full_like(tally[name], math.nan)
        return values

    rows = zip(mean("precision", "images"), mean("recall", "recall_images"), strict=True)
    return {f"sigma{sigma:g}": _row(*row) for sigma, row in zip(sigmas, rows, strict=True)}


def _hits(points: Floats, heads: Floats, order: Integers, sigma: float) -> Flags:
    """Which predictions take a head at each threshold: bool [N, T]."""
    reach = sigma * math.sqrt(-2 * math.log(THRESHOLDS[0]))
    pairs = pairs_within(points, heads, reach)
    similarity = np.exp(-pairs.squared / (2 * sigma**2))
    allowed = similarity[:, None] >= np.array(THRESHOLDS)
    return greedy_hits(order, len(heads), pairs, -similarity, allowed)


def _interpolated(precision: Floats, recall: Floats) -> Floats:
    """Mean precision at 101 recalls, [T]; 0 at recalls that are never reached."""
    padded = np.vstack([precision, np.zeros(precision.shape[1])])
    places = [np.searchsorted(column, _RECALLS, side="left") for column in recall.T]
    return np.array([padded[place, k].mean() for k, place in enumerate(places)])


def _row(precision: Floats, recall: Floats) -> dict[str, float]:
    named = {}
    for name, values in (("ap", precision), ("ar", recall)):
        named[f"{name}50"] = float(values[THRESHOLDS.index(0.5)])
        named[f"{name}75"] = float(values[THRESHOLDS.index(0.75)])
        named[f"m{name}"] = ratio(values.sum(), len(values))
    return named
