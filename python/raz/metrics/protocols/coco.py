"""AP and AR of points by similarity, as the RAZ-Net paper reports them: protocol "coco"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_points, as_vector, check_lengths
from raz.metrics.protocol import PointProtocol
from raz.metrics.ranking import descending, precision_recall
from raz.metrics.registry import register_protocol
from raz.metrics.similarity import SIGMAS, THRESHOLDS, ap_and_ar, similarity_hits
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["COCO"]

_RECALLS = np.linspace(0, 1, 101)


@register_protocol
@dataclass(frozen=True, kw_only=True)
class COCO(PointProtocol):
    """Measure average precision (101-point interpolated) and final recall (Liu et al., CVPR 2019).

    The similarity of a prediction to a head at distance d is exp(-d^2 / 2 sigma^2). A pair is
    allowed where it reaches a threshold: .50, .55, ... .95. Predictions are ranked by score over
    the whole set. Within an image they take heads by descending score, each the most similar free
    head; equal scores go in the order given, equal similarities to the lower head index.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels, taken as they are.
        scores: for each image [N].
        heads: for each image [M, 2].
        sigmas: widths of the similarity, in pixels.

    Returns:
        a row for each sigma ("sigma5", "sigma20", "sigma40") with ap50, ap75, map, ar50, ar75,
        mar. Undefined where the set has no head.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite, or
            ``sigmas`` that are not above 0.

    Example:
        >>> from raz.metrics import coco_points
        >>> table = coco_points([[[90, 90], [1, 0]]], [[0.9, 0.8]], [[[0, 0]]])
        >>> table["sigma5"]["ap50"], table["sigma5"]["ar50"]  # a false alarm ranks first
        (0.5, 1.0)

        As a torchmetrics metric:

        >>> from raz.metrics import COCOPoints
        >>> metric = COCOPoints(sigmas=(5,))
        >>> preds = {"points": [[90, 90], [1, 0]], "scores": [0.9, 0.8]}
        >>> metric.update([preds], [{"points": [[0, 0]]}])
        >>> float(metric.compute()["sigma5_ap50"])
        0.5
    """

    name = "coco"
    function = "coco_points"
    metric = "COCOPoints"
    rule = (
        "similarity exp(-d^2 / 2 sigma^2) from .50 to .95; ranked by score over the set, to "
        "the most similar free head; 101-point AP, final recall"
    )
    figures = "AP.50, AP.75, mAP, AR.50, AR.75, mAR for each sigma (5, 20, 40 px)"
    higher_is_better = True

    sigmas: Sequence[float] = SIGMAS

    def __post_init__(self) -> None:
        check_lengths("sigmas", self.sigmas, several=True)

    def update(
        self, predictions: npt.ArrayLike, scores: npt.ArrayLike, heads: npt.ArrayLike
    ) -> MetricState:
        """Return what one image contributes."""
        points, truth = as_points("predictions", predictions), as_points("heads", heads)
        values = as_vector("scores", scores, len(points))
        order = descending(values)
        hits = [similarity_hits(points, truth, order, sigma) for sigma in self.sigmas]
        return MetricState({"heads": len(truth)}, {"scores": values, "hits": np.stack(hits, 1)})

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        heads = int(state["heads"])
        table = MetricTable()
        for index, sigma in enumerate(self.sigmas):
            hits = state["hits"][:, index]
            if heads:
                precision = _interpolated(*precision_recall(state["scores"], hits, heads))
                recall = hits.sum(axis=0) / heads
            else:
                precision = recall = np.full(len(THRESHOLDS), math.nan)
            table[f"sigma{sigma:g}"] = ap_and_ar(precision, recall)
        return table


def _interpolated(precision: Floats, recall: Floats) -> Floats:
    """Return the mean precision at 101 recalls, [T]; 0 at recalls that are never reached."""
    padded = np.vstack([precision, np.zeros(precision.shape[1])])
    places = [np.searchsorted(column, _RECALLS, side="left") for column in recall.T]
    return np.array([padded[place, k].mean() for k, place in enumerate(places)])
