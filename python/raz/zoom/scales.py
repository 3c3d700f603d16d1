"""At which scales an image is seen: first as a whole, then enlarged round by round (ours).

A network knows heads of the sizes it was trained on, and photographs have any number of pixels. So
a large image is seen reduced first, and zoomed into from there; its attention tells where heads are
still too small. Images of the paper's sizes are first seen as they are.
"""

from __future__ import annotations

import math

LONG_SIDE, SHORT_SIDE = 1024, 512
"""Pixels of the overview: of its longer side, or of a panorama's shorter one. The images that the
weights were trained on are at most 1,024 pixels long."""

REDUCED = math.sqrt(1 / 2)
"""An overview that would be larger than this share of the image is not made."""

TOO_SMALL = 0.1
"""Attention of a cell from which its heads are too small to be counted at this scale (ours)."""

UNRESOLVED = 0.3
"""Share of the persons who may stand too dense at the finest scale at which they were seen. Above
it the count is doubtful, and a small image is enlarged once more than others."""

LAST_RESORT = 2 * math.sqrt(2)
"""Scale above which an image is seen only if heads are too small at every scale below."""


def overview_scale(image_size: tuple[int, int]) -> float:
    """Return the scale of the first look, at most 1.

    Args:
        image_size: (w, h) in pixels.

    Example:
        >>> overview_scale((1024, 768)), overview_scale((4096, 3072)), overview_scale((9000, 1024))
        (1.0, 0.25, 0.5)
    """
    scale = max(LONG_SIDE / max(image_size), SHORT_SIDE / min(image_size))
    return scale if scale < REDUCED else 1.0


def finest_scale(image_size: tuple[int, int]) -> float:
    """Return about the finest scale at which an image may be seen: 2, or 4 for a small one.

    A small image was itself reduced, most likely. At 4 it has about the pixels that an image of the
    overview's size has at 2.

    Args:
        image_size: (w, h) in pixels.

    Example:
        >>> finest_scale((1024, 768)), finest_scale((512, 384))
        (2.0, 4.0)
    """
    return 4.0 if max(image_size) < REDUCED * LONG_SIDE else 2.0


def doubling(first: float, last: float) -> tuple[float, ...]:
    """Return scales of which each is twice the one before, up to about a last one.

    Args:
        first: the first.
        last: the one that the last is nearest to, as a ratio.

    Example:
        >>> doubling(0.25, 2), doubling(0.3, 1)
        ((0.25, 0.5, 1.0, 2.0), (0.3, 0.6, 1.2))
    """
    scales = [first]
    while scales[-1] * 2 <= last * math.sqrt(2):
        scales.append(scales[-1] * 2)
    return tuple(scales)
