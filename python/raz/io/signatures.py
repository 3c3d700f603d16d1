"""What a file holds, told by its first bytes: the suffix of a name proves nothing."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

__all__ = ["HEAD_BYTES", "Content", "content_of", "head_of"]

HEAD_BYTES = 1024
"""How many bytes of a file are looked at."""


class Content(NamedTuple):
    """What the first bytes of a file say.

    Attributes:
        kind: "image", "video", "other" for what is known to be neither, "unknown".
        name: of the format, as it stands in a sentence; "" where it is unknown.

    Example:
        >>> content_of(b"%PDF-1.7")
        Content(kind='other', name='a PDF document')
    """

    kind: Literal["image", "video", "other", "unknown"]
    name: str


_UNKNOWN = Content("unknown", "")

_STARTS: dict[bytes, Content] = {
    b"\x89PNG\r\n\x1a\n": Content("image", "PNG"),
    b"\xff\xd8\xff": Content("image", "JPEG"),
    b"GIF87a": Content("image", "GIF"),
    b"GIF89a": Content("image", "GIF"),
    b"II*\0": Content("image", "TIFF"),
    b"MM\0*": Content("image", "TIFF"),
    b"II+\0": Content("image", "TIFF"),
    b"MM\0+": Content("image", "TIFF"),
    b"\0\0\0\x0cjP  \r\n\x87\n": Content("image", "JPEG 2000"),
    b"\xff\x4f\xff\x51": Content("image", "JPEG 2000"),
    b"\x1aE\xdf\xa3": Content("video", "Matroska or WebM"),
    b"0&\xb2u\x8ef\xcf\x11": Content("video", "Windows Media"),
    b"\0\0\x01\xba": Content("video", "MPEG"),
    b"\0\0\x01\xb3": Content("video", "MPEG without sound"),
    b"\0\0\0\x0cJXL \r\n\x87\n": Content("other", "a JPEG XL image"),
    b"\xff\x0a": Content("other", "a JPEG XL image"),
    b"8BPS": Content("other", "a Photoshop document"),
    b"v/1\x01": Content("other", "an OpenEXR image"),
    b"#?RADIANCE": Content("other", "a Radiance HDR image"),
    b"SIMPLE  =": Content("other", "a FITS file"),
    b"%PDF": Content("other", "a PDF document"),
    b"%!PS": Content("other", "PostScript"),
    b"PK\x03\x04": Content("other", "a ZIP archive"),
    b"\x1f\x8b": Content("other", "a gzip archive"),
    b"\x93NUMPY": Content("other", "a NumPy array; numpy.load reads it"),
    b"\x89HDF": Content("other", "HDF5"),
    b"MATLAB 5.0": Content("other", "MATLAB data"),
    b"FLV\x01": Content("other", "a Flash video"),
    b"OggS": Content("other", "an Ogg stream"),
    b"version https://git-lfs": Content(
        "other", "a pointer of Git LFS, whose file `git lfs pull` fetches"
    ),
}

# Brands of ISO base media files (ISO/IEC 14496-12, 4.3): those of still images and their sequences
# (ISO/IEC 23008-12, AV1 Image File Format). All others are videos.
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    | {b"mif1", b"mif2", b"msf1", b"miaf", b"j2ki", b"avci"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_OTHER_BRANDS = {b"crx ": "a Canon raw image", b"M4A ": "sound", b"M4B ": "sound"}
# Boxes with which QuickTime files without brands begin.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"})

_TS_DISTANCES = (188, 192)
"""Bytes from one packet of an MPEG transport stream to the next; the second with times before."""

_TS_SYNC = 0x47


def head_of(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of a file; of a FIFO or device, which may be read once, none.

    Raises:
        OSError, ValueError: the file cannot be read.

    Example:
        >>> head_of(os.devnull)
        b''
    """
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def content_of(head: bytes) -> Content:
    """Tell what a file holds.

    Args:
        head: its first bytes, best `HEAD_BYTES` of them.

    Example:
        >>> content_of(b"\\x89PNG\\r\\n\\x1a\\n")
        Content(kind='image', name='PNG')
        >>> content_of(b"hello")
        Content(kind='unknown', name='')
    """
    for start, content in _STARTS.items():
        if head.startswith(start):
            return content
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[4:8] in _QUICKTIME_BOXES:
        return Content("video", "QuickTime")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], _UNKNOWN)
    if head[128:132] == b"DICM":
        return Content("other", "a DICOM file")
    if _has_bare_pixels(head):
        return _UNKNOWN
    if any(_holds_packets(head, distance) for distance in _TS_DISTANCES):
        return Content("video", "an MPEG transport stream")
    return _markup(head)


_RIFF = {
    b"WEBP": Content("image", "WebP"),
    b"AVI ": Content("video", "AVI"),
    b"WAVE": Content("other", "sound"),
}


def _has_bare_pixels(head: bytes) -> bool:
    """Whether it may be an image whose pixels lie in the file as they are: BMP, PNM or TGA.

    Where such an image is smooth and dark it has bytes of the value `_TS_SYNC` at every distance.
    Their signatures are so short that text may have them, so they prove nothing else.
    """
    bitmap = head[:2] == b"BM" and head[6:10] == bytes(4)  # fields that are reserved
    netpbm = head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n#"
    # TGA has whether there is a palette, the kind of image, its sides and bits per pixel.
    targa = (
        len(head) >= 18
        and head[0] != _TS_SYNC
        and head[1] in (0, 1)
        and head[2] in (1, 2, 3, 9, 10, 11)
        and head[12:14] != bytes(2) != head[14:16]
        and head[16] in (8, 15, 16, 24, 32)
    )
    return bitmap or netpbm or targa


def _holds_packets(head: bytes, distance: int) -> bool:
    """Whether packets stand at a distance; a recording may begin within one.

    Two bits of each packet's fourth byte say whether it has a payload, or fields, or both.
    """
    for first in range(min(distance, len(head))):
        places = range(first, len(head), distance)
        fewest = 3 if first == distance - 188 else 4
        if (
            len(places) >= fewest
            and all(head[place] == _TS_SYNC for place in places)
            and all(head[place + 3] & 0x30 for place in places if place + 3 < len(head))
        ):
            return True
    return False


def _by_brands(head: bytes) -> Content:
    size = int.from_bytes(head[:4], "big")
    major, *compatible = (head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4)))
    if major in _OTHER_BRANDS:
        return Content("other", _OTHER_BRANDS[major])
    if major in _AVIF_BRANDS:
        return Content("image", "AVIF")
    if major in _HEIF_BRANDS:
        return Content("image", "AVIF" if _AVIF_BRANDS & set(compatible) else "HEIF")
    return Content("video", "MP4 or QuickTime")


def _markup(head: bytes) -> Content:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return Content("other", "a web page")
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return Content("other", "an SVG drawing")
    return _UNKNOWN
