"""The counts that a model gives for one image, and their errors over many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch

from raz.data.sample import Sample
from raz.evaluation.bootstrap import BootstrapMean, bootstrap_mean, paired_difference
from raz.intervals import OFFSET
from raz.metrics import crowd_count
from raz.network import OperatingPoint, as_network
from raz.result import Result
from raz.zoom import Network, Trace, ZoomSettings, average_counts, collect_trace, resolve

EstimateName = Literal["density", "density+", "localization", "localization+", "average", "fusion"]
"""Name of a count estimate, see `ESTIMATES`."""

ESTIMATES: tuple[EstimateName, ...] = get_args(EstimateName)
"""Names of the count estimates of one image, as in the tables of Liu et al., CVPR 2019.

- ``"density"``: the integral of the density map at depth 1.
- ``"density+"``: the integral of the density map after zooming (ours), ``Result.count_density``.
- ``"localization"``: the number of points at depth 1.
- ``"localization+"``: the number of points after zooming, ``Result.count_points``.
- ``"average"``: the mean of both after zooming.
- ``"fusion"``: eq. 4 of both after zooming, which is ``Result.count``.

Example:
    >>> from raz.evaluation import ESTIMATES
    >>> ESTIMATES
    ('density', 'density+', 'localization', 'localization+', 'average', 'fusion')
"""

FUSED_AGAINST: tuple[EstimateName, ...] = ("density", "density+", "localization+")
"""The estimates that the fused count is compared with, image by image."""


INTERVAL_LEVEL = 0.9
"""Level of the interval of a `CountEstimate`."""


@dataclass(frozen=True)
class CountEstimate:
    """The true count of one image and the counts that a model gives for it.

    Attributes:
        heads: the true count.
        counts: persons by the name of the estimate, see `ESTIMATES`.
        interval: (low, high), of the fused count at the level `INTERVAL_LEVEL`; NaN where it was
            not asked for, or the weights do not tell.

    Example:
        >>> from raz.evaluation import CountEstimate
        >>> estimate = CountEstimate(heads=20, counts={"density": 18.5, "fusion": 19.0})
        >>> estimate.counts["fusion"] - estimate.heads
        -1.0
    """

    heads: int
    counts: dict[str, float]
    interval: tuple[float, float] = (math.nan, math.nan)


@dataclass(frozen=True)
class CountError:
    """Errors of one estimate over a set of images, in persons; NaN without an image.

    Attributes:
        mae: mean absolute error.
        rmse: root of the mean squared error, which papers print as "MSE".
        bias: mean of the predicted minus the true count.
        bias_percent: the bias in percent of the mean true count; NaN without a head.
        mae_low: where the 95 % interval of ``mae`` begins, see `bootstrap_mean`; NaN with fewer
            than two images.
        mae_high: where it ends.

    Example:
        >>> from raz.evaluation import CountError
        >>> CountError(mae=1.5, rmse=2.0, bias=-0.5).bias
        -0.5
    """

    mae: float
    rmse: float
    bias: float
    bias_percent: float = math.nan
    mae_low: float = math.nan
    mae_high: float = math.nan


def count_image(model: Network, sample: Sample, *, depth: int = 2) -> CountEstimate:
    """Count the persons in one image by every estimate, from one run of the net.

    Args:
        model: in evaluation mode; its own thresholds apply.
        sample: the image and its true heads.
        depth: number of passes; 1 does not zoom.

    Example:
        >>> import numpy as np
        >>> import raz
        >>> from raz.data import Sample
        >>> from raz.evaluation import count_image
        >>> black = Sample(np.zeros((64, 64, 3), np.uint8), np.zeros((0, 2), np.float32), "black")
        >>> estimate = count_image(raz.get_model("raznet_lite"), black)
        >>> estimate.heads, estimate.counts["localization+"]
        (0, 0.0)
    """
    model = as_network(model)
    trace = trace_image(model, sample, ZoomSettings(depth=depth))
    return CountEstimate(len(sample.points), estimate_counts(trace, model.operating_point))


def trace_image(model: Network, sample: Sample, settings: ZoomSettings) -> Trace:
    """Run all passes over one image, with the model's own thresholds as floors."""
    point = as_network(model).operating_point
    return collect_trace(model, as_tensor(sample), settings, floor=min(point.peak_thresholds))


def as_tensor(sample: Sample) -> torch.Tensor:
    """Return the image of a sample as uint8 [3, H, W]; only a read-only array is copied."""
    pixels = sample.image if sample.image.flags.writeable else sample.image.copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)


