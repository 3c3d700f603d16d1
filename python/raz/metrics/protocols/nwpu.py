"""Localization as NWPU-Crowd measures it: protocol "nwpu"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.io.formats.head_area import LEVELS
from raz.metrics.arguments import Integers, as_labels, as_points
from raz.metrics.figures import detection, mean_of_defined, ratio
from raz.metrics.protocol import PointProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

if TYPE_CHECKING:
    from raz.io.points import PointFile

__all__ = ["NWPU"]

_ROWS = {"sigma_l": 1, "sigma_s": 0}
"""Rows of the figures, and the column of ``sigmas`` that each takes: files name sigma_s first."""


@register_protocol
@dataclass(frozen=True, kw_only=True)
class NWPU(PointProtocol):
    """Measure localization as NWPU-Crowd does (Wang et al., TPAMI 2020).

    A prediction may match a head within the head's own radius: sigma_l, by which methods are
    ranked, and again the stricter sigma_s. Matchings have maximum cardinality. Recall is also
    given for six levels of head area. Which heads a maximum matching leaves out is not unique, so
    the levels follow the benchmark's own order of augmentation.

    Args:
        predictions: for each image [N, 2], (x, y) in original pixels. Coordinates are floored,
            those of heads too: the benchmark's files hold integers.
        heads: for each image [M, 2].
        sigmas: for each image [M, 2], each head's (sigma_s, sigma_l) in pixels; see
            :func:`raz.io.points.head_radii`.
        levels: for each image [M], integers from 0 to 5; see :func:`raz.io.points.head_levels`.

    Returns:
        rows "sigma_l" and "sigma_s", each with f1, precision, recall, tp, fp, fn, recall_level_0
        to recall_level_5 and recall_levels, the plain mean over the levels that are present.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.

    Example:
        >>> from raz.metrics import nwpu_localization
        >>> heads, sigmas, levels = [[10, 10], [90, 90]], [[2, 5], [3, 9]], [1, 3]
        >>> table = nwpu_localization([[[14, 10]]], [heads], [sigmas], [levels])
        >>> table["sigma_l"]["precision"], table["sigma_l"]["recall"]
        (1.0, 0.5)
        >>> table["sigma_s"]["tp"]
        0

        As a torchmetrics metric:

        >>> from raz.metrics import NWPULocalization
        >>> metric = NWPULocalization()
        >>> target = {"points": heads, "sigmas": sigmas, "levels": levels}
        >>> metric.update([{"points": [[14, 10]]}], [target])
        >>> float(metric.compute()["sigma_l_recall"])
        0.5
    """

    name = "nwpu"
    function = "nwpu_localization"
    metric = "NWPULocalization"
    rule = "within each head's sigma_l, sigma_s; maximum matching; summed over the set"
    figures = (
        "TP, FP, FN, precision, recall, F1; recall for each level of head area, and its mean over "
        "the levels present"
    )
    higher_is_better = True

    def update(
        self,
        predictions: npt.ArrayLike,
        heads: npt.ArrayLike,
        sigmas: npt.ArrayLike,
        levels: npt.ArrayLike,
    ) -> MetricState:
        """Return what one image contributes."""
        from raz.ops import match_points  # imports torch

        points = np.floor(as_points("predictions", predictions))
        truth = np.floor(as_points("heads", heads))
        radii = as_points("sigmas", sigmas)
        if len(radii) != len(truth) or (radii < 0).any():
            raise ValueError(f"sigmas must be [{len(truth)}, 2] and not negative, one row per head")
        area = as_labels("levels", levels, len(truth), LEVELS)
        matched = [
            match_points(points, truth, radii[:, k], order="benchmark")[1] for k in _ROWS.values()
        ]
        return MetricState(
            {
                "predictions": len(points),
                "heads": np.bincount(area, minlength=LEVELS),
                "matches": np.stack([np.bincount(area[m], minlength=LEVELS) for m in matched]),
            }
        )

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        predictions, heads = int(state["predictions"]), state["heads"]
        rows = zip(_ROWS, state["matches"], strict=True)
        return MetricTable({row: _figures(matches, predictions, heads) for row, matches in rows})

    def check(self, predicted: PointFile, true: PointFile) -> None:
        """Raise InputError where a head has no radius or no level."""
        for key, image in true.images.items():
            if len(image.points) and (image.sigmas is None or image.levels is None):
                raise InputError(
                    f"{true.where(key)}: protocol nwpu needs a radius and a level for each head: "
                    "NWPU's text with five numbers per head, or COCO with boxes"
                )
        super().check(predicted, true)


def _figures(matches: Integers, predictions: int, heads: Integers) -> dict[str, float]:
    figures = detection(int(matches.sum()), predictions, int(heads.sum()))
    recalls = [ratio(found, there) for found, there in zip(matches, heads, strict=True)]
    figures |= {f"recall_level_{level}": recall for level, recall in enumerate(recalls)}
    return figures | {"recall_levels": mean_of_defined(recalls)}
