"""The contract between a network and the code that reads its maps.

The ground floor of `raz.models`, which builds such networks, and of `raz.zoom`, which runs them.
Importing this module imports nothing heavy.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PAD_MULTIPLE", "Network", "OperatingPoint", "padded_length", "without_faint_cells"]

PAD_MULTIPLE = 32
"""A network pads its input, with the mean colour, to a multiple of this many pixels."""


class Network(Protocol):
    """What counting, locating and zooming need of a model.

    `raz.models.RAZNet` has all of it. A network of your own needs these attributes and the call.
    Class attributes are enough.

    Example:
        >>> import torch
        >>> class Empty:
        ...     stride, architecture = 8, "empty"
        ...     receptive_field = bytes_per_pixel = 0
        ...     operating_point = OperatingPoint()
        ...     def __call__(self, images):
        ...         batch, _, height, width = images.shape
        ...         cells = images.new_zeros(batch, -(-height // 8), -(-width // 8))
        ...         logits = images.new_full((batch, height, width), -10.0)
        ...         return {"localization": logits, "density": cells, "attention": cells}
        >>> from raz.zoom import count_and_locate
        >>> count_and_locate(Empty(), torch.zeros(3, 64, 48, dtype=torch.uint8)).count
        0.0
    """

    @property
    def architecture(self) -> str:
        """Name of the network, kept in every result."""
        ...

    @property
    def stride(self) -> int:
        """Image pixels per cell of the density and attention maps; a divisor of 32."""
        ...

    @property
    def operating_point(self) -> OperatingPoint:
        """Thresholds chosen for these weights."""
        ...

    @property
    def receptive_field(self) -> int:
        """Pixels beyond a border on which the maps up to that border depend.

        0 if it is not known: then the network sees every image whole, never in tiles.
        """
        ...

    @property
    def bytes_per_pixel(self) -> int:
        """Peak memory of one pass per input pixel; 0 if it is not known."""
        ...

    def __call__(self, images: Tensor, /) -> Any:
        """Map float RGB [B, 3, H, W] in [0, 1] to a mapping of three maps.

        "localization" [B, H, W], logits; "density", persons per cell, and "attention", in [0, 1],
        [B, ceil(H / stride), ceil(W / stride)] each.
        """
        ...


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


def padded_length(length: int) -> int:
    """Round a side up to the next multiple of `PAD_MULTIPLE` pixels.

    Example:
        >>> padded_length(33)
        64
    """
    # Not -(-length // multiple): ONNX divides negative numbers towards zero.
    return (length + PAD_MULTIPLE - 1) // PAD_MULTIPLE * PAD_MULTIPLE


def without_faint_cells(density: Tensor, threshold: float) -> Tensor:
    """Fade out the cells of a density map that hold almost nobody (ours).

    A network puts a small density on every cell, which adds up to whole persons in empty scenes. A
    cell keeps min(1, max(0, 2 |d| / threshold - 1)) of its density d: all of it from the threshold
    upwards, none below half of it. There is no jump, so rounding cannot turn a cell on or off.

    Args:
        density: persons per cell, any shape.
        threshold: persons per cell, at least 0; 0 returns ``density`` itself.

    Example:
        >>> import torch
        >>> without_faint_cells(torch.tensor([0.1, 0.3, 0.5]), 0.4)
        tensor([0.0000, 0.1500, 0.5000])
    """
    if threshold == 0:
        return density
    return density * (density.abs() * (2 / threshold) - 1).clamp(0, 1)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} holds {value!r}; it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} holds a number beyond those of float64") from None
