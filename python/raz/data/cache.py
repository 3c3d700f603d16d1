"""Samples kept in memory up to a limit of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from .sample import Sample


class SampleCache:
    """The samples asked for last, together at most ``limit`` bytes of pixels and points.

    The least recently used make room; a sample larger than the limit is handed out and not kept.
    Threads may share a cache. Pickling keeps the limit alone: a process fills its own.

    Raises:
        ValueError: ``limit`` is negative.
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"limit is {limit} bytes; it must be at least 0")
        self.limit = limit
        self.bytes = 0
        self._samples: OrderedDict[Hashable, Sample] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def get(self, key: Hashable, make: Callable[[], Sample]) -> Sample:
        """The sample of this key, made where it is not kept."""
        with self._lock:
            if key in self._samples:
                self._samples.move_to_end(key)
                return self._samples[key]
        # Outside the lock: threads make different samples at the same time.
        sample = make()
        with self._lock:
            self._keep(key, sample)
        return sample

    def _keep(self, key: Hashable, sample: Sample) -> None:
        if key in self._samples or _bytes(sample) > self.limit:
            return
        self._samples[key] = sample
        self.bytes += _bytes(sample)
        while self.bytes > self.limit:
            _, dropped = self._samples.popitem(last=False)
            self.bytes -= _bytes(dropped)

    def __reduce__(self) -> tuple[type[SampleCache], tuple[int]]:
        return SampleCache, (self.limit,)


def _bytes(sample: Sample) -> int:
    return sample.image.nbytes + sample.points.nbytes
