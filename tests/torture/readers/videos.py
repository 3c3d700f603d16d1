"""Videos: files whose content FFmpeg reads, and playlists that would have it read others."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path

import torch

from raz.errors import InputError
from raz.io.video import is_video, video_frames, video_length
from raz.io.video_stream import VideoStream

from .reader import Reader, placed

PIXELS = 20_000


def read(suffix: str, data: bytes, folder: Path) -> None:
    """The frames of a file, and of the same bytes as they come through a pipe."""
    path = placed(data, folder, f"in{suffix}")
    is_video(path)
    for frames in (
        partial(video_frames, path, max_pixels=PIXELS),
        partial(VideoStream(io.BytesIO(data)).frames, max_pixels=PIXELS),
    ):
        with suppress(InputError):  # both may refuse, each in its own words
            check(list(islice(frames(), 8)))
    check(list(islice(video_frames(path, every=0.3, max_pixels=PIXELS), 4)))
    (width, height), number = video_length(path)
    assert width * height > 0
    assert number >= 1


def check(frames: list) -> None:
    last = -1.0
    for frame in frames:
        assert frame.pixels.dtype == torch.uint8
        assert frame.pixels.ndim == 3
        assert 0 < frame.pixels[0].numel() <= PIXELS
        assert frame.seconds >= last
        last = frame.seconds


@cache
def encoded(form: str, codec: str) -> bytes:
    import tempfile

    from videos import write_video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        write_video(path, frames=3, codec=codec, container=form)
        return path.read_bytes()


def of(form: str, suffix: str, codec: str, *words: str) -> Reader:
    return Reader(
        f"videos.{form}", partial(read, suffix), lambda: [encoded(form, codec)], words=words,
        named=f"FOLDER/in{suffix}", size=32768, memory=400,
    )  # fmt: skip


def play(data: bytes, folder: Path) -> None:
    """A playlist, which would name files of this machine: it is no video."""
    placed(encoded("mpegts", "mpeg2video"), folder, "other.ts")
    path = placed(data, folder, "in.mp4")
    try:
        frames = list(islice(video_frames(path, max_pixels=PIXELS), 2))
    except InputError:
        pass
    else:
        raise AssertionError(f"{len(frames)} frames of a text")
    list(islice(VideoStream(io.BytesIO(data)).frames(max_pixels=PIXELS), 2))


PLAYLISTS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile other.ts\n",
    b"[playlist]\nFile1=other.ts\n",
)

READERS = (
    of("mp4", ".mp4", "mpeg4", "moov", "trak", "stts", "stsc", "stsz", "elst", "tkhd", "dref",
       "url "),
    of("matroska", ".mkv", "mpeg4"),
    of("avi", ".avi", "mpeg4", "RIFF", "LIST", "movi", "idx1", "strh", "00dc"),
    of("mpegts", ".ts", "mpeg2video"),
    Reader("videos.playlists", play, list, language="lines", size=2048, refused=PLAYLISTS,
           words=("other.ts", "file other.ts", "#EXTM3U", "file:", "concat:", "http://127.0.0.1:9/")),
)  # fmt: skip
