"""Grid average mean absolute error (Guerrero-Gomez-Olmedo et al., IbPRIA 2015), part of "count"."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, images
from raz.metrics.tally import Figures, Floats, Tally, ratio, total

LEVELS = 4
"""GAME(0), the mean absolute error, to GAME(3), over 8 x 8 cells."""


def game(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    sizes: Iterable[tuple[float, float] | None],
    *,
    density_stride: float | None = None,
) -> Figures:
    """Errors of counts in a grid of 2^L x 2^L cells, summed over cells, averaged over images.

    A point belongs to cell floor(2^L y / H), and likewise along x; one outside the image to the
    nearest cell. Each value of a density map goes where the centre of its pixels lies.

    Args:
        predictions: of each image points [N, 2] in original pixels; with ``density_stride`` a
            density map [h, w], in persons.
        heads: of each image [M, 2].
        sizes: of each image (H, W) in pixels; without it all but GAME(0) are undefined.
        density_stride: predictions are density maps, of which each value covers this many
            pixels along either axis; 8 for raz's own.

    Returns:
        row "game" with "0" ... "3", in persons, and images.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, heads=heads, sizes=sizes)
    tallies = (game_tally(*entry, density_stride=density_stride) for entry in entries)
    return game_figures(total(tallies, game_tally()))


def game_tally(
    predictions: npt.ArrayLike = (),
    heads: npt.ArrayLike = (),
    size: tuple[float, float] | None = None,
    *,
    density_stride: float | None = None,
) -> Tally:
    """What one image contributes."""
    if size is not None and not (min(size) > 0 and math.isfinite(sum(size))):
        raise ValueError(f"size is {size}; it must be (height, width), each above 0")
    if density_stride is None:
        places = as_points("predictions", predictions)
        persons = np.ones(len(places))
    else:
        places, persons = _mass(predictions, density_stride)
    truth = as_points("heads", heads)
    places = np.concatenate([places, truth])
    difference = np.concatenate([persons, -np.ones(len(truth))])
    errors = [_error(places, difference, size, 1 << level) for level in range(LEVELS)]
    return {"error": np.array(errors), "images": np.array(1)}


def game_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    number = int(tally["images"])
    errors = {str(level): ratio(error, number) for level, error in enumerate(tally["error"])}
    return {"game": errors | {"images": number}}


def _mass(density: npt.ArrayLike, stride: float) -> tuple[Floats, Floats]:
    """Centres [K, 2] in pixels of a density map's values, and the persons [K] there."""
    persons = np.asarray(density, dtype=np.float64)
    if persons.ndim != 2 or not np.isfinite(persons).all():
        raise ValueError(
            f"predictions has a density map of shape {list(persons.shape)}; it must be [h, w], "
            "of finite values"
        )
    y, x = (np.indices(persons.shape) + 0.5) * stride
    return np.column_stack([x.ravel(), y.ravel()]), persons.ravel()


def _error(
    places: Floats, difference: Floats, size: tuple[float, float] | None, cells: int
) -> float:
    if cells == 1:
        return abs(float(difference.sum()))
    if size is None:
        return math.nan
    height, width = size
    cell = np.floor(cells * places / (width, height)).clip(0, cells - 1).astype(np.int64)
    index = cell[:, 1] * cells + cell[:, 0]
    return float(np.abs(np.bincount(index, difference, minlength=cells * cells)).sum())
