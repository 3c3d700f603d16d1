"""The sums that every protocol is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MetricState"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class MetricState:
    """What images contribute to a measurement, as named arrays that add up.

    Figures are computed from the joined state alone. They do not depend on how the images were
    divided among batches or processes.

    Attributes:
        sums: arrays that are added over images; plain numbers become arrays.
        rows: arrays [N, ...] with one row per prediction, which are concatenated in the order of
            the images. Protocols that rank predictions over the whole set need them.

    Example:
        >>> from raz.metrics import MetricState
        >>> one = MetricState({"heads": 2}, {"scores": [0.9]})
        >>> both = one + MetricState({"heads": 3}, {"scores": [0.8, 0.7]})
        >>> int(both["heads"]), both["scores"].tolist()
        (5, [0.9, 0.8, 0.7])
    """

    sums: Mapping[str, Array]
    rows: Mapping[str, Array] = field(default_factory=dict)

    def __init__(
        self, sums: Mapping[str, npt.ArrayLike], rows: Mapping[str, npt.ArrayLike] | None = None
    ) -> None:
        object.__setattr__(self, "sums", {k: np.asarray(v) for k, v in sums.items()})
        object.__setattr__(self, "rows", {k: np.asarray(v) for k, v in (rows or {}).items()})

    def __getitem__(self, name: str) -> Array:
        """Return an array by its name."""
        return self.sums[name] if name in self.sums else self.rows[name]

    def __add__(self, other: MetricState) -> MetricState:
        """Join the states of two sets of images."""
        return self.blank().joined_with([self, other])

    def blank(self) -> MetricState:
        """Return the state of no image: the same names and shapes, all zero."""
        return MetricState(
            {name: np.zeros_like(value) for name, value in self.sums.items()},
            {name: value[:0] for name, value in self.rows.items()},
        )

    def joined_with(self, states: Iterable[MetricState]) -> MetricState:
        """Join this state with others of the same names, in one go."""
        parts = [self, *states]
        return MetricState(
            {name: np.sum([part.sums[name] for part in parts], axis=0) for name in self.sums},
            {name: np.concatenate([part.rows[name] for part in parts]) for name in self.rows},
        )
