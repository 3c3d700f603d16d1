"""Images that are whole, with EXIF, colour profiles and other metadata that lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hostile.case import EITHER, GOOD, Hostile, holding
from hostile.claims import _segment, jpeg_with
from hostile.pristine import by_pillow


def metadata() -> Iterator[Hostile]:
    for name, exif in _exif():
        segment = _segment(0xE1, b"Exif\0\0" + exif[:65_000])
        yield holding(f"JPEG whose EXIF {name}", "a.jpg", jpeg_with(segment), GOOD)
        for kind, file in (("PNG", "a.png"), ("WEBP", "a.webp")):
            data = by_pillow(kind, exif=b"Exif\0\0" + exif)
            yield holding(f"{kind} whose EXIF {name}", file, data, GOOD)
    for name, profile in _profiles():
        for kind, file in (
            ("JPEG", "a.jpg"),
            ("PNG", "a.png"),
            ("TIFF", "a.tif"),
            ("WEBP", "a.webp"),
        ):
            data = by_pillow(kind, icc_profile=profile)
            yield holding(f"{kind} with a colour profile {name}", file, data, GOOD)
        cmyk = by_pillow("JPEG", "CMYK", icc_profile=profile)
        yield holding(f"JPEG CMYK with a colour profile {name}", "a.jpg", cmyk, GOOD)
    chunk = b"ICC_PROFILE\0\x07\x02" + bytes(100)
    yield holding(
        "JPEG with parts 7 of 2 of a profile", "a.jpg", jpeg_with(_segment(0xE2, chunk)), GOOD
    )
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9)
    )
    laughs = b"http://ns.adobe.com/xap/1.0/\0" + entities + b"]><x>&j;</x>"
    yield holding(
        "JPEG with a billion laughs in its XMP", "a.jpg", jpeg_with(_segment(0xE1, laughs)), GOOD
    )
    mpf = b"MPF\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0xB001, 4, 1, 2**32 - 1) + bytes(4)
    yield holding(
        "JPEG with 4,294,967,295 images of MPF", "a.jpg", jpeg_with(_segment(0xE2, mpf)), EITHER
    )
    photoshop = b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\xff\xff\xff\xff"
    yield holding(
        "JPEG with 4 GB of Photoshop's", "a.jpg", jpeg_with(_segment(0xED, photoshop)), GOOD
    )
    jfif = _segment(0xE0, b"JFIF\0\1\2\1" + bytes(4))
    yield holding("JPEG of 0 dots per inch", "a.jpg", jpeg_with(jfif), GOOD)


def _directory(*tags: tuple[int, int, int, int], after: int = 0) -> bytes:
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + body + struct.pack("<I", after)


def _exif() -> Iterator[tuple[str, bytes]]:
    for value in (0, 9, 255, 65_535):
        yield f"has orientation {value}", _directory((0x0112, 3, 1, value))
    yield "has orientation of 4 GB", _directory((0x0112, 3, 2**31, 0))
    yield "has orientation as text", _directory((0x0112, 2, 4, 0x61626300))
    yield "has orientation as a fraction by 0", _directory((0x0112, 5, 1, 8))
    yield "has orientation twice", _directory((0x0112, 3, 1, 6), (0x0112, 3, 1, 1))
    yield (
        "is in a circle",
        _directory((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8), after=8),
    )
    yield "points outside", _directory((0x8769, 4, 1, 2**32 - 1), (0x010F, 2, 100, 2**32 - 16))
    yield "has types that are none", _directory(*((tag, 99, 1, 0) for tag in range(256, 300)))
    yield "has 65,535 tags", b"II*\0\x08\0\0\0\xff\xff" + bytes(60_000)
    yield "is no TIFF", b"nonsense" * 100
    yield "is empty", b""
    yield "is cut", b"II*\0\x08\0"
    yield (
        "has a note of 4 GB",
        _directory((0x8769, 4, 1, 26), after=0)
        + struct.pack("<HHHIII", 1, 0x927C, 7, 2**32 - 1, 8, 0),
    )


def _profiles() -> Iterator[tuple[str, bytes]]:
    yield "of nonsense", b"nonsense" * 50
    yield "of zeros", bytes(500)
    yield "of 1 MB", bytes(range(256)) * 4096
    head = struct.pack(">I4sI4s4s4s", 2**32 - 1, b"lcms", 0x02100000, b"mntr", b"CMYK", b"XYZ ")
    yield "of 4 GB for CMYK", head + bytes(12) + b"acsp" + bytes(88) + struct.pack(">I", 2**32 - 1)
