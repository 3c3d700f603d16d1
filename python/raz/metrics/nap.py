"""Average precision with distances measured against each head's surroundings: protocol "nap".

After P2PNet (Song et al., ICCV 2021): a prediction may match a head when its distance, divided by
the mean distance from that head to its three nearest neighbours, is below a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, as_vector, images
from raz.metrics.neighbours import mean_neighbour_distance, pairs_within
from raz.metrics.ranking import descending, greedy_hits, precision_recall
from raz.metrics.tally import Figures, Tally, ratio, total

THRESHOLDS = tuple(percent / 100 for percent in range(5, 55, 5))
"""Normalized distances .05, .10, ... .50; a pair must lie below, not on, the threshold."""


def normalized_ap(
    predictions: Iterable[npt.ArrayLike],
    scores: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
) -> Figures:
    """All-point average precision at each threshold, and their mean.

    Predictions are ranked by score over the whole set (equal scores in the order given); each
    takes the nearest of the free heads that it is allowed, equally near ones by index. With
    fewer than three neighbours the mean is over all of them; a head alone in its image is left
    out, and a prediction beside it matches nothing. Average precision is the area under
    precision over recall, precision made monotone.

    Args:
        predictions: of each image [N, 2], (x, y) in original pixels, taken as they are.
        scores: of each image [N].
        heads: of each image [M, 2].

    Returns:
        row "mean" with ap, then a row for each threshold ("0.05" ... "0.5") with ap. Undefined
        where the set has no head that counts.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, scores=scores, heads=heads)
    tallies = (normalized_ap_tally(*entry) for entry in entries)
    return normalized_ap_figures(total(tallies, normalized_ap_tally()))


def normalized_ap_tally(
    predictions: npt.ArrayLike = (), scores: npt.ArrayLike = (), heads: npt.ArrayLike = ()
) -> Tally:
    """What one image contributes."""
    points, truth = as_points("predictions", predictions), as_points("heads", heads)
    values = as_vector("scores", scores, len(points))
    if len(truth) == 1:
        truth = truth[:0]
    scale = mean_neighbour_distance(truth)
    pairs = pairs_within(points, truth, scale * THRESHOLDS[-1])
    with np.errstate(divide="ignore", invalid="ignore"):  # heads on one spot allow nothing
        normalized = pairs.distance / scale[pairs.head]
    allowed = normalized[:, None] < np.array(THRESHOLDS)
    return {
        "scores": values,
        "hits": greedy_hits(descending(values), len(truth), pairs, pairs.distance, allowed),
        "heads": np.array(len(truth)),
    }


def normalized_ap_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    heads = int(tally["heads"])
    if heads:
        precision, recall = precision_recall(tally["scores"], tally["hits"], heads)
        steps = np.diff(recall, axis=0, prepend=0)
        areas = (precision * steps).sum(axis=0).tolist()
    else:
        areas = [math.nan] * len(THRESHOLDS)
    rows = {f"{delta:g}": {"ap": area} for delta, area in zip(THRESHOLDS, areas, strict=True)}
    return {"mean": {"ap": ratio(sum(areas), len(areas))}} | rows
