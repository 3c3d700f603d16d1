"""Localization over a hundred distances, as on UCF-QNRF: protocol "qnrf"."""

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

__all__ = ["QNRF"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class QNRF(PointProtocol):
    """Measure localization within 1 to 100 pixels, as on UCF-QNRF (Idrees et al., ECCV 2018).

    Matchings have maximum cardinality within each distance. Counts are summed over the images;
    precision, recall and F1 are then averaged over the distances.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels. Coordinates are floored,
            those of heads too.
        heads: for each image [M, 2].
        radii: distances allowed, in pixels, growing; the border is inside.

    Returns:
        row "mean" with f1, precision and recall, each the mean over the radii, and auc, the
        trapezoids under precision over recall from the first radius on. Then a row for each
        radius ("1px" to "100px") with f1, precision, recall, tp, fp, fn. The torchmetrics class
        gives the means ("mean_f1" and so on), and "f1", "precision" and "recall" as tensors with
        one entry per radius.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.

    Example:
        >>> from raz.metrics import qnrf_localization
        >>> table = qnrf_localization([[[0, 0]]], [[[50, 0]]])
        >>> table["49px"]["recall"], table["50px"]["recall"]
        (0.0, 1.0)
        >>> table["mean"]["recall"]  # found within 50 to 100 px
        0.51

        As a torchmetrics metric:

        >>> from raz.metrics import QNRFLocalization
        >>> metric = QNRFLocalization(radii=(10, 50))
        >>> metric.update([{"points": [[0, 0]]}], [{"points": [[50, 0]]}])
        >>> metric.compute()["recall"].tolist()
        [0.0, 1.0]
    """

    name = "qnrf"
    function = "qnrf_localization"
    metric = "QNRFLocalization"
    rule = (
        "within 1 ... 100 px, coordinates floored; maximum matching; summed over the set, "
        "means over the distances"
    )
    figures = (
        "TP, FP, FN, precision, recall, F1 for each distance; their means; area under precision "
        "over recall (trapezoids, from 1 px on)"
    )
    higher_is_better = True
    main = ("mean",)
    shown = ("mean", "1px", "2px", "4px", "8px", "16px", "32px", "64px", "100px")

    radii: Sequence[float] = tuple(float(radius) for radius in range(1, 101))

    def update(self, predictions: npt.ArrayLike, heads: npt.ArrayLike) -> MetricState:
        """Return what one image contributes."""
        from raz.ops import count_matches  # imports torch

        points = np.floor(as_points("predictions", predictions))
        truth = np.floor(as_points("heads", heads))
        radii = np.asarray(self.radii, dtype=np.float64)
        return MetricState(
            {
                "matches": count_matches(points, truth, radii),
                "predictions": len(points),
                "heads": len(truth),
            }
        )

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        predictions, heads = int(state["predictions"]), int(state["heads"])
        rows = [detection(int(matches), predictions, heads) for matches in state["matches"]]
        curve = np.array([[row["f1"], row["precision"], row["recall"]] for row in rows])
        means = dict(zip(("f1", "precision", "recall"), curve.mean(axis=0).tolist(), strict=True))
        precision, recall = curve[:, 1], curve[:, 2]
        area = float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())
        named = {f"{radius:g}px": row for radius, row in zip(self.radii, rows, strict=True)}
        return MetricTable({"mean": means | {"auc": area}, **named})

    def flat(self, table: MetricTable) -> dict[str, float | list[float]]:
        """Return the means, and the curves over the radii."""
        means = {f"mean_{name}": value for name, value in table["mean"].items()}
        rows = [row for name, row in table.items() if name != "mean"]
        curves = {name: [row[name] for row in rows] for name in ("f1", "precision", "recall")}
        return {**means, **curves}
