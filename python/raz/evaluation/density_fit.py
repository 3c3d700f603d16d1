"""The correction of the density map, fitted to images with known heads (ours).

`raz.density.calibrated_density` multiplies a cell's persons by a function of its local density. So
a count is a sum over cells, and a histogram of an image's persons by their local density is all
that the fit needs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raz.density import CROWDED, local_density, without_faint_cells
from raz.evaluation.estimates import OFFSET
from raz.evaluation.point_search import regions_above
from raz.network import OperatingPoint
from raz.zoom import Trace
from raz.zoom.resampling import DensityMap, replace_density

RIDGE = 0.003
"""Weight of the correction itself against the mean squared relative error: a few images cannot
tell more. It holds a factor near 1 and a decline near 0."""

LOG_FACTORS = np.linspace(-1, 1, 401)
DECLINES = np.linspace(0, 0.995, 200)
"""The grid of corrections that are tried: every pair of the two."""

_EDGES = np.concatenate([[0.0], np.geomspace(1e-6, 100, 400), [np.inf]])
_CROWDING = 1 + np.concatenate([[0.0], np.sqrt(_EDGES[1:-2] * _EDGES[2:-1]), [100.0]]) / CROWDED
"""Of the histogram's bins: their edges, in persons per cell, and the crowding in each."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DensityFit:
    """The chosen correction, and those that the images without one of them would give.

    Attributes:
        factor: ``OperatingPoint.density_factor``.
        decline: ``OperatingPoint.density_decline``.
        without: the same two for each image, chosen by all others.
    """

    factor: float
    decline: float
    without: list[tuple[float, float]]

    def points(self, point: OperatingPoint) -> list[OperatingPoint]:
        """For each image the operating point with the correction chosen by all others."""
        return [
            replace(point, density_factor=factor, density_decline=decline)
            for factor, decline in self.without
        ]


def fit_density(traces: Sequence[Trace], heads: Floats, point: OperatingPoint) -> DensityFit:
    """Fit the correction of the density after zooming.

    It minimises the mean of ``((predicted - true) / (true + 10))^2`` over the images, plus a small
    ridge, over a grid of both numbers in steps of 0.005 (of the factor's logarithm).

    Args:
        traces: to depth 2; at least one.
        heads: [N], the true counts.
        point: provides the thresholds of faint cells and of regions.
    """
    persons = np.stack([persons_by_crowding(trace, point) for trace in traces])
    counts = persons @ _CROWDING[:, None] ** -DECLINES
    weight = (heads[:, None] + OFFSET) ** -2
    # For each decline the loss is a parabola in the factor.
    squared, mixed = weight * counts**2, weight * counts * heads[:, None]
    whole = _best(squared.sum(0), mixed.sum(0), len(heads))
    without = [
        _best(squared.sum(0) - squared[index], mixed.sum(0) - mixed[index], len(heads) - 1)
        for index in range(len(heads))
    ]
    return DensityFit(*whole, without)


def _best(squared: Floats, mixed: Floats, images: int) -> tuple[float, float]:
    factors = np.exp(LOG_FACTORS)
    loss = factors[:, None] ** 2 * squared - 2 * factors[:, None] * mixed
    loss = loss / max(images, 1) + RIDGE * (LOG_FACTORS[:, None] ** 2 + DECLINES**2)
    factor, decline = np.unravel_index(int(loss.argmin()), loss.shape)
    return float(factors[factor]), float(DECLINES[decline])


def persons_by_crowding(trace: Trace, point: OperatingPoint) -> Floats:
    """Histogram of the persons that the density counts after zooming, by their local density.

    Faint cells count as `raz.density.without_faint_cells` leaves them; there is no other
    correction. The sum is the density's count at depth 2.
    """
    regions = regions_above(trace.root, point.region_threshold)
    maps = [
        DensityMap.of_crop(
            without_faint_cells(each.density, point.density_threshold), each.crop, trace.stride
        )
        for each in (trace.root, *regions)
    ]
    # The merged map is linear in the values of all passes, so the gradient of its sum tells which
    # share of each cell counts.
    with torch.inference_mode(False), torch.enable_grad():
        values = [each.values.clone().requires_grad_() for each in maps]
        base, *zoomed = (
            replace(each, values=value) for each, value in zip(maps, values, strict=True)
        )
        merged = replace_density(base, [region.box for region in regions], zoomed)
        shares = torch.autograd.grad(merged.sum(), values)
    return sum(
        (_histogram(each.values, share) for each, share in zip(maps, shares, strict=True)),
        np.zeros(len(_CROWDING)),
    )


def _histogram(values: Tensor, share: Tensor) -> Floats:
    local = local_density(values).flatten().numpy()
    return np.histogram(local, _EDGES, weights=(values * share).flatten().numpy())[0]
