"""What the header of a JPEG 2000 file says, held against the file's length before it is decoded.

Decoders make room for what a header says: OpenJPEG half a gigabyte for 65,535 tiles, of which a
file of 300 bytes may speak, and Pillow for the whole length of a box.
"""

from __future__ import annotations

import math
import os
import struct
from typing import IO

from raz.errors import InputError

__all__ = ["check_jpeg2000", "is_jpeg2000"]

_FILE = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODESTREAM = b"\xff\x4f\xff\x51"
"""Markers SOC and SIZ (ISO/IEC 15444-1, annex A)."""

_TILE_BYTES = 14
"""The least that a tile takes: the segment SOT of 12 bytes and the marker SOD (A.4.2, A.4.3)."""


def is_jpeg2000(start: bytes) -> bool:
    """Tell by a file's first bytes, at least 12, whether it is a JPEG 2000 file.

    Example:
        >>> is_jpeg2000(bytes.fromhex("ff4fff51") + bytes(8))
        True
    """
    return start.startswith((_FILE, _CODESTREAM))


def check_jpeg2000(file: IO[bytes]) -> None:
    """Check that boxes end within the file, and that it is long enough for its tiles.

    Args:
        file: a JPEG 2000 file; it is left anywhere.

    Raises:
        InputError: a box before the pixels is longer than the file, or there are more tiles than
            the file has bytes for.

    Example:
        >>> from io import BytesIO
        >>> check_jpeg2000(BytesIO(bytes.fromhex("0000000c6a5020200d0a870a ffff0000") + b"jp2h"))
        Traceback (most recent call last):
        raz.errors.InputError: its box 'jp2h' is longer than the file
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = 0 if file.read(4) == _CODESTREAM else _pixels_of_boxes(file, size)
    if start is not None:
        _check_tiles(file, start, size)


def _pixels_of_boxes(file: IO[bytes], size: int) -> int | None:
    """Where the codestream begins; None if there is none (ISO/IEC 15444-1, annex I.4)."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        length, kind = struct.unpack(">L4s", file.read(8))
        header = 8
        if length == 1 and place + 16 <= size:
            (length,), header = struct.unpack(">Q", file.read(8)), 16
        if kind == b"jp2c":
            return place + header
        if length == 0:  # to the end of the file
            return None
        if length < header or place + length > size:
            what = "is longer than the file" if length > header else "has no length"
            raise InputError(f"its box {kind.decode('latin-1')!r} {what}")
        place += length
    return None


def _check_tiles(file: IO[bytes], start: int, size: int) -> None:
    file.seek(start)
    segment = file.read(40)
    if len(segment) < 40 or not segment.startswith(_CODESTREAM):
        return  # the decoder says what it is
    right, bottom, _, _, width, height, left, top = struct.unpack(">8L", segment[8:])
    if not width or not height:
        return
    tiles = math.ceil((right - left) / width) * math.ceil((bottom - top) / height)
    if tiles * _TILE_BYTES > size - start:
        raise InputError(f"it has {size} bytes, which are too few for the {tiles} tiles it states")
