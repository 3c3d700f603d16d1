"""Choose the thresholds that belong to a set of weights, on images kept out of training."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from raz.data.sample import Sample
from raz.models.operating_point import OperatingPoint
from raz.training.validation import OFFSET
from raz.zoom import (
    Network,
    Trace,
    cell_counts,
    collect,
    fuse_cells,
    resolve,
    without_faint_cells,
)

_log = logging.getLogger(__name__)

PEAK_THRESHOLDS = tuple(float(value) for value in np.linspace(0.1, 0.9, 41).round(3))
DENSITY_THRESHOLDS = (2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 0.0)
"""Persons per cell of the density map, the highest first."""

FUSION_THRESHOLDS = (0.0, *(float(value) for value in np.geomspace(0.5, 128.0, 25).round(3)), 1e9)
"""Persons per cell: the first trusts the density everywhere, the last gives the average."""


@dataclass(frozen=True)
class Calibration:
    """What was chosen, and the mean absolute error in persons that each reading had there."""

    operating_point: OperatingPoint
    errors: dict[str, float]


@dataclass(frozen=True)
class Seen:
    """An image that the net has looked at, before any threshold: true heads and trace."""

    heads: int
    trace: Trace


def look_at(model: Network, samples: Iterable[Sample]) -> list[Seen]:
    """Run the net once per image, with a floor below every threshold that may be chosen."""
    seen = []
    for sample in samples:
        image = torch.from_numpy(sample.image).permute(2, 0, 1)
        trace = collect(model, image, floor=PEAK_THRESHOLDS[0])
        seen.append(Seen(len(sample.points), trace))
        _log.info("looked at %s, %d persons", sample.name, len(sample.points))
    return seen


def calibrate(
    seen: Sequence[Seen], point: OperatingPoint, *, empty: Sequence[Seen] = ()
) -> Calibration:
    """Choose peak thresholds for depth 1 and 2, the density's and the fusion threshold (ours).

    One after the other, each makes the counting error on the images least: the points of depth 1,
    the points of depth 2, the density, the fused count. The error is relative, ``|predicted -
    true| / (true + 10)``, so that an image of 20 people weighs like one of 2,000; of equally good
    thresholds the lowest is taken. A fusion threshold is as good as another within 1 % of its
    error: a low one limits what a burst of false points in one cell can add. So is a density
    threshold, of which the highest is taken: it clears images of nobody.

    Args:
        seen: the images, by :func:`look_at`.
        point: whose other thresholds are kept.
        empty: images of nobody, which the density threshold is chosen on too.

    Raises:
        ValueError: ``seen`` is empty.
    """
    if not seen:
        raise ValueError("seen is empty; calibration needs at least one image")
    traces = [each.trace for each in seen]
    heads = torch.tensor([each.heads for each in seen], dtype=torch.float64)
    point = replace(point, peak_thresholds=(PEAK_THRESHOLDS[0],) * 2)

    for depth in (1, 2):
        candidates = [_with_peak_threshold(point, depth, t) for t in PEAK_THRESHOLDS]
        counts = [_point_counts(traces, candidate, depth) for candidate in candidates]
        point = candidates[_best(counts, heads)]

    more = [*traces, *(each.trace for each in empty)]
    more_heads = torch.cat([heads, heads.new_tensor([each.heads for each in empty])])
    densities = [_density_counts(more, threshold) for threshold in DENSITY_THRESHOLDS]
    threshold = DENSITY_THRESHOLDS[_best(densities, more_heads, slack=0.01)]
    point = replace(point, density_threshold=threshold)

    by_density, by_points = _cells(traces, point)
    fused = [fuse_cells(by_density, by_points, theta) for theta in FUSION_THRESHOLDS]
    theta = FUSION_THRESHOLDS[_best(fused, heads, slack=0.01)]
    point = replace(point, fusion_threshold=theta)

    readings = {
        "density": by_density.sum((-2, -1)),
        "points_depth_1": _point_counts(traces, point, 1),
        "points_depth_2": _point_counts(traces, point, 2),
        "fusion": fuse_cells(by_density, by_points, point.fusion_threshold),
    }
    errors = {name: float((count - heads).abs().mean()) for name, count in readings.items()}
    return Calibration(point, errors)


def _with_peak_threshold(point: OperatingPoint, depth: int, threshold: float) -> OperatingPoint:
    thresholds = list(point.peak_thresholds)
    thresholds[depth - 1] = threshold
    return replace(point, peak_thresholds=tuple(thresholds))


def _point_counts(traces: Sequence[Trace], point: OperatingPoint, depth: int) -> Tensor:
    counts = [resolve(trace, point, depth=depth).count_points for trace in traces]
    return torch.tensor(counts, dtype=torch.float64)


def _density_counts(traces: Sequence[Trace], threshold: float) -> Tensor:
    kept = [without_faint_cells(trace.density, threshold) for trace in traces]
    return torch.stack([density.sum(dtype=torch.float64) for density in kept])


def _cells(traces: Sequence[Trace], point: OperatingPoint) -> tuple[Tensor, Tensor]:
    cells = []
    for trace in traces:
        result = resolve(trace, point)
        cells.append(cell_counts(result.density, result.points, trace.image_size, trace.stride))
    by_density, by_points = zip(*cells, strict=True)
    return torch.stack(by_density), torch.stack(by_points)


def _best(counts: Sequence[Tensor], heads: Tensor, *, slack: float = 0.0) -> int:
    """Index of the first of ``counts`` whose error is at most ``1 + slack`` times the least."""
    errors = np.array(
        [float(((count - heads).abs() / (heads + OFFSET)).mean()) for count in counts]
    )
    return int(np.argmax(errors <= errors.min() * (1 + slack)))
