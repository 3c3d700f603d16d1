"""Counting and localization errors of a model, from one look at every image."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.data.sample import Sample
from raz.metrics import coco_points, fixed_radius_localization
from raz.metrics.tally import Figures
from raz.training.validation import Counted, CountError, errors_of, look, readings
from raz.zoom import Network, resolve

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """How far a model is from the truth.

    Attributes:
        counts: errors of every reading, in persons; see ``raz.training.validation.READINGS``.
        points: by depth, 1 to that of the measurement: the rows of protocol "fixed" ("4px", "8px")
            and of protocol "coco" ("sigma5", "sigma20", "sigma40").
    """

    counts: dict[str, CountError]
    points: dict[int, Figures]


def measure(model: Network, samples: Iterable[Sample], *, depth: int = 2) -> Measurement:
    """Measure the counts of every reading and the points of every depth.

    Points are those at the model's own thresholds, so average precision ends where they end.
    """
    counted: list[Counted] = []
    heads: list[Floats] = []
    located: dict[int, list[tuple[Floats, Floats]]] = {level: [] for level in range(1, depth + 1)}
    for sample in samples:
        trace = look(model, sample, depth=depth)
        counted.append(Counted(len(sample.points), readings(model.operating_point, trace)))
        heads.append(sample.points)
        for level, found in located.items():
            result = resolve(trace, model.operating_point, depth=level)
            found.append((result.points.numpy(), result.scores.numpy()))
        fusion = counted[-1].readings["fusion"]
        _log.info("%s: %d heads, fusion %.1f", sample.name, counted[-1].heads, fusion)
    return Measurement(
        errors_of(counted), {level: _figures(found, heads) for level, found in located.items()}
    )


def _figures(found: list[tuple[Floats, Floats]], heads: list[Floats]) -> Figures:
    predictions = [points for points, _ in found]
    scores = [values for _, values in found]
    return {
        **fixed_radius_localization(predictions, heads),
        **coco_points(predictions, scores, heads),
    }
