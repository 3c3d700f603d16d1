"""Counting and localization errors of a model, from one run of the net per image."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from raz.data.sample import Sample
from raz.errors import WeightsError
from raz.evaluation.bootstrap import BootstrapMean
from raz.evaluation.estimates import (
    INTERVAL_LEVEL,
    CountError,
    CountEstimate,
    count_errors,
    counts_of,
    fusion_minus,
    trace_image,
)
from raz.kept_memory import kept_memory
from raz.metrics import MetricTable, coco_points, fixed_radius_localization
from raz.network import as_network
from raz.result import Result
from raz.zoom import Network, ZoomSettings, resolve
from raz.zoom.settings import Dtype, Quality

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """Errors of a model over a set of images.

    Attributes:
        counts: counting errors in persons, by the name of the estimate; see
            `raz.evaluation.ESTIMATES`.
        points: by depth, from 1 to that of the measurement: the rows of the protocols "fixed"
            ("4px", "8px") and "coco" ("sigma5", "sigma20", "sigma40").
        fusion_minus: how much greater the absolute error of the fused count is than that of other
            estimates, by their name; see `raz.evaluation.fusion_minus`.
        estimates: the counts of each image, in order.

    Example:
        >>> from raz.evaluation import CountError, Measurement
        >>> from raz.metrics import MetricTable
        >>> counts = {"fusion": CountError(mae=1.5, rmse=2.0, bias=-0.5)}
        >>> measured = Measurement(counts, points={1: MetricTable({"4px": {"f1": 0.5}})})
        >>> measured.counts["fusion"].mae, measured.points[1]["4px"]["f1"]
        (1.5, 0.5)
    """

    counts: dict[str, CountError]
    points: dict[int, MetricTable]
    fusion_minus: dict[str, BootstrapMean] = field(default_factory=dict)
    estimates: tuple[CountEstimate, ...] = ()


@kept_memory()
def measure(
    model: Network,
    samples: Iterable[Sample],
    *,
    depth: int | None = None,
    quality: Quality = "balanced",
    dtype: Dtype | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> Measurement:
    """Measure the counts of every estimate, and the points of every depth.

    The points are those at the model's own thresholds, so average precision stops where they do.
    Each image is reported by :mod:`logging` as soon as it is measured.

    Args:
        model: in evaluation mode, on any device.
        samples: images with their true heads; read one at a time.
        depth: number of passes; 1 does not zoom. None leaves it to ``quality`` and the size of each
            image: then "depth 1" is the first look, of a large image reduced, and the last depth
            all looks.
        quality: how much is done, see `raz.zoom.ZoomSettings`.
        dtype: floating type that the net computes in, see there.
        on_image: called after each image.

    Returns:
        The errors; NaN where there is no image.

    Raises:
        WeightsError: the model's maps of an image are no numbers, so neither is its count.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import measure
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> measured = measure(raz.get_model("raznet_lite"), [black], depth=1)
        >>> measured.counts["localization"].mae
        0.0
    """
    model = as_network(model)
    settings = ZoomSettings(depth=depth, quality=quality, dtype=dtype)
    depth = settings.passes
    estimates: list[CountEstimate] = []
    heads: list[Floats] = []
    located: dict[int, list[tuple[Floats, Floats]]] = {level: [] for level in range(1, depth + 1)}
    for sample in samples:
        trace = trace_image(model, sample, settings)
        results = {
            # Of a large image, "as deep as asked for" are all passes from its overview down.
            level: resolve(trace, model.operating_point, depth=None if level == depth else level)
            for level in located
        }
        counts = counts_of(results[1], results[depth])
        _check_finite(counts, model, sample.name)
        estimates.append(CountEstimate(len(sample.points), counts, _interval(results[depth])))
        heads.append(sample.points)
        for level, result in results.items():
            located[level].append((result.points.numpy(), result.scores.numpy()))
        _log.info("%s: %d heads, fusion %.1f", sample.name, len(sample.points), counts["fusion"])
        on_image()
    return Measurement(
        count_errors(estimates),
        {level: _table(found, heads) for level, found in located.items()},
        fusion_minus(estimates),
        tuple(estimates),
    )


def _check_finite(counts: dict[str, float], model: Network, name: str) -> None:
    if not all(map(math.isfinite, counts.values())):
        raise WeightsError(
            f"{name}: the maps of {model.architecture} hold NaN or infinity, so nothing was "
            "counted; its weights are damaged"
        )


def _interval(result: Result) -> tuple[float, float]:
    if result.spread.highest_level < INTERVAL_LEVEL:
        return math.nan, math.nan
    return result.interval(INTERVAL_LEVEL)


def _table(found: list[tuple[Floats, Floats]], heads: list[Floats]) -> MetricTable:
    predictions = [points for points, _ in found]
    scores = [values for _, values in found]
    return MetricTable(
        {
            **fixed_radius_localization(predictions, heads),
            **coco_points(predictions, scores, heads),
        }
    )
