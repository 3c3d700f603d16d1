"""Mean localization error, after LSC-CNN: protocol "mle"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_points, check_lengths
from raz.metrics.figures import ratio
from raz.metrics.protocol import PointProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable
from raz.neighbours import pairs_within

__all__ = ["MeanLocalizationError"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class MeanLocalizationError(PointProtocol):
    """Measure the mean error per head in pixels, after LSC-CNN (Sam et al., TPAMI 2020).

    In each image all pairs nearer than ``limit`` are taken by growing distance where both are
    still free; equally distant ones by prediction, then by head. The image's error is the sum of
    their distances, plus ``limit`` for each prediction or each head left over, whichever are
    more, divided by the number of heads. It is averaged over the images that have heads.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels, taken as they are.
        heads: for each image [M, 2].
        limit: in pixels; each one that is left over costs this much.

    Returns:
        row "all" with mle and images_with_heads. An image without heads has no such error and
        is left out. Undefined where no image has heads.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite, or
            ``limit`` that is not above 0.

    Example:
        >>> from raz.metrics import mean_localization_error
        >>> table = mean_localization_error([[[3, 0], [50, 45]]], [[[0, 0], [50, 50]]])
        >>> table["all"]["mle"]  # 3 px and 5 px
        4.0

        As a torchmetrics metric:

        >>> from raz.metrics import MLE
        >>> metric = MLE()
        >>> metric.update([{"points": [[3, 0]]}], [{"points": [[0, 0]]}])
        >>> float(metric.compute()["mle"])
        3.0
    """

    name = "mle"
    function = "mean_localization_error"
    metric = "MLE"
    rule = (
        "nearer than 16 px; all pairs by distance; mean error per head, averaged over images "
        "with heads"
    )
    figures = "distances, plus 16 px for each one left over on the longer side, per head"

    limit: float = 16.0

    def __post_init__(self) -> None:
        check_lengths("limit", self.limit)

    def update(self, predictions: npt.ArrayLike, heads: npt.ArrayLike) -> MetricState:
        """Return what one image contributes."""
        points, truth = as_points("predictions", predictions), as_points("heads", heads)
        distances = _matched_distances(points, truth, self.limit)
        left_over = max(len(points), len(truth)) - len(distances)
        error = (sum(distances) + self.limit * left_over) / max(len(truth), 1)
        return MetricState(
            {"error": error if len(truth) else 0.0, "images_with_heads": int(len(truth) > 0)}
        )

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        images = int(state["images_with_heads"])
        error = ratio(float(state["error"]), images)
        return MetricTable({"all": {"mle": error, "images_with_heads": images}})


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
