"""Videos that are no files: cameras, addresses that are named as videos, and open files.

A camera and an RTSP address are live, and so is an HTTP address that does not tell how long its
video is: the newest frame is counted, see :mod:`raz.io.live`. Any other video is recorded: its
frames are counted in order, as those of a file.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from raz.errors import InputError

from .decoding import MAX_PIXELS
from .live import live_frames
from .video import (
    CONTAINERS,
    Opened,
    VideoFrame,
    check_every,
    chosen_frames,
    opened_video,
)

__all__ = ["RECONNECT_SECONDS", "VideoStream", "video_stream"]

RECONNECT_SECONDS = 60.0
"""How long a live video that broke off is tried again, by default."""

_TIMEOUT = 10.0
"""Seconds without data after which an address or a camera has broken off."""

_CAMERA = re.compile(r"camera:(?P<name>.+)", re.DOTALL)
_RTSP = re.compile(r"rtsps?://", re.IGNORECASE)
_HTTP = re.compile(r"https?://", re.IGNORECASE)

_DEVICES = {"linux": "video4linux2", "darwin": "avfoundation", "win32": "dshow"}

_RTSP_OPTIONS = {
    "rtsp_flags": "prefer_tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtp,tcp,tls,udp,crypto",
}
_HTTP_OPTIONS = {
    # Playlists may refer to other addresses, and to no file of this machine.
    "protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto",
    "format_whitelist": ",".join([*sorted(set(CONTAINERS.values())), "hls", "mpjpeg", "flv"]),
}


def _never() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class VideoStream:
    """A camera, an address, or a file opened as bytes, that is a video.

    Attributes:
        source: ``camera:0`` (the number, or what the system calls it), an address that begins with
            ``rtsp://``, ``rtsps://``, ``http://`` or ``https://``, or an open file.
        reconnect: seconds for which a live video that broke off is tried again, with growing
            pauses, before that is an error; with 0 its end is an end. At the first time nothing is
            tried again.
        ended: asked about ten times a second by a live video whether to end.

    Raises:
        ValueError: ``source`` is another text, or ``reconnect`` is below 0.

    Example:
        >>> VideoStream("rtsp://user:secret@10.0.0.2/front").name
        'rtsp://10.0.0.2/front'
        >>> VideoStream("photo.jpg")
        Traceback (most recent call last):
        ValueError: source is 'photo.jpg'; it must be camera:NUMBER, rtsp://, rtsps://, http:// or \
https://
    """

    source: str | IO[bytes]
    reconnect: float = RECONNECT_SECONDS
    ended: Callable[[], bool] = _never

    def __post_init__(self) -> None:
        known = (_CAMERA, _RTSP, _HTTP)
        if isinstance(self.source, str) and not any(kind.match(self.source) for kind in known):
            raise ValueError(
                f"source is {self.source[:100]!r}; it must be camera:NUMBER, rtsp://, rtsps://, "
                "http:// or https://"
            )
        if not self.reconnect >= 0:
            raise ValueError(f"reconnect is {self.reconnect}; it must be at least 0 seconds")

    @property
    def name(self) -> str:
        """What results and messages call it; users and passwords of addresses are left out."""
        if not isinstance(self.source, str):
            name = getattr(self.source, "name", None)
            return "stdin" if name == "<stdin>" or not isinstance(name, str) else name
        if _CAMERA.match(self.source):
            return self.source
        return re.sub(r"//[^/?#]*@", "//", self.source)

    @property
    def interruptible(self) -> bool:
        """Whether it is, or may be, live: then an interruption is its ordinary end."""
        return isinstance(self.source, str)

    def frames(
        self, *, every: float | None = None, max_pixels: int = MAX_PIXELS
    ) -> Iterator[VideoFrame]:
        """Decode frames: of a live video the newest one each time, else all in order.

        Args:
            every: seconds from one frame to the next; by default all, or as many as are asked for.
            max_pixels: limit of width times height.

        Raises:
            ValueError: ``every`` is not a finite number above 0.
            InputError: it cannot be opened or holds no video, broke off, or PyAV is not installed.
            ResourceError: memory ran out.

        Example:
            >>> next(VideoStream("camera:99").frames())
            Traceback (most recent call last):
            raz.errors.InputError: camera:99: No such file or directory
        """
        check_every(every)
        return self._frames(every, max_pixels)

    def _frames(self, every: float | None, max_pixels: int) -> Iterator[VideoFrame]:
        with _Opening(lambda: opened_video(self.name, self._open, max_pixels)) as opening:
            if not self._is_live(opening.container):
                for frame in chosen_frames(self.name, opening, every, max_pixels):
                    if self.ended():  # not its ordinary end
                        raise KeyboardInterrupt
                    yield frame
                    del frame
                return
            yield from live_frames(
                self.name,
                opening,
                every=every,
                max_pixels=max_pixels,
                reconnect=self.reconnect,
                ended=self.ended,
            )

    def _is_live(self, container: Any) -> bool:
        if not isinstance(self.source, str):
            return False
        return not _HTTP.match(self.source) or container.duration is None

    def _open(self) -> Any:
        """PyAV's container."""
        import av

        if not isinstance(self.source, str):
            options = {"format_whitelist": _HTTP_OPTIONS["format_whitelist"]}
            return av.open(_OneWay(self.source), options=options, metadata_errors="replace")
        camera = _CAMERA.match(self.source)
        if camera is not None:
            kind, device = _device(camera["name"])
            return av.open(device, format=kind, timeout=_TIMEOUT)
        options = _RTSP_OPTIONS if _RTSP.match(self.source) else _HTTP_OPTIONS
        return av.open(
            self.source,
            options=options,
            timeout=_TIMEOUT,
            metadata_errors="replace",
        )


def video_stream(name: str) -> VideoStream | None:
    """Return the stream that a name stands for by itself; None for what may be an image.

    A file of that name goes before. An HTTP address may be anything, and is none.

    Example:
        >>> video_stream("camera:0").name, video_stream("photo.jpg"), video_stream("http://a/b.mp4")
        ('camera:0', None, None)
    """
    if (_CAMERA.match(name) or _RTSP.match(name)) and not os.path.lexists(name):
        return VideoStream(name)
    return None


def _device(name: str) -> tuple[str, str]:
    """FFmpeg's kind of device on this system, and what it calls the camera."""
    kind = _DEVICES.get(sys.platform)
    if kind is None:
        raise InputError(f"camera:{name}: cameras are not known on {sys.platform}")
    if kind == "video4linux2" and name.isdecimal():
        return kind, f"/dev/video{name}"
    return kind, f"video={name}" if kind == "dshow" else name


class _Opening:
    """Opens a video at once, hands that to whoever asks first, and opens it anew for the others."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._first: ExitStack | None = ExitStack()
        self._pair = self._first.enter_context(opened())
        self.container = self._pair[0]

    @contextmanager
    def __call__(self) -> Iterator[tuple[Any, Any]]:
        first, self._first = self._first, None
        if first is None:
            with self._opened() as pair:
                yield pair
        else:
            with first:
                yield self._pair

    def __enter__(self) -> _Opening:
        return self

    def __exit__(self, *_: object) -> None:
        """Close what nobody has asked for."""
        if self._first is not None:
            self._first.close()


class _OneWay:
    """An open file that FFmpeg reads, and seeks in where that can be done."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read = file.read1 if hasattr(file, "read1") else file.read
        if file.seekable():
            self.seek, self.tell = file.seek, file.tell
