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
from raz.intervals import OFFSET
from raz.network import OperatingPoint
from raz.zoom import Trace
from raz.zoom.resampling import DensityMap, replace_density
from raz.zoom.trace import regions_above

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


Correction = tuple[tuple[float, ...], tuple[float, ...]]
"""``OperatingPoint.density_factors`` and ``density_declines``."""


@dataclass(frozen=True)
class DensityFit:
    """The chosen correction, and those that the images without one of them would give.

    Attributes:
        factors: ``OperatingPoint.density_factors``, of depth 1 and 2.
        declines: ``OperatingPoint.density_declines``, of depth 1 and 2.
        without: the same two for each image, chosen by all others.
    """

    factors: tuple[float, ...]
    declines: tuple[float, ...]
    without: list[Correction]

    def points(self, point: OperatingPoint) -> list[OperatingPoint]:
        """For each image the operating point with the correction chosen by all others."""
        return [
            replace(point, density_factors=factors, density_declines=declines)
            for factors, declines in self.without
        ]


def fit_density(traces: Sequence[Trace], heads: Floats, point: OperatingPoint) -> DensityFit:
    """Fit the correction of the density at depth 1, then that of zoomed passes with it.

    Either minimises the mean of ``((predicted - true) / (true + 10))^2`` over the images, plus a
    small ridge, over a grid of both numbers in steps of 0.005 (of the factor's logarithm): the
    first of the count at depth 1, the second of the count after zooming.

    Args:
        traces: to depth 2; at least one.
        heads: [N], the true counts.
        point: provides the thresholds of faint cells and of regions.
    """
    persons = np.stack([persons_by_crowding(trace, point) for trace in traces])
    without = [
        _fit(np.delete(persons, index, axis=0), np.delete(heads, index))
        for index in range(len(heads))
    ]
    return DensityFit(*_fit(persons, heads), without)


def _fit(persons: Floats, heads: Floats) -> Correction:
    """Fit both depths to histograms [N, 3, bins] of `persons_by_crowding`."""
    whole, around, zoomed = persons.swapaxes(0, 1)
    first = _best(whole, heads)
    rest = first[0] * (around @ _CROWDING ** -first[1])
    second = _best(zoomed, heads, rest)
    return (first[0], second[0]), (first[1], second[1])


def _best(persons: Floats, heads: Floats, rest: Floats | float = 0.0) -> tuple[float, float]:
    """Choose factor and decline for histograms [N, bins] beside persons that are settled [N]."""
    factors = np.exp(LOG_FACTORS)
    counts = persons @ _CROWDING[:, None] ** -DECLINES
    weight = (heads + OFFSET)[:, None] ** -2.0
    # For each decline the loss is a parabola in the factor.
    squared = (weight * counts**2).sum(0)
    mixed = (weight * counts * (heads - rest)[:, None]).sum(0)
    loss = factors[:, None] ** 2 * squared - 2 * factors[:, None] * mixed
    loss = loss / max(len(heads), 1) + RIDGE * (LOG_FACTORS[:, None] ** 2 + DECLINES**2)
    factor, decline = np.unravel_index(int(loss.argmin()), loss.shape)
    return float(factors[factor]), float(DECLINES[decline])


def persons_by_crowding(trace: Trace, point: OperatingPoint) -> Floats:
    """Histograms of the persons that the density counts, by the local density in their own pass.

    Faint cells count as `raz.density.without_faint_cells` leaves them; there is no other
    correction.

    Returns:
        [3, bins]: the persons of depth 1, those of them that still count after zooming, and those
        of the zoomed passes, which count in the others' stead.
    """
    regions = regions_above(trace.root.children, point.region_threshold)
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
    whole = _histogram(maps[0].values, torch.ones_like(shares[0]))
    around, *inside = (
        _histogram(each.values, share) for each, share in zip(maps, shares, strict=True)
    )
    return np.stack([whole, around, sum(inside, np.zeros_like(whole))])


def _histogram(values: Tensor, share: Tensor) -> Floats:
    local = local_density(values).flatten().numpy()
    return np.histogram(local, _EDGES, weights=(values * share).flatten().numpy())[0]
