"""Errors of counts by JHU-CROWD++'s categories: part of protocol "count"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_labels
from raz.metrics.count_errors import by_category, count_errors, count_rows
from raz.metrics.protocol import CountProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["JHU"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class JHU(CountProtocol):
    """Measure errors of counts by JHU-CROWD++'s categories (Sindagi et al., TPAMI 2020).

    Low: at most 50 heads; medium: 51 to 500; high: more; weather: fog, rain or snow.

    Args:
        predicted: [B], persons.
        true: [B], persons.
        weather: [B], the data set's label: 0 none, 1 fog, 2 rain, 3 snow. Without it no image
            counts as weather.

    Returns:
        rows "all", "low", "medium", "high", "weather", each as those of
        :func:`raz.metrics.crowd_count`.

    Raises:
        ValueError: as for :func:`raz.metrics.crowd_count`; labels out of range.

    Example:
        >>> from raz.metrics import jhu_categories
        >>> table = jhu_categories([1, 52, 504], [0, 50, 501], weather=[0, 3, 0])
        >>> [table[row]["mae"] for row in ("all", "low", "high", "weather")]
        [2.0, 1.5, 3.0, 2.0]

        As a torchmetrics metric:

        >>> from raz.metrics import JHUCategories
        >>> metric = JHUCategories()
        >>> metric.update([1, 52, 504], [0, 50, 501], weather=[0, 3, 0])
        >>> float(metric.compute()["low_mae"])
        1.5
    """

    name = "jhu"
    function = "jhu_categories"
    metric = "JHUCategories"
    rule = "counts of images by number of heads and weather"
    figures = "MAE, RMSE, NAE for each category"
    offered = False

    def update(
        self,
        predicted: npt.ArrayLike,
        true: npt.ArrayLike,
        weather: npt.ArrayLike | None = None,
    ) -> MetricState:
        """Return what images contribute, any number of them at once."""
        errors = count_errors(predicted, true)
        heads = np.atleast_1d(np.asarray(true, dtype=np.float64))
        if weather is None:
            degraded = np.zeros(len(heads), dtype=bool)
        else:
            degraded = as_labels("weather", weather, len(heads), 4) > 0
        medium = (heads > 50) & (heads <= 500)
        member = [np.ones(len(heads), dtype=bool), heads <= 50, medium, heads > 500, degraded]
        return by_category(errors, np.array(member))

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        return MetricTable(count_rows(("all", "low", "medium", "high", "weather"), state))
