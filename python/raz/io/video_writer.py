"""Write frames as a video, with PyAV (the extra ``video``), and copy the sound of another file.

Frames are encoded anew (H.264 where FFmpeg has x264, else MPEG-4), each at its own time; the
sound is copied as it is. Nothing is collected but what the encoder looks ahead: about 20 frames.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError, ResourceError, installs
from raz.files import atomic_file, is_replaced

from .formats import partial_file, suffix_of
from .video import open_video_file

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SAVED_VIDEO_SUFFIXES", "VideoWriter", "write_video"]

log = logging.getLogger(__name__)

_CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}

SAVED_VIDEO_SUFFIXES = tuple(_CONTAINERS)
"""Suffixes that :func:`write_video` knows."""

_ENCODERS: dict[str, dict[str, str]] = {
    # No frames out of order: the times of all packets are then those of their frames.
    "libx264": {"preset": "veryfast", "crf": "20", "rc-lookahead": "10", "bf": "0"},
    "mpeg4": {"flags": "+qscale", "global_quality": "354"},  # quality 3, in units of 118
}
_TICKS = Fraction(
    1, 60_000
)  # of a video whose source tells no time base; MPEG-4 takes no finer one
_USUAL_RATE = Fraction(25)
_BT709 = 1  # H.273: matrix, primaries and transfer have the same number


@contextmanager
def write_video(
    path: str | os.PathLike[str], *, source: str | os.PathLike[str] | None = None
) -> Iterator[VideoWriter]:
    """Open a video file for writing; it appears whole or not at all.

    Where an interruption, a lack of memory or an error of the system elsewhere ends the video
    early, the frames until then are saved beside the file: for ``out.mp4`` as ``out.partial.mp4``.
    If the file itself has no room, nothing is: its index comes last. Without any frame no file is
    written, and one that is there stays.

    Args:
        path: the file; ``.mp4``, ``.mkv`` or ``.mov``.
        source: the video file that the frames are of: its sound is copied, and its frame rate and
            time base are kept.

    Raises:
        ValueError: another suffix.
        InputError: PyAV is not installed, or the source cannot be read.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from raz.io.video import video_frames
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with write_video(f"{folder}/out.mp4") as video:
        ...         for k in range(3):
        ...             video.write(Image.new("RGB", (64, 48)), k / 10)
        ...     [round(frame.seconds, 3) for frame in video_frames(f"{folder}/out.mp4")]
        [0.0, 0.1, 0.2]
    """
    suffix = suffix_of(path, SAVED_VIDEO_SUFFIXES)
    kept = 0  # frames of a finished video

    def rest() -> Path | None:
        if not kept:
            return None
        place = partial_file(Path(path).resolve())
        log.warning("%s: holds the first %d frames", place, kept)
        return place

    with suppress(_NoFrameError), atomic_file(path, "wb", rest=rest) as file:
        writer = VideoWriter(file, suffix, source)
        try:
            yield writer
            if not writer.frames:
                raise _NoFrameError
            writer.finish()
            kept = writer.frames
        except (KeyboardInterrupt, MemoryError, OSError, ResourceError) as error:
            own = isinstance(error, OSError) and error.filename == os.fspath(path)
            if writer.frames and not own and is_replaced(path):
                writer.finish()
                kept = writer.frames
            raise
        finally:
            writer.close()


class _NoFrameError(Exception):
    """Nothing has been written."""


class VideoWriter:
    """Encodes frames in turn; see :func:`write_video`.

    Attributes:
        frames: how many have been written.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> writer = VideoWriter(file, ".mp4")
        >>> writer.write(Image.new("RGB", (64, 48)), 0.0)
        >>> writer.finish()
        >>> writer.close()
        >>> writer.frames, file.getvalue()[4:8]
        (1, b'ftyp')
    """

    def __init__(
        self, file: IO[bytes], suffix: str, source: str | os.PathLike[str] | None = None
    ) -> None:
        try:
            import av
        except ImportError:
            raise InputError(f"writing videos needs PyAV ({installs('video')})") from None
        self.frames = 0
        self._suffix = suffix
        self._source = None if source is None else _Source(os.fspath(source))
        self._container = av.open(file, "w", format=_CONTAINERS[suffix])
        self._stream: Any = None
        self._sound: Iterator[tuple[float, Any]] = iter(())
        self._next_sound: tuple[float, Any] | None = None
        self._last = -1
        self._shown = 0  # ticks from the frame before to the last one

    def write(self, image: Image, seconds: float) -> None:
        """Write a frame.

        Args:
            image: RGB; the first one gives the size, to which others are fitted.
            seconds: its time, later than that of the frame before.

        Raises:
            OSError: the file cannot be written.
        """
        import av

        if self._stream is None:
            self._begin(image.size)
        width, height = self._stream.width, self._stream.height
        pixels = np.asarray(image.convert("RGB"))
        even = np.pad(pixels, [(0, side % 2) for side in pixels.shape[:2]] + [(0, 0)], mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame = frame.reformat(
            width, height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.time_base = self._stream.codec_context.time_base
        before, self._last = self._last, max(self._last + 1, round(seconds / frame.time_base))
        self._shown = self._last - before if self.frames else 0
        frame.pts = self._last
        frame.duration = max(1, round(1 / (self._stream.codec_context.framerate * frame.time_base)))
        self._mux_sound(seconds)
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def finish(self) -> None:
        """Write what the encoder still holds, and the end of the file."""
        if self._stream is not None:
            # The last frame is shown as long as the one before, of which frames may be left out.
            context = self._stream.codec_context
            shown = max(self._shown * context.time_base, 1 / context.framerate)
            self._mux_sound(float(self._last * context.time_base + shown))
            self._container.mux(self._stream.encode())
        self._container.close()

    def close(self) -> None:
        """Let go of the files; what is not finished is no video."""
        self._sound = iter(())
        if self._source is not None:
            self._source.close()
        with suppress(Exception):  # its file may be gone
            self._container.close()

    def _begin(self, size: tuple[int, int]) -> None:
        from av.codec import codecs_available

        rate, ticks = _USUAL_RATE, _TICKS
        if self._source is not None:
            rate, ticks = self._source.rate or rate, self._source.ticks or ticks
        codec = "libx264" if "libx264" in codecs_available else "mpeg4"
        if codec == "mpeg4" and ticks.denominator > 65_535:
            ticks = _TICKS
        stream: Any = self._container.add_stream(codec, rate=rate, options=_ENCODERS[codec])
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = stream.time_base = ticks
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1  # 16 to 235
        self._stream = stream
        if self._source is not None:
            self._sound = self._source.sound(self._container, self._suffix)

    def _mux_sound(self, until: float) -> None:
        """Copy the sound up to a time, in turn with the frames: players read both at once."""
        while True:
            following = self._next_sound or next(self._sound, None)
            self._next_sound = following
            if following is None or following[0] >= until:
                return
            self._next_sound = None
            self._container.mux(following[1])


class _Source:
    """The video file that the frames are of: its frame rate, its time base and its sound."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._opening = open_video_file(name)
        self._container, stream = self._opening.__enter__()
        self.rate: Fraction | None = stream.average_rate
        self.ticks: Fraction | None = stream.time_base
        self._start = float((stream.start_time or 0) * (stream.time_base or 0))

    def sound(self, output: Any, suffix: str) -> Iterator[tuple[float, Any]]:
        """Add the sound to a container; yield its packets with their seconds, from the first frame.

        A kind of sound that the container does not take is left out, with a warning.
        """
        sound = self._container.streams.best("audio")
        if sound is None:
            return iter(())
        try:
            copy = output.add_stream_from_template(sound)
        except ValueError:  # the container has no word for its codec
            kind = sound.codec_context.name if sound.codec_context else "of an unknown kind"
            log.warning(
                "%s: its sound (%s) does not fit into %s, and is left out; .mkv takes most kinds",
                self._name, kind, suffix,
            )  # fmt: skip
            return iter(())
        return self._packets(sound, copy)

    def _packets(self, sound: Any, copy: Any) -> Iterator[tuple[float, Any]]:
        shift = round(self._start / sound.time_base)
        for packet in self._container.demux(sound):
            if packet.pts is None or packet.dts is None:  # the last one is empty
                continue
            packet.pts -= shift
            packet.dts -= shift
            if packet.dts >= 0:
                packet.stream = copy
                yield float(packet.dts * sound.time_base), packet

    def close(self) -> None:
        self._opening.__exit__(None, None, None)
