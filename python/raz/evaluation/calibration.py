"""Choose the thresholds that belong to a set of weights, on images kept out of training."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from raz.data.sample import Sample
from raz.evaluation.estimates import OFFSET, as_tensor
from raz.network import OperatingPoint
from raz.zoom import (
    Network,
    Trace,
    cell_counts,
    collect_trace,
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
    """The chosen thresholds, and the errors that they give on the images they were chosen on.

    Attributes:
        operating_point: the thresholds.
        errors: mean absolute error in persons of "density", "points_depth_1", "points_depth_2" and
            "fusion".

    Example:
        >>> from raz.evaluation import Calibration
        >>> from raz.models import OperatingPoint
        >>> calibration = Calibration(OperatingPoint(fusion_threshold=2.0), {"fusion": 1.5})
        >>> calibration.operating_point.fusion_threshold
        2.0
    """

    operating_point: OperatingPoint
    errors: dict[str, float]


@dataclass(frozen=True)
class TracedImage:
    """What all passes of the net saw in one image, before any threshold, and its true count.

    Attributes:
        heads: the true count.
        trace: to be resolved at any thresholds above its floors.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import collect_traces
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> [image] = collect_traces(raz.get_model("raznet_lite"), [black])
        >>> image.heads, image.trace.image_size
        (0, (64, 64))
    """

    heads: int
    trace: Trace


def collect_traces(model: Network, samples: Iterable[Sample]) -> list[TracedImage]:
    """Run the net once per image, with floors below every threshold that may be chosen.

    Args:
        model: in evaluation mode, on any device.
        samples: images with their true heads; read one at a time.

    Example:
        See `TracedImage`:

        >>> import raz
        >>> from raz.evaluation import collect_traces
        >>> collect_traces(raz.get_model("raznet_lite", weights=None), [])
        []
    """
    images = []
    for sample in samples:
        trace = collect_trace(model, as_tensor(sample), floor=PEAK_THRESHOLDS[0])
        images.append(TracedImage(len(sample.points), trace))
        _log.info("%s: traced, %d heads", sample.name, len(sample.points))
    return images


def calibrate(
    images: Sequence[TracedImage], point: OperatingPoint, *, empty: Sequence[TracedImage] = ()
) -> Calibration:
    """Choose the peak thresholds of depth 1 and 2, the density and the fusion threshold (ours).

    Each threshold in turn minimises a counting error on the images: that of the points at depth 1,
    of the points at depth 2, of the density, and of the fused count. The error is relative,
    ``|predicted - true| / (true + 10)``, so an image with 20 persons has the same weight as one
    with 2,000.

    Of equally good peak thresholds the lowest is taken. Fusion and density thresholds count as
    equally good within 1 % of the least error. The lowest such fusion threshold is taken: it limits
    what a burst of false points in one cell can add. The highest such density threshold is taken:
    it clears images of nobody.

    Args:
        images: by `collect_traces`; at least one.
        point: provides the thresholds that are not chosen here.
        empty: images of nobody, on which the density threshold is chosen too.

    Raises:
        ValueError: ``images`` is empty.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import calibrate, collect_traces
        >>> model = raz.get_model("raznet_lite")
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> calibration = calibrate(collect_traces(model, [black]), model.operating_point)
        >>> calibration.errors["fusion"]
        0.0
    """
    if not images:
        raise ValueError("images is empty; it must hold at least one image")
    traces = [each.trace for each in images]
    heads = torch.tensor([each.heads for each in images], dtype=torch.float64)
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

    counts_by_name = {
        "density": by_density.sum((-2, -1)),
        "points_depth_1": _point_counts(traces, point, 1),
        "points_depth_2": _point_counts(traces, point, 2),
        "fusion": fuse_cells(by_density, by_points, point.fusion_threshold),
    }
    errors = {name: float((count - heads).abs().mean()) for name, count in counts_by_name.items()}
    return Calibration(point, errors)


def _with_peak_threshold(point: OperatingPoint, depth: int, threshold: float) -> OperatingPoint:
    thresholds = list(point.peak_thresholds)
    thresholds[depth - 1] = threshold
    return replace(point, peak_thresholds=tuple(thresholds))


def _point_counts(traces: Sequence[Trace], point: OperatingPoint, depth: int) -> Tensor:
    counts = [resolve(trace, point, depth=depth).count_points for trace in traces]
    return torch.tensor(counts, dtype=torch.float64)


def _density_counts(traces: Sequence[Trace], threshold: float) -> Tensor:
    kept = [without_faint_cells(trace.root.density, threshold) for trace in traces]
    return torch.stack([density.sum(dtype=torch.float64) for density in kept])


def _cells(traces: Sequence[Trace], point: OperatingPoint) -> tuple[Tensor, Tensor]:
    cells = []
    for trace in traces:
        result = resolve(trace, point)
        cells.append(cell_counts(result.density, result.points, trace.image_size, trace.stride))
    by_density, by_points = zip(*cells, strict=True)
    return torch.stack(by_density), torch.stack(by_points)


def _best(counts: Sequence[Tensor], heads: Tensor, *, slack: float = 0.0) -> int:
    """Return the index of the first of ``counts`` whose error is within ``slack`` of the least."""
    errors = np.array(
        [float(((count - heads).abs() / (heads + OFFSET)).mean()) for count in counts]
    )
    return int(np.argmax(errors <= errors.min() * (1 + slack)))
