"""Decode the frames of videos, one after the other, with PyAV (the extra ``video``).

Whether a file is a video is told by its content, where that is known, and else by its suffix.

Frames become 8-bit RGB, upright: quarter turns and mirroring that the file asks for are applied.
Pixels are used as stored, square or not. A frame's name is the file's name, ``#t=`` and its time in
seconds, as in W3C media fragments.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError, ResourceError, installs

from .colours import Pixels
from .decoding import MAX_PIXELS
from .opening import check_dimensions, check_file
from .signatures import content_of, head_of

if TYPE_CHECKING:
    import torch

__all__ = [
    "CONTAINERS",
    "VIDEO_SUFFIXES",
    "Opened",
    "VideoFrame",
    "check_every",
    "following_due",
    "is_due",
    "is_video",
    "open_video_file",
    "video_frames",
    "video_length",
]

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm"}
    | {".wmv"}
)
"""Suffixes of video files."""

_TEXT_SUFFIXES = frozenset({".mts", ".ts"})
"""Those that TypeScript has, too."""

Opened = Callable[[], AbstractContextManager[tuple[Any, Any]]]
"""Opens a video: PyAV's container and the stream that players show."""

CONTAINERS = {
    "AVI": "avi",
    "MP4 or QuickTime": "mov",
    "MPEG without sound": "mpegvideo",
    "MPEG": "mpeg",
    "Matroska or WebM": "matroska",
    "QuickTime": "mov",
    "Windows Media": "asf",
    "an MPEG transport stream": "mpegts",
}
"""FFmpeg's containers that hold the frames themselves, and do not refer to other files, by the
names of `raz.io.signatures`."""

log = logging.getLogger(__name__)

_HALF_MILLISECOND = 0.0005
_JUMP = 1.0  # seconds: times that jump back by more start anew, as in joined files
_MOST_THREADS = 4  # each holds a frame


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame of a video.

    Attributes:
        name: the file's name, ``#t=`` and ``seconds`` to the millisecond.
        seconds: time since the video's first frame.
        pixels: uint8 [3, H, W], RGB, upright.
        milliseconds: how long decoding took, including the frames that were left out before it.

    Example:
        >>> import torch
        >>> VideoFrame("clip.mp4#t=0.500", 0.5, torch.zeros(3, 4, 6, dtype=torch.uint8), 2.0).name
        'clip.mp4#t=0.500'
    """

    name: str
    seconds: float
    pixels: torch.Tensor
    milliseconds: float


def is_video(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is that of a video: by what the file holds, else by its suffix.

    A folder is none, and neither is a FIFO or a device, which are not looked into.

    Example:
        >>> is_video("missing.MP4"), is_video("missing.jpg")
        (True, False)
    """
    name = os.fspath(path)
    suffix = os.path.splitext(name)[1].lower()
    if not os.path.exists(name):  # whoever opens it will say so
        return suffix in VIDEO_SUFFIXES
    if not os.path.isfile(name):
        return False
    try:
        content = content_of(head_of(name))
    except OSError:
        return suffix in VIDEO_SUFFIXES
    if content.kind == "unknown":
        return suffix in VIDEO_SUFFIXES - _TEXT_SUFFIXES
    return content.kind == "video"


def video_frames(
    path: str | os.PathLike[str], *, every: float | None = None, max_pixels: int = MAX_PIXELS
) -> Iterator[VideoFrame]:
    """Decode a video, one frame at a time; frames are not kept.

    Args:
        path: a file that FFmpeg reads. No other file is opened, whatever this one refers to.
        every: seconds from one frame to the next: the first frame at or after each multiple is
            decoded. By default all frames are.
        max_pixels: limit of width times height.

    Raises:
        ValueError: ``every`` is not a finite number above 0.
        InputError: the file cannot be read or holds no video, a frame is over ``max_pixels``, or
            PyAV is not installed. Damaged parts between frames are skipped, with a warning.
        ResourceError: memory ran out.

    Example:
        >>> next(video_frames("missing.mp4"))
        Traceback (most recent call last):
        raz.errors.InputError: missing.mp4: no such file
    """
    check_every(every)
    name = os.fspath(path)
    return chosen_frames(name, partial(open_video_file, name, max_pixels), every, max_pixels)


