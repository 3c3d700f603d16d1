"""Errors of counts, over a set and by the categories of JHU-CROWD++ and NWPU-Crowd: "count"."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import as_labels, as_vector
from raz.metrics.tally import Figures, Floats, Tally, mean_of_defined, ratio

JHU_CATEGORIES = ("all", "low", "medium", "high", "weather")
"""Low: at most 50 heads; medium: 51 to 500; high: more; weather: fog, rain or snow."""

NWPU_LEVELS = 5
"""Levels of crowdedness, S0 to S4, as the benchmark's lists label each image."""

NWPU_LUMINANCES = 3
"""Levels of luminance, L0 to L2, as the benchmark's lists label each image."""


def crowd_count(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Figures:
    """Counting errors over a set of images.

    Args:
        predicted: [B], persons. true: [B], persons.

    Returns:
        row "all" with mae, rmse (which papers print as "MSE"), nae, images and
        images_with_heads. The absolute error over the true count, nae, is a mean over the images
        with heads. What has no image to be measured on is undefined.

    Raises:
        ValueError: different lengths, values that are not finite, a negative true count.
    """
    return crowd_count_figures(crowd_count_tally(predicted, true))


def crowd_count_tally(predicted: npt.ArrayLike = (), true: npt.ArrayLike = ()) -> Tally:
    """What images contribute, any number of them at once."""
    errors = _errors(predicted, true)
    return {name: values.sum(axis=0) for name, values in errors.items()}


def crowd_count_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    return {"all": _row(tally)}


def jhu_categories(
    predicted: npt.ArrayLike, true: npt.ArrayLike, weather: npt.ArrayLike | None = None
) -> Figures:
    """Counting errors by JHU-CROWD++'s categories (Sindagi et al., TPAMI 2020).

    Args:
        predicted: [B], persons. true: [B], persons.
        weather: [B], the data set's label: 0 none, 1 fog, 2 rain, 3 snow. Without it no image
            counts as weather.

    Returns:
        rows "all", "low", "medium", "high", "weather", each as :func:`crowd_count`'s.

    Raises:
        ValueError: as :func:`crowd_count`; labels out of range.
    """
    return jhu_figures(jhu_tally(predicted, true, weather))


def jhu_tally(
    predicted: npt.ArrayLike = (),
    true: npt.ArrayLike = (),
    weather: npt.ArrayLike | None = None,
) -> Tally:
    """What images contribute, any number of them at once."""
    errors = _errors(predicted, true)
    heads = np.atleast_1d(np.asarray(true, dtype=np.float64))
    if weather is None:
        degraded = np.zeros(len(heads), dtype=bool)
    else:
        degraded = as_labels("weather", weather, len(heads), 4) > 0
    medium = (heads > 50) & (heads <= 500)
    member = [np.ones(len(heads), dtype=bool), heads <= 50, medium, heads > 500, degraded]
    return _by_category(errors, np.array(member))


def jhu_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    return _rows(JHU_CATEGORIES, tally)


def nwpu_categories(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    levels: npt.ArrayLike,
    luminances: npt.ArrayLike,
) -> Figures:
    """Counting errors by NWPU-Crowd's levels and luminances (Wang et al., TPAMI 2020).

    Args:
        predicted: [B], persons. true: [B], persons.
        levels: [B], 0 to 4, from the benchmark's lists. luminances: [B], 0 to 2, likewise.

    Returns:
        rows "all", "level0" ... "level4", "levels", "luminance0" ... "luminance2",
        "luminances", each as :func:`crowd_count`'s; the rows in the plural are plain means over
        the levels, or luminances, that have images.

    Raises:
        ValueError: as :func:`crowd_count`; labels out of range.
    """
    return nwpu_category_figures(nwpu_category_tally(predicted, true, levels, luminances))


def nwpu_category_tally(
    predicted: npt.ArrayLike = (),
    true: npt.ArrayLike = (),
    levels: npt.ArrayLike = (),
    luminances: npt.ArrayLike = (),
) -> Tally:
    """What images contribute, any number of them at once."""
    errors = _errors(predicted, true)
    number = len(errors["images"])
    level = as_labels("levels", levels, number, NWPU_LEVELS)
    luminance = as_labels("luminances", luminances, number, NWPU_LUMINANCES)
    member = [np.ones((1, number), dtype=bool)]
    member.append(level == np.arange(NWPU_LEVELS)[:, None])
    member.append(luminance == np.arange(NWPU_LUMINANCES)[:, None])
    return _by_category(errors, np.concatenate(member))


def nwpu_category_figures(tally: Tally) -> Figures:
    """Figures of a joined tally."""
    levels = [f"level{k}" for k in range(NWPU_LEVELS)]
    luminances = [f"luminance{k}" for k in range(NWPU_LUMINANCES)]
    rows = _rows(("all", *levels, *luminances), tally)
    return {
        "all": rows["all"],
        **{name: rows[name] for name in levels},
        "levels": _mean_row([rows[name] for name in levels]),
        **{name: rows[name] for name in luminances},
        "luminances": _mean_row([rows[name] for name in luminances]),
    }


def _errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> dict[str, Floats]:
    """What each image contributes, [B] of each."""
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


def _by_category(errors: dict[str, Floats], member: npt.NDArray[np.bool_]) -> Tally:
    return {name: np.where(member, values, 0).sum(axis=1) for name, values in errors.items()}


def _rows(names: tuple[str, ...], tally: Tally) -> Figures:
    return {
        row: _row({name: values[index] for name, values in tally.items()})
        for index, row in enumerate(names)
    }


def _row(sums: Tally) -> dict[str, float]:
    images, populated = int(sums["images"]), int(sums["images_with_heads"])
    return {
        "mae": ratio(float(sums["absolute"]), images),
        "rmse": math.sqrt(ratio(float(sums["squared"]), images)),
        "nae": ratio(float(sums["relative"]), populated),
        "images": images,
        "images_with_heads": populated,
    }


def _mean_row(rows: list[dict[str, float]]) -> dict[str, float]:
    means = {name: mean_of_defined(row[name] for row in rows) for name in ("mae", "rmse", "nae")}
    return means | {
        name: sum(row[name] for row in rows) for name in ("images", "images_with_heads")
    }
