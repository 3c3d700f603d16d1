"""Errors of counts: what the protocol "count" and its parts share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_vector
from raz.metrics.figures import mean_of_defined, ratio
from raz.metrics.state import Array, MetricState

__all__ = ["by_category", "count_errors", "count_row", "count_rows", "mean_row"]


def count_errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> dict[str, Floats]:
    """Return what each image contributes, [B] of each.

    Raises:
        ValueError: different lengths, values that are not finite, a negative true count.
    """
    heads = np.atleast_1d(np.asarray(true, dtype=np.float64))
    heads = as_vector("true", heads, heads.size)
    counts = as_vector("predicted", np.atleast_1d(np.asarray(predicted)), len(heads))
    if (heads < 0).any():
        raise ValueError("true has a negative count")
    error = np.abs(counts - heads)
    populated = heads > 0
    return {
        "absolute": error,
        "squared": np.square(error),
        "relative": np.where(populated, error / np.where(populated, heads, 1), 0),
        "images": np.ones(len(heads)),
        "images_with_heads": populated.astype(np.float64),
    }


def by_category(errors: Mapping[str, Floats], member: npt.ArrayLike) -> MetricState:
    """Sum errors over the images of each category; ``member`` is bool [categories, B]."""
    return MetricState(
        {name: np.where(member, values, 0).sum(axis=1) for name, values in errors.items()}
    )


def count_rows(names: Iterable[str], state: MetricState) -> dict[str, dict[str, float]]:
    """Return the figures of each category."""
    return {
        row: count_row({name: values[index] for name, values in state.sums.items()})
        for index, row in enumerate(names)
    }


def count_row(sums: Mapping[str, Array]) -> dict[str, float]:
    """Return mae, rmse, nae and the numbers of images that they are means over."""
    images, populated = int(sums["images"]), int(sums["images_with_heads"])
    return {
        "mae": ratio(float(sums["absolute"]), images),
        "rmse": math.sqrt(ratio(float(sums["squared"]), images)),
        "nae": ratio(float(sums["relative"]), populated),
        "images": images,
        "images_with_heads": populated,
    }


def mean_row(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the plain means over the rows that have images, and the sums of images."""
    rows = list(rows)
    means = {name: mean_of_defined(row[name] for row in rows) for name in ("mae", "rmse", "nae")}
    return means | {
        name: sum(row[name] for row in rows) for name in ("images", "images_with_heads")
    }
