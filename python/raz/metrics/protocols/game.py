"""Grid average mean absolute error: part of protocol "count"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_floats, as_points, check_lengths
from raz.metrics.figures import ratio
from raz.metrics.protocol import PointProtocol
from raz.metrics.registry import register_protocol
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

__all__ = ["GridErrors"]

_GRIDS = 4
"""GAME(0), the mean absolute error, to GAME(3), over 8 x 8 cells."""


@register_protocol
@dataclass(frozen=True, kw_only=True)
class GridErrors(PointProtocol):
    """Measure errors of counts in a grid of 2^L x 2^L cells: GAME (Guerrero et al., IbPRIA 2015).

    Errors are summed over the cells and averaged over the images. A point belongs to cell
    floor(2^L y / H), and likewise along x; one outside the image to the nearest cell. Each value
    of a density map goes where the centre of its pixels lies.

    Args:
        predictions: for each image points [N, 2] in original pixels; with ``density_stride`` a
            density map [h, w], in persons. The torchmetrics class then takes it from the entry
            "density" instead of "points".
        heads: for each image [M, 2].
        sizes: for each image (H, W) in pixels; without it (None) all but GAME(0) are undefined.
            The torchmetrics class takes it from the target's entry "size".
        density_stride: predictions are density maps, of which each value covers this many
            pixels along either axis; 8 for raz's own.

    Returns:
        row "game" with "0" to "3", in persons, and images.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite, or
            ``density_stride`` that is not above 0.

    Example:
        >>> from raz.metrics import game
        >>> game([[[7, 1]]], [[[1, 1]]], [(8, 8)])  # the count is right, its place is not
        {'game': {'0': 0.0, '1': 2.0, '2': 2.0, '3': 2.0, 'images': 1}}

        As a torchmetrics metric:

        >>> from raz.metrics import GAME
        >>> metric = GAME()
        >>> metric.update([{"points": [[7, 1]]}], [{"points": [[1, 1]], "size": (8, 8)}])
        >>> float(metric.compute()["game_1"])
        2.0
    """

    name = "game"
    function = "game"
    metric = "GAME"
    rule = "counts in a grid of 2^L x 2^L cells; summed over cells, averaged over images"
    figures = "GAME(0) to GAME(3)"
    offered = False

    density_stride: float | None = None

    def __post_init__(self) -> None:
        if self.density_stride is not None:
            check_lengths("density_stride", self.density_stride)

    def update(
        self,
        predictions: npt.ArrayLike,
        heads: npt.ArrayLike,
        sizes: tuple[float, float] | None,
    ) -> MetricState:
        """Return what one image contributes."""
        if sizes is not None:
            sides = as_floats("size", sizes)
            if sides.shape != (2,) or not ((sides > 0) & np.isfinite(sides)).all():
                raise ValueError(f"size is {sizes}; it must be (height, width), each above 0")
        if self.density_stride is None:
            places = as_points("predictions", predictions)
            persons = np.ones(len(places))
        else:
            places, persons = _mass(predictions, self.density_stride)
        truth = as_points("heads", heads)
        places = np.concatenate([places, truth])
        difference = np.concatenate([persons, -np.ones(len(truth))])
        errors = [_error(places, difference, sizes, 1 << level) for level in range(_GRIDS)]
        return MetricState({"error": np.array(errors), "images": 1})

    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""
        number = int(state["images"])
        errors = {str(level): ratio(error, number) for level, error in enumerate(state["error"])}
        return MetricTable({"game": errors | {"images": number}})

    def blank(self) -> MetricState:
        """Return the state of no image."""
        return self.update(np.zeros((0, 0)), (), None).blank()  # no points, or no density

    def entry(self, name: str) -> tuple[str, str]:
        """Return where the class finds a parameter."""
        if name == "predictions" and self.density_stride is not None:
            return "preds", "density"
        return super().entry(name)


def _mass(density: npt.ArrayLike, stride: float) -> tuple[Floats, Floats]:
    """Return the centres [K, 2] in pixels of a density map's values, and the persons [K] there."""
    persons = as_floats("density", density)
    if persons.ndim != 2 or not np.isfinite(persons).all():
        raise ValueError(
            f"predictions has a density map of shape {list(persons.shape)}; it must be [h, w], "
            "of finite values"
        )
    y, x = (np.indices(persons.shape) + 0.5) * stride
    return np.column_stack([x.ravel(), y.ravel()]), persons.ravel()


def _error(places: Floats, difference: Floats, size: Any, cells: int) -> float:
    if cells == 1:
        return abs(float(difference.sum()))
    if size is None:
        return math.nan
    height, width = size
    cell = np.floor(cells * places / (width, height)).clip(0, cells - 1).astype(np.int64)
    index = cell[:, 1] * cells + cell[:, 0]
    return float(np.abs(np.bincount(index, difference, minlength=cells * cells)).sum())