def estimate_counts(trace: Trace, point: OperatingPoint) -> dict[str, float]:
    """Compute every estimate of `ESTIMATES` from a trace, at the given thresholds.

    Args:
        trace: of one image, collected with floors that are not above the thresholds.
        point: the thresholds.

    Returns:
        Persons by the name of the estimate, at least 0; NaN where the maps are no numbers.

    Example:
        >>> import torch
        >>> import raz
        >>> from raz.evaluation import estimate_counts
        >>> from raz.zoom import collect_trace
        >>> model = raz.get_model("raznet_lite")
        >>> trace = collect_trace(model, torch.zeros(3, 64, 64, dtype=torch.uint8))
        >>> estimate_counts(trace, model.operating_point)["localization"]
        0.0
    """
    return counts_of(resolve(trace, point, depth=1), resolve(trace, point))


def counts_of(shallow: Result, deep: Result) -> dict[str, float]:
    """The estimates by an image's results at depth 1 and after zooming."""
    return {
        "density": _not_below_0(shallow.count_density),
        "density+": _not_below_0(deep.count_density),
        "localization": float(shallow.count_points),
        "localization+": float(deep.count_points),
        "average": _not_below_0(average_counts(deep.density, deep.points)),
        "fusion": deep.count,
    }


def _not_below_0(count: float) -> float:
    return 0.0 if count < 0 else count  # a NaN stays one: max(0.0, nan) is 0.0


def count_errors(estimates: Sequence[CountEstimate]) -> dict[str, CountError]:
    """Compute the errors of every estimate of `ESTIMATES` over a set of images.

    Example:
        >>> from raz.evaluation import ESTIMATES, CountEstimate, count_errors
        >>> images = [CountEstimate(10, dict.fromkeys(ESTIMATES, count)) for count in (13.0, 6.0)]
        >>> error = count_errors(images)["fusion"]
        >>> error.mae, error.bias
        (3.5, -0.5)
    """
    return {name: _error(estimates, name) for name in ESTIMATES}


def fusion_minus(estimates: Sequence[CountEstimate]) -> dict[str, BootstrapMean]:
    """Compare the fused count with each that it is made of, and with the density at depth 1.

    Args:
        estimates: of a set of images.

    Returns:
        By the name of the other estimate: the absolute error of "fusion" minus that of the other,
        in persons. Below 0 the fused count is better.

    Example:
        >>> from raz.evaluation import CountEstimate, fusion_minus
        >>> counts = {"fusion": 11.0, "density": 13.0, "density+": 12.0, "localization+": 10.0}
        >>> {name: each.mean for name, each in fusion_minus([CountEstimate(10, counts)]).items()}
        {'density': -2.0, 'density+': -1.0, 'localization+': 1.0}
    """
    fused = _absolute(estimates, "fusion")
    return {name: paired_difference(fused, _absolute(estimates, name)) for name in FUSED_AGAINST}


def error_differences(
    first: Sequence[CountEstimate], second: Sequence[CountEstimate]
) -> dict[str, BootstrapMean]:
    """Compare the counts of two models on the same images, estimate by estimate.

    Args:
        first: the counts of one model.
        second: those of another on the same images, in the same order.

    Returns:
        By the name of the estimate: the absolute error of the first minus that of the second, in
        persons, see `paired_difference`. Below 0 the first is better.

    Raises:
        ValueError: these are not the same images: there are more, or of other true counts.

    Example:
        >>> from raz.evaluation import ESTIMATES, CountEstimate, error_differences
        >>> ours = [CountEstimate(10, dict.fromkeys(ESTIMATES, 12.0))]
        >>> theirs = [CountEstimate(10, dict.fromkeys(ESTIMATES, 5.0))]
        >>> error_differences(ours, theirs)["fusion"].mean
        -3.0
    """
    if [each.heads for each in first] != [each.heads for each in second]:
        raise ValueError("first and second are not of the same images; their true counts differ")
    return {
        name: paired_difference(_absolute(first, name), _absolute(second, name))
        for name in ESTIMATES
    }


