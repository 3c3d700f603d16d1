"""A frame of a video as it is saved: heads and zones drawn on it, and the count in its corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from raz.io.count_text import count_text
from raz.io.plot.canvas import font_of

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["annotated_frame"]


def annotated_frame(result: Result, *, trace: bool = False) -> Image.Image:
    """Draw a result on its frame; unlike a plot it keeps the frame's size.

    Args:
        result: with its ``image``.
        trace: also draw the regions that were zoomed into.

    Returns:
        RGB, of the frame's size.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0, count_density=0, count_points=0, image_size=(64, 48),
        ...     image=torch.zeros(3, 48, 64, dtype=torch.uint8),
        ... )
        >>> annotated_frame(result).size
        (64, 48)
    """
    frame = result.plot(trace=trace, caption=False)
    size = max(10, min(frame.size) // 24)
    ImageDraw.Draw(frame).text(
        (size // 2, size // 2), count_text(result), fill="white", font=font_of(size),
        stroke_width=max(1, size // 10), stroke_fill="black",
    )  # fmt: skip
    return frame