def check_every(every: float | None) -> None:
    """Check the seconds between two frames.

    Raises:
        ValueError: ``every`` is not a finite number above 0.

    Example:
        >>> check_every(0)
        Traceback (most recent call last):
        ValueError: every is 0; it must be a finite number of seconds above 0
    """
    if every is not None and not 0 < every < math.inf:
        raise ValueError(f"every is {every}; it must be a finite number of seconds above 0")


def chosen_frames(
    name: str, opened: Opened, every: float | None, max_pixels: int
) -> Iterator[VideoFrame]:
    """Decode the frames of a recorded video; see :func:`video_frames`.

    Args:
        name: what the video is called.
        opened: opens it: PyAV's container and stream in a context manager.
        every: seconds from one frame to the next.
        max_pixels: limit of width times height.
    """
    import torch

    due = 0.0
    began = time.perf_counter()
    with opened() as (container, stream):
        for seconds, frame in _timed(name, container, stream):
            if every is not None:
                if not is_due(seconds, due):
                    continue
                due = following_due(seconds, every)
            pixels = torch.from_numpy(frame_pixels(frame, max_pixels)).permute(2, 0, 1)
            milliseconds = (time.perf_counter() - began) * 1000
            yield VideoFrame(f"{name}#t={seconds:.3f}", seconds, pixels, milliseconds)
            del pixels  # not held while the next one is decoded
            began = time.perf_counter()


def is_due(seconds: float, due: float) -> bool:
    """Tell whether a frame's time has reached the one that is due; times are sums of fractions.

    Example:
        >>> is_due(0.2999, 0.3), is_due(0.29, 0.3)
        (True, False)
    """
    return seconds + _HALF_MILLISECOND >= due


def following_due(seconds: float, every: float) -> float:
    """Return the first multiple of ``every`` after a frame that was due.

    Example:
        >>> following_due(1.25, 0.5), following_due(0.9999, 0.5)
        (1.5, 1.5)
    """
    return every * (math.floor((seconds + _HALF_MILLISECOND) / every) + 1)


def video_length(
    path: str | os.PathLike[str], *, every: float | None = None, max_pixels: int = MAX_PIXELS
) -> tuple[tuple[int, int], int]:
    """Read a video's size and about how many frames :func:`video_frames` gives.

    Nothing is decoded. A file that does not tell its length counts as one frame.

    Returns:
        ((width, height) as stored, not turned; number of frames).

    Raises:
        InputError: see :func:`video_frames`.

    Example:
        >>> video_length("missing.mp4")
        Traceback (most recent call last):
        raz.errors.InputError: missing.mp4: no such file
    """
    with open_video_file(os.fspath(path), max_pixels) as (container, stream):
        rate = float(stream.average_rate or 0)
        seconds = 0.0
        if stream.duration:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration:
            seconds = (container.duration - max(0, container.start_time or 0)) / 1e6
        frames = int(stream.frames) or round(seconds * rate)
        if every is not None:
            frames = min(frames, math.ceil(seconds / every))
        return (stream.codec_context.width, stream.codec_context.height), max(1, frames)


@contextmanager
def open_video_file(name: str, max_pixels: int = MAX_PIXELS) -> Iterator[tuple[Any, Any]]:
    """Open a video file for reading: a context manager.

    Args:
        name: the file; no other one is opened, whatever it refers to.
        max_pixels: limit of width times height.

    Yields:
        (PyAV's container, the stream of it that players show).

    Raises:
        InputError: see :func:`video_frames`. FFmpeg's errors in the block become InputErrors.

    Example:
        >>> with open_video_file("missing.mp4") as (container, stream):
        ...     pass
        Traceback (most recent call last):
        raz.errors.InputError: missing.mp4: no such file
    """
    check_file(name)
    with opened_video(name, partial(_open_file, name), max_pixels) as opened:
        yield opened


