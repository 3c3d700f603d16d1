"""Errors of counts: what the protocol "count" and its parts share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, as_floats, as_vector
from raz.metrics.figures import mean_of_defined, ratio
from raz.metrics.state import Array, MetricState

__all__ = ["by_category", "count_errors", "count_row", "count_rows", "mean_row"]


def count_errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> dict[str, Floats]:
    """Return what each image contributes, [B] of each.

    Raises:
        ValueError: different lengths, values that are not finite, a negative true count.

    Example:
        >>> errors = count_errors([12, 3], [10, 0])  # the second image has no heads
        >>> errors["absolute"], errors["relative"], errors["images_with_heads"]
        (array([2., 3.]), array([0.2, 0. ]), array([1., 0.]))
    """
    heads = np.atleast_1d(as_floats("true", true))
    heads = as_vector("true", heads, heads.size)
    counts = as_vector("predicted", np.atleast_1d(as_floats("predicted", predicted)), len(heads))
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
    """Sum errors over the images of each category; ``member`` is bool [categories, B].

    Example:
        >>> errors = count_errors([12, 3, 7], [10, 0, 8])
        >>> state = by_category(errors, [[True, True, False], [False, False, True]])
        >>> state["absolute"], state["images"]
        (array([5., 1.]), array([2., 1.]))
    """
    return MetricState(
        {name: np.where(member, values, 0).sum(axis=1) for name, values in errors.items()}
    )


def count_rows(names: Iterable[str], state: MetricState) -> dict[str, dict[str, float]]:
    """Return the figures of each category.

    Example:
        >>> state = by_category(count_errors([12, 7], [10, 8]), [[True, False], [True, True]])
        >>> rows = count_rows(["rain", "all"], state)
        >>> rows["rain"]["mae"], rows["all"]["mae"]
        (2.0, 1.5)
    """
    return {
        row: count_row({name: values[index] for name, values in state.sums.items()})
        for index, row in enumerate(names)
    }


def count_row(sums: Mapping[str, Array]) -> dict[str, float]:
    """Return mae, rmse, nae and the numbers of images that they are means over.

    Example:
        >>> errors = count_errors([13, 4], [10, 0])
        >>> row = count_row({name: values.sum() for name, values in errors.items()})
        >>> row["mae"], round(row["rmse"], 3)  # errors of 3 and 4: sqrt((9 + 16) / 2)
        (3.5, 3.536)
        >>> row["nae"], row["images_with_heads"]  # 3 / 10, of the image that has heads
        (0.3, 1)
    """
    images, populated = int(sums["images"]), int(sums["images_with_heads"])
    return {
        "mae": ratio(float(sums["absolute"]), images),
        "rmse": math.sqrt(ratio(float(sums["squared"]), images)),
        "nae": ratio(float(sums["relative"]), populated),
        "images": images,
        "images_with_heads": populated,
    }


def mean_row(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return the plain means over the rows that have images, and the sums of images.

    Example:
        >>> rain = {"mae": 2.0, "rmse": 2.0, "nae": 0.5, "images": 1, "images_with_heads": 1}
        >>> snow = {"mae": 4.0, "rmse": 5.0, "nae": math.nan, "images": 3, "images_with_heads": 0}
        >>> mean_row([rain, snow])  # every row weighs the same
        {'mae': 3.0, 'rmse': 3.5, 'nae': 0.5, 'images': 4, 'images_with_heads': 1}
    """
    rows = list(rows)
    means = {name: mean_of_defined(row[name] for row in rows) for name in ("mae", "rmse", "nae")}
    return means | {
        name: sum(row[name] for row in rows) for name in ("images", "images_with_heads")
    }
