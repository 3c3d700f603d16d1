"""Which regions of a round can be afforded within the limits of zooming (ours).

The best regions come first: by score over all regions of a round, ties in favour of the earlier
one. A region whose enlarged pixels exceed what is left is passed over for the next best that fits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from .settings import ZoomSettings


class RemainingBudget:
    """What is left of the limits while one image is zoomed into; the clock starts here."""

    def __init__(self, settings: ZoomSettings) -> None:
        self._pixels = math.inf if settings.max_zoom_pixels is None else settings.max_zoom_pixels
        self._timed = settings.max_seconds is not None
        seconds = math.inf if settings.max_seconds is None else settings.max_seconds
        self._end = time.perf_counter() + seconds

    def choose(self, scores: Sequence[float], pixels: Sequence[int]) -> list[int]:
        """Choose regions of one round and pay for them.

        Args:
            scores: of all regions of the round.
            pixels: enlarged pixels of each.

        Returns:
            Indices of the regions to zoom into, in the order given; the best first if time is
            limited.
        """
        chosen = []
        for index in sorted(range(len(scores)), key=lambda index: -scores[index]):
            if pixels[index] <= self._pixels:
                self._pixels -= pixels[index]
                chosen.append(index)
        # Batches in the usual order give the usual bits where nothing is cut off.
        return chosen if self._timed else sorted(chosen)

    def time_is_up(self) -> bool:
        """Whether no further batch may begin."""
        return time.perf_counter() >= self._end
