"""The thresholds and corrections that belong to a set of weights.

Importing this module imports nothing heavy.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

from raz.intervals import Spread

__all__ = ["MAX_NMS_RADIUS", "OperatingPoint"]

MAX_NMS_RADIUS = 16.0
"""Most pixels within which a point may suppress another (ours): half the context of a crop."""

_RULES: dict[str, tuple[Callable[[float], bool], str]] = {
    "fusion_threshold": (lambda value: value >= 0, "at least 0 persons"),
    "region_threshold": (lambda value: 0 <= value <= 1, "in [0, 1]"),
    "density_threshold": (lambda value: 0 <= value < math.inf, "at least 0 persons, and finite"),
    "residual_growth": (lambda value: -4 <= value <= 4, "in [-4, 4]"),
}
"""What each number must fulfil; NaN fulfils none."""

_PER_DEPTH: dict[str, tuple[Callable[[float], bool], str]] = {
    "peak_thresholds": (lambda value: 0 <= value <= 1, "in [0, 1]"),
    "density_factors": (lambda value: 0 < value <= 100, "above 0, and at most 100"),
    "density_declines": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "nms_spacings": (lambda value: 0 <= value <= 100, "in [0, 100]"),
    "nms_radii": (lambda value: 0 <= value <= MAX_NMS_RADIUS, f"in [0, {MAX_NMS_RADIUS:g}]"),
}
"""What each number of those per depth must fulfil."""

_TUPLES = {
    **dict.fromkeys(_PER_DEPTH, "one number per depth"),
    "residuals": "one number per error",
    "cell_residuals": "one number per error",
}
"""The fields that hold several numbers, and what they hold."""

_MOST = {**dict.fromkeys(_PER_DEPTH, 64), "residuals": 100_000, "cell_residuals": 100_000}
"""How many numbers each of them holds at most: a file may come from anybody."""


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds that belong to a set of weights and travel with it in its file.

    The paper prints only the regions' one; the others are calibrated on validation data (ours).

    Args:
        peak_thresholds: Least smoothed probability of a peak, in [0, 1], one per depth: the first
            for the whole image, the second for crops enlarged once, and so on. A depth beyond the
            last takes the last. A perfect cross peaks at 5/9 after the 3x3 mean.
        fusion_threshold: Persons per cell of the 4x4 grid from which the density alone is believed
            (theta_f in Liu et al., CVPR 2019, eq. 4).
        region_threshold: Least mean attention of a region that is zoomed into, or least attention
            of a cell of the cover, in [0, 1] (theta_z = 0.01 in Liu et al., CVPR 2019).
        density_threshold: Persons per cell of the density map below which a cell fades out, see
            `raz.density.without_faint_cells`; 0 keeps all.
        density_factors: Persons counted for each person of the density map where people are few,
            above 0 and at most 100, one per depth; see `raz.density.calibrated_density`.
        density_declines: How much less is counted for them where people are many, in [0, 1), one
            per depth.
        nms_spacings: Radius in which a better point suppresses others, as a share of the local
            spacing of heads, in [0, 100], one per depth; see `raz.density.suppression_radius`; 0
            keeps all points.
        nms_radii: Most pixels of that radius, in [0, `MAX_NMS_RADIUS`], in the pass's own pixels,
            one per depth.
        residuals: Standardised absolute errors of counts of whole images, ascending, for
            `Result.interval`; without them there are no intervals. See `raz.intervals.Spread`.
        cell_residuals: Those of cells of the 4x4 grid, as many.
        residual_growth: How fast relative errors grow where people stand dense, in [-4, 4].

    Raises:
        TypeError: a threshold is not a number.
        ValueError: a threshold is outside its range, a field holds no number or too many (64 per
            depth, 100,000 residuals), or the residuals are not ascending or not as many for cells
            as for images.

    Example:
        >>> OperatingPoint((0.4, 0.3)).peak_threshold(3)
        0.3
        >>> OperatingPoint(region_threshold=2.0)
        Traceback (most recent call last):
        ValueError: region_threshold is 2.0; it must be in [0, 1]
    """

    peak_thresholds: tuple[float, ...] = (0.5, 0.5)
    fusion_threshold: float = 4.0
    region_threshold: float = 0.01
    density_threshold: float = 0.0
    density_factors: tuple[float, ...] = (1.0,)
    density_declines: tuple[float, ...] = (0.0,)
    nms_spacings: tuple[float, ...] = (0.0,)
    nms_radii: tuple[float, ...] = (10.0,)
    residuals: tuple[float, ...] = field(default=(), repr=False)
    cell_residuals: tuple[float, ...] = field(default=(), repr=False)
    residual_growth: float = 0.0

    def __post_init__(self) -> None:
        for name, content in _TUPLES.items():
            values = getattr(self, name)
            if not isinstance(values, Iterable):
                raise TypeError(f"{name} is {values!r}; it must hold {content}")
            object.__setattr__(self, name, _tuple(name, values))
        for name, (allowed, rule) in _PER_DEPTH.items():
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; it must hold one number per depth")
            for value in getattr(self, name):
                if not allowed(value):
                    raise ValueError(f"{name} holds {value}; each must be {rule}")
        for name, (allowed, rule) in _RULES.items():
            value = _number(name, getattr(self, name))
            if not allowed(value):
                raise ValueError(f"{name} is {value}; it must be {rule}")
            object.__setattr__(self, name, value)
        self.spread  # noqa: B018 - raises for residuals that are none

    @property
    def spread(self) -> Spread:
        """How far counts lie from the truth, for the intervals of a result."""
        return Spread(self.residuals, self.cell_residuals, self.residual_growth)

    def peak_threshold(self, depth: int) -> float:
        """Threshold of the given depth, counted from 1; deeper than stored takes the last.

        Raises:
            ValueError: ``depth`` is less than 1.
        """
        return _at_depth(self.peak_thresholds, depth)

    def density_correction(self, depth: int) -> tuple[float, float]:
        """Factor and decline of the density of a pass at the given depth, counted from 1.

        Raises:
            ValueError: ``depth`` is less than 1.
        """
        return _at_depth(self.density_factors, depth), _at_depth(self.density_declines, depth)

    def suppression(self, depth: int) -> tuple[float, float]:
        """Share of the spacing and most pixels of the radius at the given depth, counted from 1.

        Raises:
            ValueError: ``depth`` is less than 1.
        """
        return _at_depth(self.nms_spacings, depth), _at_depth(self.nms_radii, depth)

    def to_json(self) -> str:
        """The thresholds as one line of JSON. An infinite fusion threshold is written as null."""
        values = asdict(self)
        if math.isinf(self.fusion_threshold):
            values["fusion_threshold"] = None
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> OperatingPoint:
        """Read what :meth:`to_json` wrote; a field that is missing takes its default.

        Raises:
            ValueError: the text is not a JSON object of known fields with values in range.
        """
        try:
            values = json.loads(text)
        except RecursionError:
            raise ValueError("an operating point must be a flat JSON object") from None
        if not isinstance(values, dict):
            raise ValueError(f"an operating point must be a JSON object, not {text[:60]!r}")
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"an operating point has no field {', '.join(unknown)}")
        for name in _TUPLES:
            if name in values:
                if not isinstance(values[name], list):
                    raise ValueError(f"{name} must be a list of numbers")
                values[name] = tuple(values[name])
        if values.get("fusion_threshold", 0.0) is None:
            values["fusion_threshold"] = math.inf
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(str(error)) from error


def _tuple(name: str, values: Iterable[object]) -> tuple[float, ...]:
    found = tuple(_number(name, value) for value in values)
    if len(found) > _MOST[name]:
        raise ValueError(f"{name} holds {len(found)} numbers; it must hold at most {_MOST[name]}")
    return found


def _at_depth(values: tuple[float, ...], depth: int) -> float:
    if depth < 1:
        raise ValueError(f"depth is {depth}; it must be at least 1 (the whole image)")
    return values[min(depth, len(values)) - 1]


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} holds {value!r}; it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} holds a number beyond those of float64") from None
