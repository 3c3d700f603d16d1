"""The thresholds of peaks and the suppression of points, chosen together on known heads (ours).

Suppression does not depend on the thresholds: a point is suppressed by better ones alone. So each
pass is suppressed once at a setting, and a matching that takes the points by descending score
tells the true positives of every threshold at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raz.density import points_that_stay
from raz.intervals import OFFSET
from raz.network import OperatingPoint
from raz.ops import match_points
from raz.zoom import Pass, Trace
from raz.zoom.merging import owners
from raz.zoom.trace import regions_above

PEAK_THRESHOLDS = tuple(float(value) for value in np.linspace(0.1, 0.9, 41).round(3))

SUPPRESSIONS = tuple(
    itertools.product((0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6), (6.0, 7.0, 8.0, 9.0, 10.0, 12.0))
)
"""Pairs of spacing and radius that are tried, beside no suppression."""

RADII = (4.0, 8.0)
"""Pixels within which a point and a head match, as in the protocol "fixed"."""

SLACK = 0.01
"""Share of the best F1 that may be given up for a better count, as elsewhere in calibration."""

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PeaksOfImage:
    """What the passes over one image found, and its true heads.

    Attributes:
        trace: to depth 2.
        heads: [M, 2], the true heads, (x, y) in pixels of the image.
        region_threshold: least score of a region.
    """

    trace: Trace
    heads: npt.NDArray[np.float32]
    region_threshold: float

    @cached_property
    def passes(self) -> list[Pass]:
        """The pass over the whole image, then those over its regions by precedence."""
        root = self.trace.root
        return [root, *regions_above(root.children, self.region_threshold)]

    @cached_property
    def owned(self) -> list[Mask]:
        """Which points of each pass lie where none of another pass counts, at depth 2."""
        regions = self.passes[1:]
        boxes = torch.tensor([each.box for each in regions], dtype=torch.float64).reshape(-1, 4)
        sources = [len(regions), *range(len(regions))]
        return [
            (owners(each.points, boxes) == source).numpy()
            for each, source in zip(self.passes, sources, strict=True)
        ]

    def suppressed(self, point: OperatingPoint, depth: int) -> list[Mask]:
        """Which points of each pass of a depth stay, whatever the threshold."""
        return [
            points_that_stay(
                _pixels(each), each.scores, each.density, point, depth, self.trace.stride
            ).numpy()
            for each in (self.passes[:1] if depth == 1 else self.passes[1:])
        ]

    def at_depth_1(self, stays: Mask) -> Curves:
        """The points of the whole image for every threshold."""
        root = self.passes[0]
        points, scores = root.points.numpy()[stays], root.scores.numpy()[stays]
        return self._curves(points[:0], points, scores)

    def at_depth_2(self, first: Mask, stays: Sequence[Mask]) -> Curves:
        """The points after zooming for every second threshold, at those that stay of the first."""
        root, *regions = self.passes
        masks = [stay & own for stay, own in zip(stays, self.owned[1:], strict=True)]
        points = [each.points.numpy()[mask] for each, mask in zip(regions, masks, strict=True)]
        scores = [each.scores.numpy()[mask] for each, mask in zip(regions, masks, strict=True)]
        return self._curves(
            root.points.numpy()[first & self.owned[0]],
            np.concatenate([np.zeros((0, 2)), *points]),
            np.concatenate([np.zeros(0, np.float32), *scores]),
        )

    def _curves(self, always: Floats, points: Floats, scores: Scores) -> Curves:
        order = np.argsort(-scores, kind="stable")
        places = np.floor(np.concatenate([always, points[order]]))
        heads = np.floor(self.heads)
        numbers = np.array([(scores >= np.float32(t)).sum() for t in PEAK_THRESHOLDS])
        numbers = numbers + len(always)
        matches = []
        for radius in RADII:
            # In this order a point that matches once goes on to match, so the first points have
            # as many matches as they would have alone.
            of_points, _ = match_points(places, heads, radius, order="benchmark")
            matched = np.bincount(of_points, minlength=len(places))
            matches.append(np.concatenate([[0], np.cumsum(matched)])[numbers])
        return Curves(numbers.astype(np.float64), np.array(matches, np.float64), len(heads))


@dataclass(frozen=True)
class Curves:
    """Points of one image for every threshold of `PEAK_THRESHOLDS`.

    Attributes:
        numbers: [T], points.
        matches: [2, T], of them with a head within each of `RADII`.
        heads: true ones.
    """

    numbers: Floats
    matches: Floats
    heads: int


@dataclass(frozen=True)
class Quality:
    """How good the points of several images are for every threshold.

    Attributes:
        f1: [T], mean of F1 within each of `RADII`.
        error: [T], mean relative counting error.
    """

    f1: Floats
    error: Floats

    @classmethod
    def of_images(cls, curves: Sequence[Curves]) -> Quality:
        """Pool the images, their counts divided by ``sqrt(heads + 10)``.

        So a few crowds do not outweigh all streets, and one missed head in an empty street means
        little: about what the mean over the parts of ShanghaiTech gives, without knowing of parts.
        """
        heads = np.array([each.heads for each in curves], np.float64)[:, None]
        weight = (heads + OFFSET) ** -0.5
        numbers = np.stack([each.numbers for each in curves])
        matches = np.stack([each.matches for each in curves])
        both = (weight * (numbers + heads)).sum(0)
        f1 = np.ones((len(RADII), numbers.shape[1]))  # nothing found where nobody is
        np.divide(2 * (weight[..., None] * matches).sum(0), both, out=f1, where=both > 0)
        return cls(f1.mean(0), (abs(numbers - heads) / (heads + OFFSET)).mean(0))


def choose_points(images: Sequence[PeaksOfImage], point: OperatingPoint) -> OperatingPoint:
    """Choose peak thresholds, ``nms_spacings`` and ``nms_radii`` of both depths.

    First those of the first pass, by the points at depth 1; then, with these, those of the zoomed
    passes, by the points at depth 2. Best is, of the settings whose mean F1 lies within 1 % of
    the highest, the one with the least relative counting error; of equal ones the least suppression
    and the lowest threshold. F1 is the mean of those at 4 and 8 pixels, pooled over the images, see
    `Quality.of_images`.

    Args:
        images: at least one.
        point: provides the threshold of faint cells.
    """
    whole = _choose(
        point,
        lambda candidate: [each.at_depth_1(*each.suppressed(candidate, 1)) for each in images],
    )
    # Compared in float32, as `raz.zoom.resolve` does.
    first = [
        each.suppressed(whole.apply(point), 1)[0]
        & (each.passes[0].scores.numpy() >= np.float32(whole.threshold))
        for each in images
    ]
    zoomed = _choose(
        point,
        lambda candidate: [
            each.at_depth_2(mask, each.suppressed(candidate, 2))
            for each, mask in zip(images, first, strict=True)
        ],
    )
    both = (whole, zoomed)
    return replace(
        point,
        peak_thresholds=tuple(each.threshold for each in both),
        nms_spacings=tuple(each.spacing for each in both),
        nms_radii=tuple(each.radius for each in both),
    )


@dataclass(frozen=True)
class _Choice:
    """Threshold and suppression of one depth."""

    threshold: float
    spacing: float
    radius: float

    def apply(self, point: OperatingPoint) -> OperatingPoint:
        """The operating point with this suppression at every depth."""
        return replace(point, nms_spacings=(self.spacing,), nms_radii=(self.radius,))


def _choose(point: OperatingPoint, curves: Callable[[OperatingPoint], Sequence[Curves]]) -> _Choice:
    """Choose the best of `PEAK_THRESHOLDS` and `SUPPRESSIONS` by the curves that each gives."""
    pairs = ((0.0, point.nms_radii[0]), *SUPPRESSIONS)
    qualities = [Quality.of_images(curves(_Choice(0.0, *pair).apply(point))) for pair in pairs]
    f1 = np.concatenate([each.f1 for each in qualities])
    error = np.concatenate([each.error for each in qualities])
    which, threshold = divmod(_best(f1, error), len(PEAK_THRESHOLDS))
    return _Choice(PEAK_THRESHOLDS[threshold], *pairs[which])


def _best(f1: Floats, error: Floats) -> int:
    """Index of the least error where F1 is high enough; the first of equal ones."""
    return int(np.where(f1 >= f1.max() * (1 - SLACK), error, np.inf).argmin())


def _pixels(each: Pass) -> Tensor:
    return each.crop.points_from_image(each.points).float()
