"""Mean localization error, after LSC-CNN (Sam et al., TPAMI 2020): protocol "mle"."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, images
from raz.metrics.neighbours import pairs_within
from raz.metrics.tally import Figures, Floats, Tally, ratio, total

LIMIT = 16.0
"""Pixels: pairs must be nearer than this, and each one unmatched costs this much."""


def mean_localization_error(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    limit: float = LIMIT,
) -> Figures:
    """Mean error in pixels a head, averaged over the images that have heads.

    In each image all pairs nearer than ``limit`` are taken by growing distance where both are
    still free; equally distant ones by prediction, then by head. The image's error is the sum of
    their distances, plus ``limit`` for each prediction or each head left over, whichever are
    more, divided by the number of heads.

    Args:
        predictions: of each image [N, 2], (x, y) in original pixels, taken as they are.
        heads: of each image [M, 2].
        limit: in pixels.

    Returns:
        row "all" with mle and images_with_heads. An image without heads has no such error and
        is left out; undefined where no image has heads.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, heads=heads)
    return mle_figures(total((mle_tally(*entry, limit=limit) for entry in entries), mle_tally()))


def mle_tally(
    predictions: npt.ArrayLike = (), heads: npt.ArrayLike = (), *, limit: float = LIMIT
) -> Tally:
    """What one image contributes."""
    points, truth = as_points("predictions", predictions), as_points("heads", heads)
    distances = _matched_distances(points, truth, limit)
    left_over = max(len(points), len(truth)) - len(distances)
    error = (sum(distances) + limit * left_over) / max(len(truth), 1)
    return {
        "error": np.array(error if len(truth) else 0.0),
        "images_with_heads": np.array(int(len(truth) > 0)),
    }


def mle_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    images_with_heads = int(tally["images_with_heads"])
    error = ratio(float(tally["error"]), images_with_heads)
    return {"all": {"mle": error, "images_with_heads": images_with_heads}}


def _matched_distances(points: Floats, heads: Floats, limit: float) -> list[float]:
    pairs = pairs_within(points, heads, limit)
    free_point, free_head = [True] * len(points), [True] * len(heads)
    taken = []
    nearest_first = np.argsort(pairs.squared, kind="stable")
    columns = (pairs.point, pairs.head, pairs.distance)
    candidates = (column[nearest_first].tolist() for column in columns)
    for point, head, distance in zip(*candidates, strict=True):
        if distance < limit and free_point[point] and free_head[head]:
            free_point[point] = free_head[head] = False
            taken.append(distance)
    return taken
