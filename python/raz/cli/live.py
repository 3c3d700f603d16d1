"""How ``raz predict`` ends a live video: the first interruption is its ordinary end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from raz.training.interruption import deferred_interrupts

__all__ = ["until_interrupted"]


@contextmanager
def until_interrupted(images: list[Any]) -> Iterator[list[Any]]:
    """Let the first SIGINT, SIGTERM or SIGHUP end a live video after the frame that is counted.

    A live video has no other end, so what was counted by then is all, not a part. A second signal
    of a kind interrupts as ever. Without a live video among the images every signal does.

    Args:
        images: what will be counted.

    Yields:
        the images, live videos so that they end when a signal came.

    Example:
        >>> with until_interrupted(["photo.jpg"]) as images:
        ...     images
        ['photo.jpg']
    """
    from raz.io.video_stream import VideoStream

    if not any(isinstance(image, VideoStream) and image.interruptible for image in images):
        yield images
        return
    with deferred_interrupts() as interruption:
        yield [
            replace(image, ended=lambda: interruption.requested)
            if isinstance(image, VideoStream)
            else image
            for image in images
        ]