def comparison_table(
    title: str,
    first: Mapping[str, CountError],
    second: Mapping[str, CountError],
    differences: Mapping[str, BootstrapMean],
) -> str:
    """Lay out the errors of two models as aligned text, one line per estimate.

    Args:
        title: heading of the first column.
        first: errors of one model, by the name of the estimate.
        second: those of the other.
        differences: by `error_differences`.

    Example:
        >>> from raz.evaluation import BootstrapMean, CountError, comparison_table
        >>> errors = {"fusion": CountError(1.5, 2.0, -0.5)}, {"fusion": CountError(2.5, 3.0, 0.5)}
        >>> print(comparison_table("mine", *errors, {"fusion": BootstrapMean(-1, -2.5, 0.25)}))
        mine                         MAE A    MAE B    A - B              95 %
          fusion                      1.50     2.50    -1.00    -2.50 to +0.25
    """
    lines = [f"{title:<25}{'MAE A':>9}{'MAE B':>9}{'A - B':>9}{'95 %':>18}"]
    for name, (mean, low, high) in differences.items():
        line = f"  {name:<23}{_text(first[name].mae, '.2f'):>9}{_text(second[name].mae, '.2f'):>9}"
        lines.append(f"{line}{_text(mean, '+.2f'):>9}{_interval(low, high, '+.2f'):>18}")
    return "\n".join(lines)


def relative_error(estimates: Sequence[CountEstimate], name: str) -> float:
    """Compute the mean of ``|predicted - true| / (true + 10)`` (ours).

    An image with 20 persons has the same weight as one with 2,000.

    Args:
        estimates: of at least one image.
        name: of the estimate, one of `ESTIMATES`.

    Example:
        >>> from raz.evaluation import CountEstimate, relative_error
        >>> images = [CountEstimate(10, {"density": 14.0}), CountEstimate(90, {"density": 80.0})]
        >>> round(relative_error(images, "density"), 3)
        0.15
    """
    errors = [abs(each.counts[name] - each.heads) / (each.heads + OFFSET) for each in estimates]
    return float(np.mean(errors))


def error_table(
    title: str,
    errors: Mapping[str, CountError],
    oracle: Mapping[str, CountError] | None = None,
) -> str:
    """Lay out counting errors as aligned text, one line per estimate; "-" where one is undefined.

    Args:
        title: heading of the first column.
        errors: by the name of the estimate.
        oracle: errors at thresholds that were chosen on the measured images themselves; adds a
            column with their mean absolute error.

    Example:
        >>> from raz.evaluation import CountError, error_table
        >>> print(error_table("part A", {"fusion": CountError(1.5, 2.0, -0.5, -2.0, 1.25, 1.75)}))
        part A                         MAE              95 %     RMSE     bias
          fusion                      1.50      1.25 to 1.75     2.00    -0.50   -2.0%
    """
    heading = f"{title:<25}{'MAE':>9}{'95 %':>18}{'RMSE':>9}{'bias':>9}"
    lines = [heading + (f"{'oracle MAE':>20}" if oracle else "")]
    for name, error in errors.items():
        line = f"  {name:<23}{_text(error.mae, '.2f'):>9}"
        line += f"{_interval(error.mae_low, error.mae_high, '.2f'):>18}"
        line += f"{_text(error.rmse, '.2f'):>9}{_text(error.bias, '+.2f'):>9}"
        line += f"{_text(error.bias_percent, '+.1f', '%'):>8}"
        lines.append(line + (f"{_text(oracle[name].mae, '.2f'):>12}" if oracle else ""))
    return "\n".join(lines)


def difference_lines(differences: Mapping[str, BootstrapMean]) -> str:
    """Lay out what `fusion_minus` computes as aligned text, one line per estimate.

    Example:
        >>> from raz.evaluation import BootstrapMean, difference_lines
        >>> print(difference_lines({"density+": BootstrapMean(-1.5, -2.5, 0.25)}))
          fusion - density+          -1.50    -2.50 to +0.25
    """
    lines = []
    for name, (mean, low, high) in differences.items():
        between = _interval(low, high, "+.2f")
        lines.append(f"  {'fusion - ' + name:<23}{_text(mean, '+.2f'):>9}{between:>18}")
    return "\n".join(lines)


def _error(estimates: Sequence[CountEstimate], name: str) -> CountError:
    predicted = np.array([each.counts[name] for each in estimates])
    heads = np.array([each.heads for each in estimates])
    row = crowd_count(predicted, heads)["all"]
    bias = float((predicted - heads).mean()) if len(estimates) else math.nan
    percent = 100 * bias / float(heads.mean()) if heads.any() else math.nan
    _, low, high = bootstrap_mean(_absolute(estimates, name))
    return CountError(row["mae"], row["rmse"], bias, percent, low, high)


def _absolute(estimates: Sequence[CountEstimate], name: str) -> npt.NDArray[np.float64]:
    return np.array([abs(each.counts[name] - each.heads) for each in estimates], dtype=np.float64)


def _interval(low: float, high: float, form: str) -> str:
    return "-" if math.isnan(low) else f"{low:{form}} to {high:{form}}"


def _text(value: float, form: str, unit: str = "") -> str:
    return "-" if math.isnan(value) else f"{value:{form}}{unit}"
