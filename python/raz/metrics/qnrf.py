"""Localization over a hundred distances, as on UCF-QNRF (Idrees et al., ECCV 2018): "qnrf"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_points, images
from raz.metrics.tally import Figures, Tally, detection, total
from raz.ops import count_matches

RADII = tuple(float(radius) for radius in range(1, 101))
"""Pixels of the original image."""


def qnrf_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    *,
    radii: Sequence[float] = RADII,
) -> Figures:
    """Precision, recall and F1 of maximum matchings within 1 ... 100 pixels, and their means.

    Args:
        predictions: of each image [N, 2], (x, y) in original pixels; floored, heads' too.
        heads: of each image [M, 2].
        radii: distances allowed, in pixels, growing; the border is inside.

    Returns:
        row "mean" with f1, precision and recall, each the mean over the radii, and auc, the
        trapezoids under precision over recall from the first radius on; then a row for each
        radius ("1px" ...) with f1, precision, recall, tp, fp, fn.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, heads=heads)
    tallies = (qnrf_tally(*entry, radii=radii) for entry in entries)
    return qnrf_figures(total(tallies, qnrf_tally(radii=radii)), radii=radii)


def qnrf_tally(
    predictions: npt.ArrayLike = (), heads: npt.ArrayLike = (), *, radii: Sequence[float] = RADII
) -> Tally:
    """What one image contributes."""
    points = np.floor(as_points("predictions", predictions))
    truth = np.floor(as_points("heads", heads))
    return {
        "matches": count_matches(points, truth, np.asarray(radii, dtype=np.float64)),
        "predictions": np.array(len(points)),
        "heads": np.array(len(truth)),
    }


def qnrf_figures(tally: Tally, *, radii: Sequence[float] = RADII) -> Figures:
    """Figures of a joined tally."""
    predictions, heads = int(tally["predictions"]), int(tally["heads"])
    rows = [detection(int(matches), predictions, heads) for matches in tally["matches"]]
    curve = np.array([[row["f1"], row["precision"], row["recall"]] for row in rows])
    means = dict(zip(("f1", "precision", "recall"), curve.mean(axis=0).tolist(), strict=True))
    precision, recall = curve[:, 1], curve[:, 2]
    area = float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())
    named = {f"{radius:g}px": row for radius, row in zip(radii, rows, strict=True)}
    return {"mean": means | {"auc": area}} | named