def _open_file(name: str) -> Any:
    """PyAV's container of a file."""
    import av

    options = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(sorted(set(CONTAINERS.values()))),
    }
    # Where the content tells it: FFmpeg would let the suffix of an image go before.
    try:
        known = CONTAINERS.get(content_of(head_of(name)).name)
    except OSError as error:
        raise InputError(str(error.strerror or error)) from None
    path = os.path.abspath(name)
    return av.open(path, format=known, options=options, metadata_errors="replace")


@contextmanager
def opened_video(
    name: str, open_container: Callable[[], Any], max_pixels: int
) -> Iterator[tuple[Any, Any]]:
    """Open a video and the stream of it that players show: a context manager.

    Args:
        name: what the video is called.
        open_container: returns PyAV's container.
        max_pixels: limit of width times height.

    Yields:
        (PyAV's container, the stream).

    Raises:
        InputError: see :func:`video_frames`. FFmpeg's errors in the block become InputErrors.
        ResourceError: memory ran out.
    """
    try:
        import av
        from av.stream import Disposition
    except ImportError:
        raise InputError(f"{name}: videos need PyAV ({installs('video')})") from None
    try:
        with _opened(open_container) as container:
            stream = container.streams.best("video")
            if stream is None or stream.disposition & Disposition.attached_pic:  # a cover
                raise InputError(f"{name}: holds no video")
            context: Any = stream.codec_context
            if context is None:
                raise InputError(f"{name}: this kind of video is not known")
            context.thread_type = "AUTO"
            context.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
            check_dimensions(context.width, context.height, max_pixels)
            yield container, stream
    except MemoryError as error:  # FFmpeg's own is one, too
        raise ResourceError(f"{name}: memory ran out; try a smaller video") from error
    except av.error.ExitError:  # PyAV's timeout ends a call so
        raise InputError(f"{name}: no data came in time") from None
    except (av.FFmpegError, InputError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise InputError(reason if reason.startswith(name) else f"{name}: {reason}") from None


def _opened(open_container: Callable[[], Any]) -> Any:
    """Open a container; of memory its header asks for, which the file may not say truly."""
    try:
        return open_container()
    except MemoryError:
        raise InputError("its header asks for more memory than there is; it is damaged") from None


def _timed(name: str, container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Yield frames with their seconds since the first one, each later than the one before.

    Where times do not increase, as in some AVI files or joined files, time moves on by one frame.
    """
    step = float(1 / (stream.average_rate or 25))
    last: float | None = None
    shift = 0.0
    for frame in decoded_frames(name, container, stream):
        if last is None:
            shift = -(frame.time or 0.0)
            seconds = 0.0
        else:
            following = last + step
            seconds = following if frame.time is None else frame.time + shift
            if seconds <= last - _JUMP:
                shift += following - seconds
            if seconds <= last:
                seconds = following
        last = seconds
        yield seconds, frame
    if last is None:
        raise InputError(f"{name}: holds no frame that can be decoded")


def decoded_frames(name: str, container: Any, stream: Any) -> Iterator[Any]:
    """Yield every frame of PyAV that can be decoded; damaged parts are skipped, as players do."""
    from av.error import InvalidDataError

    broken = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except InvalidDataError:
            broken += 1
    if broken:
        log.warning("%s: %d damaged parts were skipped", name, broken)


def frame_pixels(frame: Any, max_pixels: int) -> Pixels:
    """Return a frame of PyAV as uint8 [H, W, 3], RGB, upright.

    Raises:
        InputError: it is over ``max_pixels``.
    """
    check_dimensions(frame.width, frame.height, max_pixels)  # the size may change within a video
    pixels: Pixels = frame.to_ndarray(format="rgb24")
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        pixels = _upright(pixels, np.frombuffer(bytes(matrix), np.int32).tolist())
    return np.ascontiguousarray(pixels)


def _upright(pixels: Pixels, matrix: list[int]) -> Pixels:
    """Turn and mirror by FFmpeg's display matrix, which maps (x, y) to (ax + cy, bx + dy)."""
    a, b, _, c, d, *_ = matrix
    right, down = a, d
    if abs(b) > abs(a):
        pixels = pixels.transpose(1, 0, 2)
        right, down = c, b
    return pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
