"""What a public script computes under the names of protocol "coco": protocol "coco-macro"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_points, check_lengths
from raz.metrics.protocol import PointProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.similarity import SIGMAS, ap_and_ar, similarity_hits
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["COCOMacro"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class COCOMacro(PointProtocol):
    """Measure precision and recall of each image, averaged over images: a public script's reading.

    Similarity is that of :func:`raz.metrics.coco_points`. Predictions take heads in the order
    given, each the most similar free head. An image with neither heads nor predictions counts as
    precision 1 and recall 1; one with predictions but no head as precision 0, and is left out of
    recall; one with heads but no prediction as 0 and 0.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels, taken as they are.
        heads: for each image [M, 2].
        sigmas: widths of the similarity, in pixels.

    Returns:
        a row for each sigma ("sigma5", "sigma20", "sigma40") with ap50, ap75, map, ar50, ar75,
        mar: "ap" and "ar" are these averages, named as the script names them.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite, or
            ``sigmas`` that are not above 0.

    Example:
        >>> from raz.metrics import coco_points_macro
        >>> table = coco_points_macro([[[90, 90], [1, 0]], [[5, 5]]], [[[0, 0]], []])
        >>> table["sigma5"]["ap50"], table["sigma5"]["ar50"]  # means of 1/2 and 0, and of 1
        (0.25, 1.0)

        As a torchmetrics metric:

        >>> from raz.metrics import COCOPointsMacro
        >>> metric = COCOPointsMacro()
        >>> metric.update([{"points": [[90, 90], [1, 0]]}], [{"points": [[0, 0]]}])
        >>> float(metric.compute()["sigma5_ap50"])
        0.5
    """

    name = "coco-macro"
    function = "coco_points_macro"
    metric = "COCOPointsMacro"
    rule = (
        "similarity as for coco; predictions in the order given; precision and recall of "
        "each image, averaged over images"
    )
    figures = "the averages, which a public script prints under the names of coco"
    higher_is_better = True

    sigmas: Sequence[float] = SIGMAS

    def __post_init__(self) -> None:
        check_lengths("sigmas", self.sigmas, several=True)

    def update(self, predictions: npt.ArrayLike, heads: npt.ArrayLike) -> MetricState:
        """Return what one image contributes."""
        points, truth = as_points("predictions", predictions), as_points("heads", heads)
        order = np.arange(len(points))
        hits = [similarity_hits(points, truth, order, sigma) for sigma in self.sigmas]
        matched = np.stack(hits, axis=1).sum(axis=0).astype(np.float64)
        empty = not len(points) and not len(truth)
        return MetricState(
            {
                "precision": matched / max(len(points), 1) + empty,
                "recall": matched / max(len(truth), 1) + empty,
                "images": 1,
                "recall_images": 1 if len(truth) or empty else 0,
            }
        )

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        precision = _mean(state["precision"], int(state["images"]))
        recall = _mean(state["recall"], int(state["recall_images"]))
        rows = zip(self.sigmas, precision, recall, strict=True)
        return MetricTable({f"sigma{sigma:g}": ap_and_ar(*means) for sigma, *means in rows})


def _mean(total: Floats, images: int) -> Floats:
    return total / images if images else np.full_like(total, math.nan)
