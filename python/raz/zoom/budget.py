"""What zooming into one image may cost (ours), and who goes without where that is not enough.

The best regions come first: by score over all regions of a round, ties to the earlier one. A region
whose enlarged pixels exceed what is left of the budget is passed over for the next best that fits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from .settings import ZoomSettings


class Spending:
    """What is left of the limits while one image is zoomed into; the clock starts here."""

    def __init__(self, settings: ZoomSettings) -> None:
        self._pixels = math.inf if settings.max_zoom_pixels is None else settings.max_zoom_pixels
        self._timed = settings.max_seconds is not None
        seconds = math.inf if settings.max_seconds is None else settings.max_seconds
        self._end = time.perf_counter() + seconds

    def afford(self, scores: Sequence[float], pixels: Sequence[int]) -> list[int]:
        """Choose regions of one round and pay for them.

        Args:
            scores: of all regions of the round.
            pixels: that each would have, enlarged.

        Returns:
            Indices of the regions to look at: as they came, or the best first where time is
            limited.
        """
        chosen = []
        for index in sorted(range(len(scores)), key=lambda index: -scores[index]):
            if pixels[index] <= self._pixels:
                self._pixels -= pixels[index]
                chosen.append(index)
        # Batches in the usual order give the usual bits, wherever nothing is cut off.
        return chosen if self._timed else sorted(chosen)

    def time_is_up(self) -> bool:
        """Whether no further batch may begin."""
        return time.perf_counter() >= self._end
