"""Localization within a fixed distance, as on ShanghaiTech and JHU-CROWD++: protocol "fixed"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points
from raz.metrics.figures import detection
from raz.metrics.protocol import PointProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["FixedRadius"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class FixedRadius(PointProtocol):
    """Measure localization within fixed distances, as on ShanghaiTech and JHU-CROWD++.

    Matchings have maximum cardinality within each radius. Counts are summed over the images.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels. Coordinates are floored,
            those of heads too.
        heads: for each image [M, 2].
        radii: distances allowed, in pixels; the border is inside.

    Returns:
        a row for each radius ("4px", "8px") with f1, precision, recall, tp, fp, fn.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.

    Example:
        >>> from raz.metrics import fixed_radius_localization
        >>> table = fixed_radius_localization([[[10, 10], [50, 50]]], [[[16, 10]]])
        >>> table["4px"]["tp"], table["8px"]["tp"]
        (0, 1)
        >>> table["8px"]["precision"], table["8px"]["recall"]
        (0.5, 1.0)

        As a torchmetrics metric:

        >>> from raz.metrics import FixedRadiusLocalization
        >>> metric = FixedRadiusLocalization(radii=(8,))
        >>> metric.update([{"points": [[10, 10], [50, 50]]}], [{"points": [[16, 10]]}])
        >>> float(metric.compute()["8px_precision"])
        0.5
    """

    name = "fixed"
    function = "fixed_radius_localization"
    metric = "FixedRadiusLocalization"
    rule = "within 4 px, 8 px, coordinates floored; maximum matching; summed over the set"
    figures = "TP, FP, FN, precision, recall, F1 for each distance"
    higher_is_better = True

    radii: Sequence[float] = (4.0, 8.0)

    def update(self, predictions: npt.ArrayLike, heads: npt.ArrayLike) -> MetricState:
        """Return what one image contributes."""
        from raz.ops import match_points  # imports torch

        points = np.floor(as_points("predictions", predictions))
        truth = np.floor(as_points("heads", heads))
        matches = [len(match_points(points, truth, radius)[0]) for radius in self.radii]
        return MetricState(
            {
                "matches": np.array(matches, dtype=np.int64),
                "predictions": len(points),
                "heads": len(truth),
            }
        )

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        predictions, heads = int(state["predictions"]), int(state["heads"])
        rows = zip(self.radii, state["matches"], strict=True)
        return MetricTable(
            {f"{radius:g}px": detection(int(found), predictions, heads) for radius, found in rows}
        )
