"""Written by tests/metrics/written_out.py from the protocols; do not edit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
from torch import Tensor

from raz.metrics.evaluation import Evaluation as Evaluation
from raz.metrics.evaluation import evaluate as evaluate
from raz.metrics.metric import CountMetric, PointMetric
from raz.metrics.protocol import CountProtocol as CountProtocol
from raz.metrics.protocol import PointProtocol as PointProtocol
from raz.metrics.protocol import Protocol
from raz.metrics.registry import register_protocol as register_protocol
from raz.metrics.state import MetricState as MetricState
from raz.metrics.table import MetricTable as MetricTable

__all__ = [
    "GAME",
    "MLE",
    "PROTOCOLS",
    "COCOPoints",
    "COCOPointsMacro",
    "CountProtocol",
    "CrowdCount",
    "Evaluation",
    "FixedRadiusLocalization",
    "JHUCategories",
    "MetricState",
    "MetricTable",
    "NWPUCategories",
    "NWPULocalization",
    "NormalizedAP",
    "PointProtocol",
    "QNRFLocalization",
    "coco_points",
    "coco_points_macro",
    "crowd_count",
    "evaluate",
    "fixed_radius_localization",
    "game",
    "jhu_categories",
    "mean_localization_error",
    "normalized_ap",
    "nwpu_categories",
    "nwpu_localization",
    "qnrf_localization",
    "register_protocol",
]

PROTOCOLS: Mapping[str, Protocol]

def nwpu_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    sigmas: Iterable[npt.ArrayLike],
    levels: Iterable[npt.ArrayLike],
) -> MetricTable: ...
def fixed_radius_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    radii: Sequence[float] = ...,
) -> MetricTable: ...
def qnrf_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    radii: Sequence[float] = ...,
) -> MetricTable: ...
def coco_points(
    predictions: Iterable[npt.ArrayLike],
    scores: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    sigmas: Sequence[float] = ...,
) -> MetricTable: ...
def coco_points_macro(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    sigmas: Sequence[float] = ...,
) -> MetricTable: ...
def normalized_ap(
    predictions: Iterable[npt.ArrayLike],
    scores: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
) -> MetricTable: ...
def mean_localization_error(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    limit: float = ...,
) -> MetricTable: ...
def crowd_count(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
) -> MetricTable: ...
def game(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    sizes: Iterable[tuple[float, float] | None],
    *,
    density_stride: float | None = ...,
) -> MetricTable: ...
def jhu_categories(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    weather: npt.ArrayLike | None = ...,
) -> MetricTable: ...
def nwpu_categories(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    levels: npt.ArrayLike,
    luminances: npt.ArrayLike,
) -> MetricTable: ...

class NWPULocalization(PointMetric):
    def __init__(self, **kwargs: Any) -> None: ...

class FixedRadiusLocalization(PointMetric):
    def __init__(self, radii: Sequence[float] = ..., **kwargs: Any) -> None: ...

class QNRFLocalization(PointMetric):
    def __init__(self, radii: Sequence[float] = ..., **kwargs: Any) -> None: ...

class COCOPoints(PointMetric):
    def __init__(self, sigmas: Sequence[float] = ..., **kwargs: Any) -> None: ...

class COCOPointsMacro(PointMetric):
    def __init__(self, sigmas: Sequence[float] = ..., **kwargs: Any) -> None: ...

class NormalizedAP(PointMetric):
    def __init__(self, **kwargs: Any) -> None: ...

class MLE(PointMetric):
    def __init__(self, limit: float = ..., **kwargs: Any) -> None: ...

class CrowdCount(CountMetric):
    def __init__(self, **kwargs: Any) -> None: ...
    def update(
        self,
        preds: npt.ArrayLike | Tensor,
        target: npt.ArrayLike | Tensor,
    ) -> None: ...

class GAME(PointMetric):
    def __init__(self, density_stride: float | None = ..., **kwargs: Any) -> None: ...

class JHUCategories(CountMetric):
    def __init__(self, **kwargs: Any) -> None: ...
    def update(
        self,
        preds: npt.ArrayLike | Tensor,
        target: npt.ArrayLike | Tensor,
        weather: npt.ArrayLike | Tensor | None = ...,
    ) -> None: ...

class NWPUCategories(CountMetric):
    def __init__(self, **kwargs: Any) -> None: ...
    def update(
        self,
        preds: npt.ArrayLike | Tensor,
        target: npt.ArrayLike | Tensor,
        levels: npt.ArrayLike | Tensor,
        luminances: npt.ArrayLike | Tensor,
    ) -> None: ...
