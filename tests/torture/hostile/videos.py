"""Hostile videos: cut, changed, of no frames, with sizes, rates and times that lie, playlists."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from hostile.case import BAD, GOOD, Hostile, holding

ANY = (0, 3, 6)
"""What has whole frames before it breaks gives those, and says so."""

_KINDS = {
    "MP4": ("a.mp4", "mpeg4", None),
    "MOV": ("a.mov", "mpeg4", None),
    "AVI": ("a.avi", "mpeg4", None),
    "Matroska": ("a.mkv", "mpeg4", None),
    "transport stream": ("a.ts", "mpeg2video", "mpegts"),
    "H.264": ("a.mp4", "libx264", None),
}


@cache
def whole(kind: str) -> bytes:
    from videos import write_video  # needs PyAV

    file, codec, container = _KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, file)
        write_video(str(path), frames=12, codec=codec, container=container)
        return path.read_bytes()


@cache
def videos() -> tuple[Hostile, ...]:
    found = (*_damaged(), *_boxes(), *_playlists(), *_others())
    assert len({each.name for each in found}) == len(found)
    return found


def _damaged() -> Iterator[Hostile]:
    for kind, (file, _, _) in _KINDS.items():

        def cut(share: float, kind: str = kind) -> bytes:
            data = whole(kind)
            return data[: int(len(data) * share)]

        def flipped(seed: int, kind: str = kind) -> bytes:
            data, chance = bytearray(whole(kind)), random.Random(f"{kind} {seed}")
            for most in (len(data), len(data), 200):
                data[chance.randrange(min(most, len(data)))] ^= 1 << chance.randrange(8)
            return bytes(data)

        def zeroed(place: float, kind: str = kind) -> bytes:
            data = whole(kind)
            start = int(len(data) * place)
            return data[:start] + bytes(len(data) // 5) + data[start + len(data) // 5 :]

        for share in (0.02, 0.2, 0.4, 0.6, 0.8, 0.97):
            yield holding(f"{kind}: the first {share:.0%}", file, partial(cut, share), ANY)
        for k in range(5):
            yield holding(f"{kind}: changed bits {k}", file, partial(flipped, k), ANY)
        for place in (0.0, 0.3, 0.7):
            yield holding(f"{kind}: zeros from {place:.0%}", file, partial(zeroed, place), ANY)
        yield holding(f"{kind}: twice", file, lambda kind=kind: 2 * whole(kind), ANY)
        yield holding(f"{kind}, named .jpg", "a.jpg", lambda kind=kind: whole(kind), GOOD)


def _changed(box: bytes, place: int, value: bytes) -> Callable[[], bytes]:
    """An MP4 with other bytes at a place behind the name of its first box of a kind."""

    def change() -> bytes:
        data = whole("MP4")
        start = data.index(box) + 4 + place
        return data[:start] + value + data[start + len(value) :]

    return change


def _boxes() -> Iterator[Hostile]:
    big = b"\xff\xff\xff\xff"
    for what, box, place, value in (
        ("65,535 x 65,535 pixels", b"mp4v", 24, b"\xff\xff\xff\xff"),
        ("0 x 0 pixels", b"mp4v", 24, bytes(4)),
        ("a track of 65,535 x 65,535", b"tkhd", 76, b"\xff\xff\0\0" * 2),
        ("a turn that is none", b"tkhd", 40, b"\x12\x34\x56\x78" * 9),
        ("a turn of zeros", b"tkhd", 40, bytes(36)),
        ("a clock of 0", b"mvhd", 12, bytes(4)),
        ("a clock of the track of 0", b"mdhd", 12, bytes(4)),
        ("a clock of 4 GHz", b"mdhd", 12, big),
        ("a length of 4,294,967,295", b"mdhd", 16, big),
        ("4,294,967,295 times", b"stts", 4, big),
        ("frames that last 0", b"stts", 12, bytes(4)),
        ("frames that last 4,294,967,295", b"stts", 12, big),
        ("frames that last 2,147,483,647", b"stts", 12, b"\x7f\xff\xff\xff"),
        ("4,294,967,295 sizes", b"stsz", 8, big),
        ("frames of 4 GB", b"stsz", 4, big),
        ("no sizes", b"stsz", 8, bytes(4)),
        ("4,294,967,295 chunks", b"stco", 4, big),
        ("chunks at 4 GB", b"stco", 8, big),
        ("no chunks", b"stco", 4, bytes(4)),
        ("an unknown codec", b"mp4v", -4, b"zzzz"),
        ("no film", b"moov", -4, b"free"),
        ("no track", b"trak", -4, b"free"),
        ("a film of 4 GB", b"moov", -8, big),
        ("a film of 0 bytes", b"moov", -8, bytes(4)),
        ("an edit of 4,294,967,295", b"elst", 8, big),
        ("4,294,967,295 edits", b"elst", 4, big),
    ):
        yield holding(f"MP4 with {what}", "a.mp4", _changed(box, place, value), ANY)


def _playlists() -> Iterator[Hostile]:
    for what, text in (
        ("of a file", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("of an address", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"),
        (
            "of itself",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.mp4\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n",
        ),
        ("of 100,000", "#EXTM3U\n" + "#EXTINF:1,\ngone.ts\n" * 100_000),
        ("of FFmpeg's", "ffconcat version 1.0\nfile /etc/passwd\n"),
        (
            "of SDP",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        ),
        (
            "of DASH",
            '<?xml version="1.0"?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>',
        ),
        ("of RealMedia", "rtsp://127.0.0.1:9/a\n"),
    ):
        for file in ("a.mp4", "a.m3u8"):
            yield holding(f"a playlist {what}, named {file}", file, text.encode(), BAD)


def _others() -> Iterator[Hostile]:
    for what, data in (
        ("nothing", b""),
        ("zeros", bytes(10_000)),
        ("text", b"no video\n"),
        ("random bytes", random.Random(3).randbytes(20_000)),
        ("a mark alone", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
        (
            "a box of 2^63",
            b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x01mdat" + struct.pack(">Q", 2**63),
        ),
        ("boxes in each other", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\x01\0\0moov" * 5_000),
        ("Matroska's mark alone", b"\x1a\x45\xdf\xa3\x01" + bytes(100)),
        ("an AVI of 4 GB", b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih" + bytes(60)),
        ("HTML", b"<!DOCTYPE html><html/>"),
    ):
        yield holding(f"video: {what}", "a.mp4", data, BAD)

    def none(path: Path) -> None:
        from videos import write_video

        write_video(str(path), frames=0)

    def far(path: Path) -> None:
        from videos import write_video

        write_video(str(path), frames=3, times=[0, 10, 10**9])

    def sound(path: Path) -> None:
        from videos import write_sound_video

        write_sound_video(str(path), frames=10)

    yield Hostile("video: no frames", "a.mp4", none, BAD)
    yield Hostile("video: the last frame after 115 days", "a.mkv", far, ANY)
    yield Hostile(
        "video: the last frame after 115 days, one a second", "a.mkv", far, ANY, ("--every", "1")
    )
    yield Hostile(
        "video: every millionth of a second", "a.mp4", sound, GOOD, ("--every", "0.000001")
    )
    yield Hostile("video: every 10^300 seconds", "a.mp4", sound, GOOD, ("--every", "1e300"))
