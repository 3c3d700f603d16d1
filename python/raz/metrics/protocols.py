"""The protocols by name, as they apply to images read from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from raz.io.points import ImagePoints, PointFile
from raz.metrics import coco, counting, fixed_radius, grid, mle, nap, nwpu, qnrf
from raz.metrics.tally import Figures, Floats, Tally

__all__ = ["PROTOCOLS", "Part", "Protocol", "persons"]


@dataclass(frozen=True)
class Part:
    """One tally of each image, from its predictions and its truth, and the figures of the sum."""

    tally: Callable[[ImagePoints, ImagePoints], Tally]
    figures: Callable[[Tally], Figures]


@dataclass(frozen=True)
class Protocol:
    """What is measured and how.

    Attributes:
        name: as on the command line and in every result.
        rule: what may match, how it is matched and how images are put together, in a line.
        parts: what it is made of, for given ground truth.
        main: the rows that sum it up, measured of each image too; all where this is empty.
        shown: the rows of the printed table; all where this is empty.
        ranked: whether it ranks predictions by score.
    """

    name: str
    rule: str
    parts: Callable[[PointFile], Sequence[Part]]
    main: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    ranked: bool = False


def persons(image: ImagePoints) -> float:
    """The predicted count: what the file says, else the number of points."""
    return len(image.points) if image.count is None else image.count


def _scores(image: ImagePoints) -> Floats:
    """Scores; without any all are equal, so that predictions rank in their order."""
    return np.zeros(len(image.points)) if image.scores is None else image.scores


def _points(tally: Callable[..., Tally], figures: Callable[[Tally], Figures]) -> list[Part]:
    return [Part(lambda pred, truth: tally(pred.points, truth.points), figures)]


def _ranked(tally: Callable[..., Tally], figures: Callable[[Tally], Figures]) -> list[Part]:
    return [Part(lambda pred, truth: tally(pred.points, _scores(pred), truth.points), figures)]


def _nwpu(pred: ImagePoints, truth: ImagePoints) -> Tally:
    if truth.sigmas is None or truth.levels is None:
        return nwpu.nwpu_tally(pred.points, truth.points)
    return nwpu.nwpu_tally(pred.points, truth.points, truth.sigmas, truth.levels)


def _counting(truth: PointFile) -> list[Part]:
    """The whole set, JHU-CROWD++'s and NWPU-Crowd's categories as far as labels go, the grid."""
    labelled = [set(image.labels) for image in truth.images.values()]
    weather = all("weather" in labels for labels in labelled)
    levels = all({"level", "luminance"} <= labels for labels in labelled)

    jhu_rows = counting.JHU_CATEGORIES if weather else counting.JHU_CATEGORIES[:-1]
    parts = [
        Part(_jhu_categories, partial(_rows, counting.jhu_figures, jhu_rows)),
        Part(_nwpu_categories, counting.nwpu_category_figures),
        Part(_grid, grid.game_figures),
    ]
    return parts if levels else [parts[0], parts[2]]


def _jhu_categories(pred: ImagePoints, truth: ImagePoints) -> Tally:
    label = truth.labels.get("weather", 0)
    return counting.jhu_tally([persons(pred)], [len(truth.points)], [label])


def _nwpu_categories(pred: ImagePoints, truth: ImagePoints) -> Tally:
    labels = [[truth.labels.get(name, 0)] for name in ("level", "luminance")]
    return counting.nwpu_category_tally([persons(pred)], [len(truth.points)], *labels)


def _grid(pred: ImagePoints, truth: ImagePoints) -> Tally:
    size = truth.size or pred.size
    height_width = None if size is None else (size[1], size[0])
    return grid.game_tally(pred.points, truth.points, height_width)


def _rows(figures: Callable[[Tally], Figures], names: Sequence[str], tally: Tally) -> Figures:
    rows = figures(tally)
    return {name: rows[name] for name in names}


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "nwpu",
            "within each head's sigma_l, sigma_s; maximum matching; summed over the set",
            lambda _: [Part(_nwpu, nwpu.nwpu_figures)],
        ),
        Protocol(
            "fixed",
            "within 4 px, 8 px, coordinates floored; maximum matching; summed over the set",
            lambda _: _points(fixed_radius.fixed_radius_tally, fixed_radius.fixed_radius_figures),
        ),
        Protocol(
            "qnrf",
            "within 1 ... 100 px, coordinates floored; maximum matching; summed over the set, "
            "means over the distances",
            lambda _: _points(qnrf.qnrf_tally, qnrf.qnrf_figures),
            main=("mean",),
            shown=("mean", "1px", "2px", "4px", "8px", "16px", "32px", "64px", "100px"),
        ),
        Protocol(
            "coco",
            "similarity exp(-d^2 / 2 sigma^2) from .50 to .95; ranked by score over the set, to "
            "the most similar free head; 101-point AP, final recall",
            lambda _: _ranked(coco.coco_tally, coco.coco_figures),
            ranked=True,
        ),
        Protocol(
            "coco-macro",
            "similarity as for coco; predictions in the order given; precision and recall of "
            "each image, averaged over images",
            lambda _: _points(coco.coco_macro_tally, coco.coco_macro_figures),
        ),
        Protocol(
            "nap",
            "distance over the mean to the head's 3 nearest below .05 ... .50; ranked by score "
            "over the set, to the nearest free head; all-point AP",
            lambda _: _ranked(nap.normalized_ap_tally, nap.normalized_ap_figures),
            main=("mean",),
            ranked=True,
        ),
        Protocol(
            "mle",
            "nearer than 16 px; all pairs by distance; mean error a head, averaged over images "
            "with heads",
            lambda _: _points(mle.mle_tally, mle.mle_figures),
        ),
        Protocol(
            "count",
            "counts of images; NAE over images with heads; GAME on points",
            _counting,
            main=("all", "game"),
        ),
    )
}
"""By name, in the order of the command line's help."""
