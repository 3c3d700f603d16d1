"""Counting errors of a model's readings on images with known heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from raz.data.sample import Sample
from raz.metrics import crowd_count
from raz.models.operating_point import OperatingPoint
from raz.training.distributed import World
from raz.zoom import Budget, Network, Trace, average_counts, collect, resolve

READINGS = ("density", "localization", "localization+", "average", "fusion")
"""Counts of one image, as in the tables of Liu et al., CVPR 2019: the density, the points at
depth 1, the points after zooming, the plain mean of density and points, and eq. 4."""

OFFSET = 10
"""Persons added to the true count where an error is taken relative to it (ours)."""


@dataclass(frozen=True)
class CountError:
    """Errors of one reading over a set of images, in persons.

    ``rmse`` is the root of the mean squared error, which papers print as "MSE"; ``bias`` is the
    mean of predicted minus true. NaN where there is no image.
    """

    mae: float
    rmse: float
    bias: float


@dataclass(frozen=True)
class Counted:
    """True heads of an image, and its count by every reading."""

    heads: int
    readings: dict[str, float]


def validate_together(
    model: Network,
    samples: Sequence[Sample],
    world: World,
    *,
    depth: int,
    after_each: Callable[[], None],
) -> list[Counted]:
    """Count the persons of all samples, divided among the processes; in order, on each of them.

    No sample is left out or counted twice, so figures are those of a single process.

    Args:
        model: the same on every process, in evaluation mode.
        samples: the same on every process.
        world: the processes.
        depth: passes, 1 does not zoom.
        after_each: called after each image.
    """
    mine = {}
    for index in range(world.rank, len(samples), world.size):
        mine[index] = count(model, samples[index], depth=depth)
        after_each()
    together: dict[int, Counted] = {}
    for part in world.gather(mine):
        together.update(part)
    return [together[index] for index in range(len(samples))]


def count(model: Network, sample: Sample, *, depth: int) -> Counted:
    """Count the persons of one image by every reading."""
    trace = look(model, sample, depth=depth)
    return Counted(len(sample.points), readings(model.operating_point, trace))


def look(model: Network, sample: Sample, *, depth: int) -> Trace:
    """Run all passes over one image, with the model's own thresholds as floors."""
    image = torch.from_numpy(sample.image).permute(2, 0, 1)
    point = model.operating_point
    floor = min(point.peak_threshold(level) for level in range(1, depth + 1))
    return collect(model, image, budget=Budget(depth), floor=floor)


def readings(point: OperatingPoint, trace: Trace) -> dict[str, float]:
    """Persons in one image by every reading, at the given thresholds."""
    shallow = resolve(trace, point, depth=1)
    deep = resolve(trace, point)
    return {
        "density": max(0.0, deep.count_density),
        "localization": float(shallow.count_points),
        "localization+": float(deep.count_points),
        "average": max(0.0, average_counts(deep.density, deep.points)),
        "fusion": deep.count,
    }


def errors_of(counted: Sequence[Counted]) -> dict[str, CountError]:
    """Summarise the errors of every reading."""
    return {name: _error(counted, name) for name in READINGS}


def relative_error(counted: Sequence[Counted], reading: str) -> float:
    """Mean of ``|predicted - true| / (true + 10)``: 20 people weigh like 2,000 (ours)."""
    errors = [abs(c.readings[reading] - c.heads) / (c.heads + OFFSET) for c in counted]
    return float(np.mean(errors))


def _error(counted: Sequence[Counted], reading: str) -> CountError:
    predicted = np.array([c.readings[reading] for c in counted])
    heads = np.array([c.heads for c in counted])
    row = crowd_count(predicted, heads)["all"]
    bias = float((predicted - heads).mean()) if len(counted) else float("nan")
    return CountError(row["mae"], row["rmse"], bias)
