"""What a request to the service may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of the service; that of pixels belongs to the :class:`raz.Predictor`.

    At most ``parallel + waiting`` requests hold an image file in memory, and ``parallel`` of them
    also its pixels and what the network makes of them.

    Attributes:
        bytes: largest body of a request.
        seconds: from the start of a request to its answer. A count that has begun is not broken
            off, so its thread is free only when it ends.
        parallel: images that are counted at the same time, each in a thread of its own.
        waiting: requests that may wait beside those; the next one is refused at once.

    Raises:
        ValueError: a limit is out of range.

    Example:
        >>> Limits(parallel=2, waiting=4).places
        6
        >>> Limits(waiting=-1)
        Traceback (most recent call last):
        ValueError: waiting is -1; it must be at least 0
    """

    bytes: int = 64 << 20
    seconds: float = 60.0
    parallel: int = 1
    waiting: int = 16

    def __post_init__(self) -> None:
        for name, least in (("bytes", 1), ("parallel", 1), ("waiting", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds is {self.seconds}; it must be a finite number above 0")

    @property
    def places(self) -> int:
        """Requests that may be in work or wait."""
        return self.parallel + self.waiting
