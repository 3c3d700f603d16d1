"""The newest frame of a live video, and opening it again when it breaks off.

A thread decodes all the time and keeps only the newest frame, so what is counted is as old as the
network and the decoder make it, however long counting takes: no queue grows. Three frames are in
memory at most: the one that is counted, the newest one, and the one that is decoded.

When the video breaks off it is opened again, first after a second, then after pauses that double
up to half a minute, until it has been away for too long.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from raz.errors import InputError

from .video import Opened, VideoFrame, decoded_frames, following_due, frame_pixels, is_due

__all__ = ["live_frames"]

log = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_LOOK = 0.1
"""Seconds between two looks at whether the caller wants to end."""

_PARTING = 2.0
"""Seconds that the thread gets to end; one that waits for data ends by its own time limit."""


def live_frames(
    name: str,
    opened: Opened,
    *,
    every: float | None,
    max_pixels: int,
    reconnect: float,
    ended: Callable[[], bool],
) -> Iterator[VideoFrame]:
    """Yield the newest frame, each time that one is asked for; closing the generator ends it.

    Args:
        name: what the video is called.
        opened: opens it: PyAV's container and stream in a context manager.
        every: least seconds from one frame to the next; None for as many as are asked for.
        max_pixels: limit of width times height.
        reconnect: seconds for which it is tried again after it broke off; with 0 its end is an end.
        ended: asked about ten times a second whether to end.

    Yields:
        frames, none twice; their seconds are those at which they came, by the clock, since the
        first one.

    Raises:
        InputError: it cannot be opened at first, or not again in time.
        ResourceError: memory ran out.

    Example:
        >>> from functools import partial
        >>> from raz.io.video import open_video_file
        >>> camera = live_frames(
        ...     "camera:0", partial(open_video_file, "missing.mp4"), every=None, max_pixels=10**6,
        ...     reconnect=60, ended=lambda: False,
        ... )
        >>> next(camera)
        Traceback (most recent call last):
        raz.errors.InputError: missing.mp4: no such file
    """
    import torch

    reader = _Reader(name, opened, reconnect)
    try:
        first: float | None = None
        due = 0.0
        counted = 0
        while (taken := reader.take(ended)) is not None:
            frame, came = taken
            if first is None:
                first = came
            seconds = came - first
            if every is not None:
                if not is_due(seconds, due):
                    continue
                due = following_due(seconds, every)
            began = time.perf_counter()
            pixels = torch.from_numpy(frame_pixels(frame, max_pixels)).permute(2, 0, 1)
            milliseconds = (time.perf_counter() - began) * 1000
            counted += 1
            del frame, taken
            yield VideoFrame(f"{name}#t={seconds:.3f}", seconds, pixels, milliseconds)
            del pixels
        log.info("%s: %d frames came, %d were counted", name, reader.came, counted)
    finally:
        reader.close()


class _Reader:
    """The thread that decodes, and the place where the newest frame waits."""

    def __init__(self, name: str, opened: Opened, reconnect: float) -> None:
        self._name, self._opened, self._reconnect = name, opened, reconnect
        self._changed = threading.Condition()
        self._newest: tuple[Any, float] | None = None
        self._over = False
        self._error: Exception | None = None
        self._closing = threading.Event()
        self.came = 0
        # As a daemon: where a camera gives nothing, the process need not wait for it.
        self._thread = threading.Thread(target=self._run, name="raz-live", daemon=True)
        self._thread.start()

    def take(self, ended: Callable[[], bool]) -> tuple[Any, float] | None:
        """Wait for a frame that has not been taken, and when it came; None at the end."""
        with self._changed:
            while self._newest is None and not self._over and not ended():
                self._changed.wait(_LOOK)
            taken, self._newest = self._newest, None
            if taken is None and self._error is not None:
                raise self._error
            return None if ended() else taken

    def close(self) -> None:
        """Let the thread end."""
        self._closing.set()
        self._thread.join(_PARTING)

    def _run(self) -> None:
        try:
            self._read_on()
        except Exception as error:  # raised in the thread of the caller
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify()

    def _read_on(self) -> None:
        """Read; after the video broke off, open it again until it was away for too long."""
        self._read()
        pause = _FIRST_PAUSE
        reason = "the video ended"
        gone = time.monotonic()
        while self._reconnect and not self._closing.is_set():
            left = gone + self._reconnect - time.monotonic()
            if left <= 0:
                raise InputError(
                    f"{self._name}: broke off, and could not be opened again within "
                    f"{self._reconnect:g} s: {reason}"
                )
            if self._closing.wait(min(pause, left)):
                return
            before = self.came
            try:
                self._read()
            except InputError as error:
                reason = str(error).removeprefix(f"{self._name}: ")
            if self.came > before:
                pause, reason, gone = _FIRST_PAUSE, "the video ended", time.monotonic()
            else:
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _read(self) -> None:
        """Read until the video breaks off.

        Raises:
            InputError: it could not be opened, or gave no frame; after frames that is its end.
        """
        before = self.came
        try:
            with self._opened() as (container, stream):
                stream.codec_context.thread_type = "SLICE"  # threads by frame would hold frames
                for frame in decoded_frames(self._name, container, stream):
                    with self._changed:
                        if self.came == before and before:
                            log.warning("%s: is back", self._name)
                        self.came += 1
                        self._newest = (frame, time.monotonic())
                        self._changed.notify()
                    if self._closing.is_set():
                        return
        except InputError as error:
            if self.came == before:
                raise
            log.info("%s", error)
        if self.came == before and not before:
            raise InputError(f"{self._name}: holds no frame that can be decoded")
        if self._reconnect and self.came > before:
            log.warning(
                "%s: broke off; it is tried again for up to %g s", self._name, self._reconnect
            )
