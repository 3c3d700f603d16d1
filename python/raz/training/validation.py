"""Counting errors of a model's readings on pictures with known heads."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from raz.data.sample import Sample
from raz.zoom import Network, Trace, average_counts, collect, resolve

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CountError:
    """Errors of one reading over a set of pictures, in persons.

    ``rmse`` is the root of the mean squared error, which papers print as "MSE"; ``bias`` is the
    mean of predicted minus true. NaN where there is no picture.
    """

    mae: float
    rmse: float
    bias: float


def validate(model: Network, samples: Iterable[Sample], *, depth: int = 2) -> dict[str, CountError]:
    """Compare the counts of every reading of the paper's tables with the number of heads.

    Readings are named as in Liu et al., CVPR 2019: "density", "localization" (points at depth 1),
    "localization+" (points at ``depth``), "average" and "fusion".
    """
    errors: dict[str, list[float]] = {name: [] for name in READINGS}
    for sample in samples:
        image = torch.from_numpy(sample.image).permute(2, 0, 1)
        point = model.operating_point
        floor = min(point.peak_threshold(level) for level in range(1, depth + 1))
        counts = readings(model, collect(model, image, depth=depth, floor=floor))
        heads = len(sample.points)
        for name, count in counts.items():
            errors[name].append(count - heads)
        _log.info("%s: %d heads, fusion %.1f", sample.name, heads, counts["fusion"])
    return {name: count_error(values) for name, values in errors.items()}


READINGS = ("density", "localization", "localization+", "average", "fusion")


def readings(model: Network, trace: Trace) -> Mapping[str, float]:
    """Persons in one picture by every reading."""
    shallow = resolve(trace, model.operating_point, depth=1)
    deep = resolve(trace, model.operating_point)
    return {
        "density": max(0.0, deep.count_density),
        "localization": float(shallow.count_points),
        "localization+": float(deep.count_points),
        "average": max(0.0, average_counts(deep.density, deep.points)),
        "fusion": deep.count,
    }


def count_error(differences: list[float]) -> CountError:
    """Summarise predicted minus true counts."""
    if not differences:
        return CountError(math.nan, math.nan, math.nan)
    error = torch.tensor(differences, dtype=torch.float64)
    return CountError(
        mae=float(error.abs().mean()),
        rmse=float(error.square().mean().sqrt()),
        bias=float(error.mean()),
    )
