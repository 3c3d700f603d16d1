"""Average precision with distances relative to each head's surroundings: protocol "nap"."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, as_vector
from raz.metrics.figures import ratio
from raz.metrics.protocol import PointProtocol
from raz.metrics.ranking import descending, greedy_hits, precision_recall
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable
from raz.neighbours import mean_neighbour_distance, pairs_within

__all__ = ["NAP"]

_THRESHOLDS = tuple(percent / 100 for percent in range(5, 55, 5))
"""Normalized distances .05, .10, ... .50; a pair must lie below, not on, the threshold."""


@register_protocol
@dataclass(frozen=True, kw_only=True)
class NAP(PointProtocol):
    """Measure all-point average precision with normalized distances, after P2PNet (ICCV 2021).

    A prediction may match a head when its distance, divided by the mean distance from that head
    to its three nearest neighbours, is below a threshold: .05, .10, ... .50. Predictions are
    ranked by score over the whole set, equal scores in the order given. Each takes the nearest of
    the free heads that it is allowed, equally near ones by index. With fewer than three
    neighbours the mean is over all of them. A head alone in its image is left out, and a
    prediction beside it matches nothing. Average precision is the area under precision over
    recall, with precision made monotone.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels, taken as they are.
        scores: for each image [N].
        heads: for each image [M, 2].

    Returns:
        row "mean" with ap, then a row for each threshold ("0.05" to "0.5") with ap. Undefined
        where the set has no head that counts.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.

    Example:
        >>> from raz.metrics import normalized_ap
        >>> heads = [[0, 0], [10, 0]]  # each is the other's only neighbour, at 10 px
        >>> table = normalized_ap([[[1, 0]]], [[0.9]], [heads])
        >>> table["0.1"]["ap"], table["0.15"]["ap"]  # a normalized distance of 0.1
        (0.0, 0.5)

        As a torchmetrics metric:

        >>> from raz.metrics import NormalizedAP
        >>> metric = NormalizedAP()
        >>> metric.update([{"points": [[1, 0]], "scores": [0.9]}], [{"points": heads}])
        >>> float(metric.compute()["0.15_ap"])
        0.5
    """

    name = "nap"
    function = "normalized_ap"
    metric = "NormalizedAP"
    rule = (
        "distance over the mean to the head's 3 nearest below .05 ... .50; ranked by score "
        "over the set, to the nearest free head; all-point AP"
    )
    figures = "AP for each threshold, and their mean"
    higher_is_better = True
    main = ("mean",)

    def update(
        self, predictions: npt.ArrayLike, scores: npt.ArrayLike, heads: npt.ArrayLike
    ) -> MetricState:
        """Return what one image contributes."""
        points, truth = as_points("predictions", predictions), as_points("heads", heads)
        values = as_vector("scores", scores, len(points))
        if len(truth) == 1:
            truth = truth[:0]
        scale = mean_neighbour_distance(truth)
        # Heads on one spot allow nothing.
        pairs = pairs_within(points, truth, np.where(scale > 0, scale * _THRESHOLDS[-1], -1.0))
        normalized = pairs.distance / scale[pairs.head]
        allowed = normalized[:, None] < np.array(_THRESHOLDS)
        hits = greedy_hits(descending(values), len(truth), pairs, pairs.distance, allowed)
        return MetricState({"heads": len(truth)}, {"scores": values, "hits": hits})

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        heads = int(state["heads"])
        if heads:
            precision, recall = precision_recall(state["scores"], state["hits"], heads)
            steps = np.diff(recall, axis=0, prepend=0)
            areas = (precision * steps).sum(axis=0).tolist()
        else:
            areas = [math.nan] * len(_THRESHOLDS)
        rows = {f"{delta:g}": {"ap": area} for delta, area in zip(_THRESHOLDS, areas, strict=True)}
        return MetricTable({"mean": {"ap": ratio(sum(areas), len(areas))}, **rows})
