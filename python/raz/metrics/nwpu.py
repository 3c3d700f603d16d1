"""Localization as NWPU-Crowd measures it (Wang et al., TPAMI 2020): protocol "nwpu".

A prediction may match a head within the head's own radius: sigma_l, by which methods are ranked,
and again the stricter sigma_s. Matchings have maximum cardinality. Recall is also given for six
levels of head area; which heads a maximum matching leaves out is not unique, so the levels follow
the benchmark's own order of augmentation.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_labels, as_points, images
from raz.metrics.tally import Figures, Integers, Tally, detection, mean_of_defined, ratio, total
from raz.ops import match_points

LEVELS = 6
"""Levels of box area in square pixels: [1, 10), [10, 1e2), [1e2, 1e3), ... and from 1e5 on."""

_ROWS = {"sigma_l": 1, "sigma_s": 0}
"""Rows of the figures, and the column of ``sigmas`` that each takes: files name sigma_s first."""


def nwpu_localization(
    predictions: Iterable[npt.ArrayLike],
    heads: Iterable[npt.ArrayLike],
    sigmas: Iterable[npt.ArrayLike],
    levels: Iterable[npt.ArrayLike],
) -> Figures:
    """Precision, recall and F1 over a set of images, one entry an image in each list.

    Args:
        predictions: [N, 2], (x, y) in original pixels. Coordinates are floored, heads' too: the
            benchmark's files hold integers.
        heads: [M, 2].
        sigmas: [M, 2], each head's (sigma_s, sigma_l) in pixels; see
            :func:`raz.io.points.head_radii`.
        levels: [M], integers 0 ... 5; see :func:`raz.io.points.head_levels`.

    Returns:
        rows "sigma_l" and "sigma_s", each with f1, precision, recall, tp, fp, fn, recall_level_0
        ... recall_level_5 and recall_levels, the plain mean over the levels that are present.

    Raises:
        ValueError: lists of different lengths, wrong shapes, values that are not finite.
    """
    entries = images(predictions=predictions, heads=heads, sigmas=sigmas, levels=levels)
    return nwpu_figures(total((nwpu_tally(*entry) for entry in entries), nwpu_tally()))


def nwpu_tally(
    predictions: npt.ArrayLike = (),
    heads: npt.ArrayLike = (),
    sigmas: npt.ArrayLike = (),
    levels: npt.ArrayLike = (),
) -> Tally:
    """What one image contributes; arguments as for one image of :func:`nwpu_localization`."""
    points = np.floor(as_points("predictions", predictions))
    truth = np.floor(as_points("heads", heads))
    radii = as_points("sigmas", sigmas)
    if len(radii) != len(truth) or (radii < 0).any():
        raise ValueError(f"sigmas must be [{len(truth)}, 2] and not negative, one row a head")
    area = as_labels("levels", levels, len(truth), LEVELS)
    matched = [
        match_points(points, truth, radii[:, k], order="benchmark")[1] for k in _ROWS.values()
    ]
    return {
        "predictions": np.array(len(points)),
        "heads": np.bincount(area, minlength=LEVELS),
        "matches": np.stack([np.bincount(area[found], minlength=LEVELS) for found in matched]),
    }


def nwpu_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    return {
        row: _row(matches, int(tally["predictions"]), tally["heads"])
        for row, matches in zip(_ROWS, tally["matches"], strict=True)
    }


def _row(matches: Integers, predictions: int, heads: Integers) -> dict[str, float]:
    figures = detection(int(matches.sum()), predictions, int(heads.sum()))
    recalls = [ratio(found, there) for found, there in zip(matches, heads, strict=True)]
    figures |= {f"recall_level_{level}": recall for level, recall in enumerate(recalls)}
    return figures | {"recall_levels": mean_of_defined(recalls)}
