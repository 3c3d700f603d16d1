"""Errors of counts by NWPU-Crowd's categories: part of protocol "count"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_labels
from raz.metrics.count_errors import by_category, count_errors, count_rows, mean_row
from raz.metrics.protocol import CountProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["NWPUCount"]

_CROWDEDNESS = tuple(f"level{k}" for k in range(5))
"""S0 to S4, as the benchmark's lists label each image."""

_LUMINANCE = tuple(f"luminance{k}" for k in range(3))
"""L0 to L2, as the benchmark's lists label each image."""


@register_protocol
@dataclass(frozen=True, kw_only=True)
class NWPUCount(CountProtocol):
    """Measure errors of counts by NWPU-Crowd's levels and luminances (Wang et al., TPAMI 2020).

    Args:
        predicted: [B], persons.
        true: [B], persons.
        levels: [B], 0 to 4, from the benchmark's lists.
        luminances: [B], 0 to 2, likewise.

    Returns:
        rows "all", "level0" to "level4", "levels", "luminance0" to "luminance2", "luminances",
        each as those of :func:`raz.metrics.crowd_count`. The rows in the plural are plain means
        over the levels, or luminances, that have images.

    Raises:
        ValueError: as for :func:`raz.metrics.crowd_count`; labels out of range.

    Example:
        >>> from raz.metrics import nwpu_categories
        >>> table = nwpu_categories([1, 12], [0, 10], levels=[0, 1], luminances=[2, 2])
        >>> table["level0"]["mae"], table["level1"]["mae"], table["levels"]["mae"]
        (1.0, 2.0, 1.5)

        As a torchmetrics metric:

        >>> from raz.metrics import NWPUCategories
        >>> metric = NWPUCategories()
        >>> metric.update([1, 12], [0, 10], levels=[0, 1], luminances=[2, 2])
        >>> float(metric.compute()["levels_mae"])
        1.5
    """

    name = "nwpu-count"
    function = "nwpu_categories"
    metric = "NWPUCategories"
    rule = "counts of images by the benchmark's levels and luminances"
    figures = "MAE, RMSE, NAE for each category, and their means over categories"
    offered = False

    def update(
        self,
        predicted: npt.ArrayLike,
        true: npt.ArrayLike,
        levels: npt.ArrayLike,
        luminances: npt.ArrayLike,
    ) -> MetricState:
        """Return what images contribute, any number of them at once."""
        errors = count_errors(predicted, true)
        number = len(errors["images"])
        level = as_labels("levels", levels, number, len(_CROWDEDNESS))
        luminance = as_labels("luminances", luminances, number, len(_LUMINANCE))
        member = [
            np.ones((1, number), dtype=bool),
            level == np.arange(len(_CROWDEDNESS))[:, None],
            luminance == np.arange(len(_LUMINANCE))[:, None],
        ]
        return by_category(errors, np.concatenate(member))

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        rows = count_rows(("all", *_CROWDEDNESS, *_LUMINANCE), state)
        levels = {name: rows[name] for name in _CROWDEDNESS}
        luminances = {name: rows[name] for name in _LUMINANCE}
        return MetricTable(
            {
                "all": rows["all"],
                **levels,
                "levels": mean_row(levels.values()),
                **luminances,
                "luminances": mean_row(luminances.values()),
            }
        )
