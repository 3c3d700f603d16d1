"""Counts over time, smoothed: the running median over the frames around each one (ours).

A frame's smoothed count is the median of the counts of all frames at most half a window before or
after it. At both ends of a video the window is cut off there. The counts themselves stay as they
are; what is smoothed stands beside them, under a name that says how.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from raz.intervals import as_number
from raz.result import Result

__all__ = ["Smoothing", "smoothed"]

_ROUNDING = 1e-6
"""Seconds: times of frames are sums of fractions."""


def smoothed(results: Iterable[Result], seconds: float) -> Iterator[Result]:
    """Smooth the counts of a video's frames, of :func:`raz.predict` say.

    Args:
        results: in order of time; results without a time pass as they are. Where time goes back or
            the video's name changes, another video begins.
        seconds: length of the window, above 0.

    Returns:
        the results, each as soon as the half window after it is known, with ``smoothed`` and
        without ``image``. Meanwhile the frames of half a window are kept, without their pixels.

    Raises:
        TypeError: ``seconds`` is no number.
        ValueError: ``seconds`` is not finite and above 0.

    Example:
        >>> import torch
        >>> def frame(time, count):
        ...     return Result(
        ...         points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(1, 1),
        ...         count=count, count_density=count, count_points=0, image_size=(8, 8), time=time,
        ...     )
        >>> frames = [frame(0.0, 3.0), frame(1.0, 9.0), frame(2.0, 4.0)]
        >>> [result.smoothed["count_median_2s"] for result in smoothed(frames, 2)]
        [6.0, 4.0, 6.5]
    """
    smoothing = Smoothing(seconds)
    return _smoothed(results, smoothing)


def _smoothed(results: Iterable[Result], smoothing: Smoothing) -> Iterator[Result]:
    for result in results:
        yield from smoothing.add(result)
    yield from smoothing.rest()


class Smoothing:
    """Smooths counts as they come; :func:`smoothed` is its form for iterators.

    Args:
        seconds: length of the window, above 0.

    Raises:
        TypeError: ``seconds`` is no number.
        ValueError: ``seconds`` is not finite and above 0.

    Example:
        >>> Smoothing(0)
        Traceback (most recent call last):
        ValueError: smooth is 0; it must be a finite number of seconds above 0
    """

    def __init__(self, seconds: float) -> None:
        length = as_number("smooth", seconds)
        if not 0 < length < math.inf:
            raise ValueError(f"smooth is {seconds}; it must be a finite number of seconds above 0")
        self._reach = length / 2 + _ROUNDING
        self._ending = f"median_{length:g}s"
        self._waiting: deque[Result] = deque()
        self._window: deque[tuple[float, dict[str, float]]] = deque()
        self._video: tuple[str | None, float] | None = None

    def add(self, result: Result) -> list[Result]:
        """Take the next result; return those whose window it completes, in order."""
        if result.time is None:
            return [*self.rest(), result]
        name = None if result.path is None else result.path.rpartition("#t=")[0]
        before, self._video = self._video, (name, result.time)
        done = []
        if before is not None and (before[0] != name or before[1] > result.time):
            done = self.rest()
            self._video = (name, result.time)
        self._waiting.append(replace(result, image=None))
        self._window.append((result.time, self._values(result)))
        while self._time_of(self._waiting[0]) + self._reach < result.time:
            done.append(self._next())
        return done

    def rest(self) -> list[Result]:
        """Return what still waits; the next result begins another video."""
        done = [self._next() for _ in range(len(self._waiting))]
        self._window.clear()
        self._video = None
        return done

    def _next(self) -> Result:
        result = self._waiting.popleft()
        time = self._time_of(result)
        while self._window[0][0] < time - self._reach:
            self._window.popleft()
        rows = [values for at, values in self._window if at <= time + self._reach]
        medians = {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
        return replace(result, smoothed=medians)

    def _values(self, result: Result) -> dict[str, float]:
        zones = {
            f"{name}.density_{self._ending}": density
            for name, density in result.density_in(result.zones).items()
        }
        return {f"count_{self._ending}": result.count, **zones}

    @staticmethod
    def _time_of(result: Result) -> float:
        assert result.time is not None, "results without a time do not wait"
        return result.time
