"""Choose the operating point that belongs to a set of weights, on images kept out of training."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raz.data.sample import Sample
from raz.evaluation.density_fit import fit_density
from raz.evaluation.estimates import (
    CountError,
    CountEstimate,
    as_tensor,
    count_errors,
    estimate_counts,
)
from raz.evaluation.point_search import PEAK_THRESHOLDS, PeaksOfImage, choose_points
from raz.evaluation.spread import counted, fit_spread
from raz.intervals import OFFSET
from raz.kept_memory import kept_memory
from raz.network import OperatingPoint
from raz.zoom import (
    Network,
    Trace,
    ZoomSettings,
    cell_counts,
    collect_trace,
    fuse_cells,
    resolve,
    without_faint_cells,
)

_log = logging.getLogger(__name__)

DENSITY_THRESHOLDS = (2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 0.0)
"""Persons per cell of the density map, the highest first."""

FUSION_THRESHOLDS = (0.0, *(float(value) for value in np.geomspace(0.5, 128.0, 25).round(3)), 1e9)
"""Persons per cell: the first trusts the density everywhere, the last gives the average."""


LEAST_HEADS = 50
"""Heads without which only the density threshold is chosen (ours).

F1 of so few is known to a tenth, and where nobody is, whatever finds nothing is best.
"""


@dataclass(frozen=True)
class Calibration:
    """The chosen operating point, and its errors on the images it was chosen on.

    Attributes:
        operating_point: thresholds and corrections.
        errors: of every estimate of `raz.evaluation.ESTIMATES`, in persons.
        leave_one_out: the same, each image counted with the correction of the density that all
            other images choose. What it leaves of a bias is to be expected on unseen images.

    Example:
        >>> from raz.evaluation import Calibration, CountError
        >>> from raz.models import OperatingPoint
        >>> point = OperatingPoint(fusion_threshold=2.0)
        >>> calibration = Calibration(point, {"fusion": CountError(1.5, 2.0, -0.5)})
        >>> calibration.operating_point.fusion_threshold
        2.0
    """

    operating_point: OperatingPoint
    errors: dict[str, CountError]
    leave_one_out: dict[str, CountError] = field(default_factory=dict)


@dataclass(frozen=True)
class TracedImage:
    """What all passes of the net saw in one image, before any threshold, and its true heads.

    Attributes:
        points: float32 [N, 2], the true heads, (x, y) in pixels.
        trace: to be resolved at any thresholds above its floors.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import collect_traces
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> [image] = collect_traces(raz.get_model("raznet_lite"), [black])
        >>> image.heads, image.trace.image_size
        (0, (64, 64))
    """

    points: npt.NDArray[np.float32]
    trace: Trace

    @property
    def heads(self) -> int:
        """The true count."""
        return len(self.points)


@kept_memory()
def collect_traces(model: Network, samples: Iterable[Sample]) -> list[TracedImage]:
    """Run the net once per image, with floors below every threshold that may be chosen.

    Args:
        model: in evaluation mode, on any device.
        samples: images with their true heads; read one at a time.

    Example:
        See `TracedImage`:

        >>> import raz
        >>> from raz.evaluation import collect_traces
        >>> collect_traces(raz.get_model("raznet_lite", weights=None), [])
        []
    """
    images = []
    for sample in samples:
        trace = collect_trace(
            model, as_tensor(sample), ZoomSettings(depth=2), floor=PEAK_THRESHOLDS[0]
        )
        images.append(TracedImage(sample.points, trace))
        _log.info("%s: traced, %d heads", sample.name, len(sample.points))
    return images


def calibrate(
    images: Sequence[TracedImage], point: OperatingPoint, *, empty: Sequence[TracedImage] = ()
) -> Calibration:
    """Choose thresholds and corrections of a model (ours).

    In this order, each with what was chosen before:

    1. ``density_threshold``: the highest of those whose error of the density lies within 1 % of the
       least. It clears images of nobody.
    2. ``peak_thresholds``, ``nms_spacings`` and ``nms_radii`` of depth 1, then of depth 2: of the
       settings whose F1 lies within 1 % of the best, the one whose number of points has the least
       error; see `raz.evaluation.point_search.choose_points`.
    3. ``density_factors`` and ``density_declines``, by the mean squared relative error of the
       density at depth 1, then after zooming; see `raz.evaluation.density_fit.fit_density`.
    4. ``fusion_threshold``: the lowest of those whose error of the fused count lies within 1 % of
       the least, so it is no worse than the density's. The lowest limits what a burst of false
       points in one cell can add.
    5. The residuals for intervals, `raz.evaluation.fit_spread`, each image counted with the
       correction of the density that all others choose.

    Where the images hold fewer than 50 heads together, only the first is chosen; the others stay as
    they are, with a warning.

    Errors are relative, ``|predicted - true| / (true + 10)``, so an image with 20 persons has the
    same weight as one with 2,000.

    Args:
        images: by `collect_traces`; at least one.
        point: provides the threshold of regions, which is not chosen here, and what stays.
        empty: images of nobody, on which the density threshold is chosen too.

    Raises:
        ValueError: ``images`` is empty.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import calibrate, collect_traces
        >>> model = raz.get_model("raznet_lite")
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> calibration = calibrate(collect_traces(model, [black]), model.operating_point)
        >>> calibration.errors["fusion"].mae
        0.0
    """
    if not images:
        raise ValueError("images is empty; it must hold at least one image")
    heads = torch.tensor([each.heads for each in images], dtype=torch.float64)

    more = [*images, *empty]
    densities = [_density_counts(more, threshold) for threshold in DENSITY_THRESHOLDS]
    more_heads = torch.tensor([each.heads for each in more], dtype=torch.float64)
    threshold = DENSITY_THRESHOLDS[_best(densities, more_heads, slack=0.01)]
    point = replace(point, density_threshold=threshold)
    if (found := int(heads.sum())) < LEAST_HEADS:
        _log.warning(
            "calibration: the images hold %d heads; it takes %d to choose more than the threshold "
            "of the density, so all else stays",
            found,
            LEAST_HEADS,
        )
        errors = _errors(images, [point] * len(images))
        return Calibration(point, errors, errors)

    peaks = [PeaksOfImage(each.trace, each.points, point.region_threshold) for each in images]
    point = choose_points(peaks, point)

    fit = fit_density([each.trace for each in images], heads.numpy(), point)
    without = fit.points(point)
    point = replace(point, density_factors=fit.factors, density_declines=fit.declines)

    by_density, by_points = _cells(images, point)
    fused = [fuse_cells(by_density, by_points, theta) for theta in FUSION_THRESHOLDS]
    theta = FUSION_THRESHOLDS[_best(fused, heads, slack=0.01)]
    point = replace(point, fusion_threshold=theta)
    without = [replace(each, fusion_threshold=theta) for each in without]
    point = _with_spread(point, images, without)
    return Calibration(point, _errors(images, [point] * len(images)), _errors(images, without))


def _density_counts(images: Sequence[TracedImage], threshold: float) -> Tensor:
    kept = [without_faint_cells(each.trace.root.density, threshold) for each in images]
    return torch.stack([density.sum(dtype=torch.float64) for density in kept])


def _cells(images: Sequence[TracedImage], point: OperatingPoint) -> tuple[Tensor, Tensor]:
    cells = []
    for each in images:
        result = resolve(each.trace, point)
        cells.append(
            cell_counts(result.density, result.points, result.image_size, each.trace.stride)
        )
    by_density, by_points = zip(*cells, strict=True)
    return torch.stack(by_density), torch.stack(by_points)


def _with_spread(
    point: OperatingPoint, images: Sequence[TracedImage], without: Sequence[OperatingPoint]
) -> OperatingPoint:
    """The operating point with the residuals of the images, each counted at a point of its own."""
    results = [resolve(each.trace, own) for each, own in zip(images, without, strict=True)]
    spread = fit_spread(*counted(results, [torch.tensor(each.points) for each in images]))
    return replace(
        point,
        residuals=spread.residuals,
        cell_residuals=spread.cell_residuals,
        residual_growth=spread.growth,
    )


def _errors(
    images: Sequence[TracedImage], points: Sequence[OperatingPoint]
) -> dict[str, CountError]:
    """Errors of the images, each at an operating point of its own."""
    return count_errors(
        [
            CountEstimate(each.heads, estimate_counts(each.trace, point))
            for each, point in zip(images, points, strict=True)
        ]
    )


def _best(counts: Sequence[Tensor], heads: Tensor, *, slack: float = 0.0) -> int:
    """Return the index of the first of ``counts`` whose error is within ``slack`` of the least."""
    errors = np.array(
        [float(((count - heads).abs() / (heads + OFFSET)).mean()) for count in counts]
    )
    return int(np.argmax(errors <= errors.min() * (1 + slack)))
