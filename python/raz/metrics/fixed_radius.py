"""Localization within a fixed distance, as on ShanghaiTech and JHU-CROWD++: protocol "fixed"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, images
from raz.metrics.tally import Figures, Tally, detection, total
from raz.ops import match_points

RADII = (4.0, 8.0)
"""Pixels of the original image."""


def fixed_radius_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    radii: Sequence[float] = RADII,
) -> Figures:
    """Precision, recall and F1 of maximum matchings within each radius, summed over images.

    Args:
        predictions: of each image [N, 2], (x, y) in original pixels; floored, heads' too.
        heads: of each image [M, 2].
        radii: distances allowed, in pixels; the border is inside.

    Returns:
        a row for each radius ("4px", "8px") with f1, precision, recall, tp, fp, fn.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, heads=heads)
    tallies = (fixed_radius_tally(*entry, radii=radii) for entry in entries)
    return fixed_radius_figures(total(tallies, fixed_radius_tally(radii=radii)), radii=radii)


def fixed_radius_tally(
    predictions: npt.ArrayLike = (), heads: npt.ArrayLike = (), *, radii: Sequence[float] = RADII
) -> Tally:
    """What one image contributes."""
    points = np.floor(as_points("predictions", predictions))
    truth = np.floor(as_points("heads", heads))
    matches = [len(match_points(points, truth, radius)[0]) for radius in radii]
    return {
        "matches": np.array(matches, dtype=np.int64),
        "predictions": np.array(len(points)),
        "heads": np.array(len(truth)),
    }


def fixed_radius_figures(tally: Tally, *, radii: Sequence[float] = RADII) -> Figures:
    """Figures of a joined tally."""
    predictions, heads = int(tally["predictions"]), int(tally["heads"])
    return {
        f"{radius:g}px": detection(int(matches), predictions, heads)
        for radius, matches in zip(radii, tally["matches"], strict=True)
    }
