"""The thresholds that turn a net's maps into points and a count, chosen per set of weights."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Iterable
from dataclasses import asdict, dataclass


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
        region_threshold: Least mean attention of a region that is zoomed into, in [0, 1]
            (theta_z = 0.01 in Liu et al., CVPR 2019).
        density_threshold: Persons per cell of the density map below which a cell fades out, see
            `raz.zoom.without_faint_cells`; 0 keeps all.

    Raises:
        TypeError: a threshold is not a number.
        ValueError: a threshold is outside its range, or ``peak_thresholds`` is empty.
    """

    peak_thresholds: tuple[float, ...] = (0.5, 0.5)
    fusion_threshold: float = 4.0
    region_threshold: float = 0.01
    density_threshold: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.peak_thresholds, Iterable):
            raise TypeError(
                f"peak_thresholds is {self.peak_thresholds!r}; it must hold one threshold per depth"
            )
        peaks = tuple(_number("peak_thresholds", value) for value in self.peak_thresholds)
        if not peaks:
            raise ValueError("peak_thresholds is empty; it must hold one threshold per depth")
        for value in peaks:
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"peak_thresholds holds {value}; each must be in [0, 1]")
        fusion = _number("fusion_threshold", self.fusion_threshold)
        if not fusion >= 0.0:
            raise ValueError(f"fusion_threshold is {fusion}; it must be at least 0 persons")
        density = _number("density_threshold", self.density_threshold)
        if not 0.0 <= density < math.inf:
            raise ValueError(
                f"density_threshold is {density}; it must be at least 0 persons, and finite"
            )
        region = _number("region_threshold", self.region_threshold)
        if not 0.0 <= region <= 1.0:
            raise ValueError(f"region_threshold is {region}; it must be in [0, 1]")
        object.__setattr__(self, "peak_thresholds", peaks)
        object.__setattr__(self, "fusion_threshold", fusion)
        object.__setattr__(self, "density_threshold", density)
        object.__setattr__(self, "region_threshold", region)

    def peak_threshold(self, depth: int) -> float:
        """Threshold of the given depth, counted from 1; deeper than stored takes the last.

        Raises:
            ValueError: ``depth`` is less than 1.
        """
        if depth < 1:
            raise ValueError(f"depth is {depth}; it must be at least 1 (the whole image)")
        return self.peak_thresholds[min(depth, len(self.peak_thresholds)) - 1]

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
            raise ValueError(f"an operating point must be a JSON object, not {text!r}")
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"an operating point has no field {', '.join(unknown)}")
        if "peak_thresholds" in values:
            if not isinstance(values["peak_thresholds"], list):
                raise ValueError("peak_thresholds must be a list of numbers")
            values["peak_thresholds"] = tuple(values["peak_thresholds"])
        if values.get("fusion_threshold", 0.0) is None:
            values["fusion_threshold"] = math.inf
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(str(error)) from error


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} holds {value!r}; it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} holds a number beyond those of float64") from None
