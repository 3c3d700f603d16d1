"""Errors of counts over a set of images: protocol "count"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy.typing as npt

from raz.metrics.count_errors import count_errors, count_row
from raz.metrics.protocol import CountProtocol, Protocol
from raz.metrics.protocols.game import GridErrors
from raz.metrics.protocols.jhu import JHU
from raz.metrics.protocols.nwpu_count import NWPUCount
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

if TYPE_CHECKING:
    from raz.io.points import PointFile

__all__ = ["Count"]


@register_protocol
@dataclass(frozen=True, kw_only=True)
class Count(CountProtocol):
    """Measure errors of counts over a set of images.

    On files of points, ``raz eval --protocol count`` and :func:`raz.metrics.evaluate` measure also
    what :func:`raz.metrics.jhu_categories`, :func:`raz.metrics.game` and, where the images are
    labelled for it, :func:`raz.metrics.nwpu_categories` do.

    Args:
        predicted: [B], persons.
        true: [B], persons.

    Returns:
        row "all" with mae, rmse (which papers print as "MSE"), nae, images and
        images_with_heads. The absolute error over the true count, nae, is a mean over the images
        with heads. What has no image to be measured on is undefined.

    Raises:
        ValueError: different lengths, values that are not finite, a negative true count.

    Example:
        >>> from raz.metrics import crowd_count
        >>> crowd_count([13, 0], [10, 4])["all"]["mae"]
        3.5

        As a torchmetrics metric:

        >>> from raz.metrics import CrowdCount
        >>> metric = CrowdCount()
        >>> metric.update([13, 0], [10, 4])
        >>> float(metric.compute()["mae"])
        3.5
    """

    name = "count"
    function = "crowd_count"
    metric = "CrowdCount"
    rule = "counts of images; NAE over images with heads; GAME on points"
    figures = (
        'MAE, RMSE (printed "MSE" in papers), NAE; GAME(0) to GAME(3); categories of JHU-CROWD++ '
        "and NWPU-Crowd"
    )
    main = ("all", "game")

    def update(self, predicted: npt.ArrayLike, true: npt.ArrayLike) -> MetricState:
        """Return what images contribute, any number of them at once."""
        errors = count_errors(predicted, true)
        return MetricState({name: values.sum(axis=0) for name, values in errors.items()})

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        return MetricTable({"all": count_row(state.sums)})

    def parts(self, truth: PointFile) -> Sequence[Protocol]:
        """Return the categories, as far as labels go, and the grid."""
        labelled = [set(image.labels) for image in truth.images.values()]
        weather = all("weather" in labels for labels in labelled)
        levels = all({"level", "luminance"} <= labels for labels in labelled)
        parts = [JHU() if weather else _JHUWithoutWeather(), NWPUCount(), GridErrors()]
        return parts if levels else [parts[0], parts[2]]

    def read_from(self, predicted: PointFile) -> str:
        """Tell which counts are measured: those that the file states, or numbers of points."""
        images = predicted.images.values()
        stated = sum(image.count is not None for image in images)
        if stated == len(images) > 0:
            which = "the counts that it states"
        elif not stated:
            which = "the numbers of its points, for it states no counts"
        else:
            which = (
                f"the counts that it states of {stated} images, and the numbers of points of the "
                f"other {len(images) - stated}"
            )
        return f"{predicted.path}: {which}; true counts are numbers of points"

    def remarks(self, predicted: PointFile, true: PointFile) -> Iterator[str]:
        """Yield remarks where sizes are missing, and where counts are of two kinds."""
        if len({image.count is None for image in predicted.images.values()}) > 1:
            yield f"counts of {self.read_from(predicted)}"
        images = (*predicted.images.items(), *true.images.items())
        if not {key for key, image in images if image.size} >= true.images.keys():
            yield "GAME(1) to GAME(3) need the sizes of the images: --sizes; undefined without"


class _JHUWithoutWeather(JHU):
    """The same for images without labels: no row "weather"."""

    def compute(self, state: MetricState) -> MetricTable:
        table = super().compute(state)
        del table["weather"]
        return table
