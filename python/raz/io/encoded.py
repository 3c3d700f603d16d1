"""The content of one image that is no file to be opened by its path: bytes, an open file, a FIFO.

An open file, a FIFO, a device and standard input may be read once, so they are read whole into
memory, up to a limit.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from raz.errors import InputError, InputTooLargeError

from .opening import naming

__all__ = ["Encoded", "byte_limit", "is_encoded", "is_stream", "named", "read_encoded"]

_CHUNK = 2**20
_BYTES_PER_PIXEL = 8  # of RGBA of 16 bits, uncompressed
_METADATA_BYTES = 2**24


class Encoded(NamedTuple):
    """The content of one image file.

    Attributes:
        name: of the file, where one is known.
        data: its bytes.

    Example:
        >>> Encoded("photo.jpg", b"").name
        'photo.jpg'
    """

    name: str | None
    data: bytes


def is_encoded(source: Any) -> bool:
    """Tell whether a source is the bytes of one image, or an open file that gives them.

    Example:
        >>> is_encoded(b"GIF89a"), is_encoded(io.BytesIO()), is_encoded("photo.jpg")
        (True, True, False)
    """
    if isinstance(source, (bytes, bytearray, memoryview, io.IOBase)):
        return True
    # Open files of other kinds; a ZipFile, which reads by name, does not tell its position.
    return callable(getattr(source, "read", None)) and hasattr(source, "tell")


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is that of a FIFO, a device or a socket.

    Example:
        >>> is_stream(os.devnull), is_stream("missing.jpg")
        (True, False)
    """
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def byte_limit(max_pixels: int) -> int:
    """Return the most bytes that are read for an image of at most so many pixels (ours).

    Example:
        >>> byte_limit(200_000_000)
        1616777216
    """
    return _METADATA_BYTES + _BYTES_PER_PIXEL * max_pixels


def read_encoded(source: Any, *, max_pixels: int) -> Encoded:
    """Read the content of one image.

    Args:
        source: what `is_encoded`, or a path that `is_stream`. An open file is read from its start
            where it can go there, and not closed.
        max_pixels: largest image, width times height; see `byte_limit`.

    Raises:
        InputError: it cannot be read, is damaged (of an archive), empty or over the limit.
        ResourceError: it does not fit into memory.
        TypeError: it is a file that has been opened as text.

    Example:
        >>> read_encoded(io.BytesIO(b"GIF89a"), max_pixels=100)
        Encoded(name=None, data=b'GIF89a')
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, data = None, bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        with naming(name), open(name, "rb", buffering=0) as file:
            data = _whole(file.read, max_pixels)
    else:
        if isinstance(source, io.TextIOBase):
            raise TypeError(
                "source is a file that was opened as text; open it as bytes, with mode 'rb' "
                "(of sys.stdin, sys.stdin.buffer has them)"
            )
        name = named(source)
        with naming(name or type(source).__name__):  # damaged archives raise errors of their own
            if getattr(source, "seekable", lambda: False)():
                source.seek(0)
            data = _whole(source.read, max_pixels)
    if not data:
        raise InputError(f"{name or type(source).__name__}: holds no bytes")
    return Encoded(name, data)


def named(source: Any) -> str | None:
    """Return the path of a source, or the name that an open file or `Encoded` has; else None.

    Example:
        >>> named("photo.jpg"), named(io.BytesIO())
        ('photo.jpg', None)
    """
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    name = getattr(source, "name", None)
    if name == "<stdin>":
        return "stdin"
    return name if isinstance(name, str) and name else None  # of a descriptor it is a number


def _whole(read: Callable[[int], bytes | None], max_pixels: int) -> bytes:
    most = byte_limit(max_pixels)
    content = io.BytesIO()
    while chunk := read(_CHUNK):
        content.write(chunk)
        if content.tell() > most:
            raise InputTooLargeError(
                f"holds more than {most:,} bytes, the limit where an image of at most "
                f"{max_pixels:,} pixels (max_pixels) is read into memory"
            )
    return content.getvalue()
