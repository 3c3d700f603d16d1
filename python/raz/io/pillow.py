"""Convert what Pillow has opened into 8-bit RGB, upright.

Pillow keeps the upper bytes of 16-bit colours, which are black if the values have fewer bits. Such
images are decoded twice, the second time to their lower bytes.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, TiffImagePlugin

from .colours import (
    OPAQUE_NOTE,
    Extremes,
    Pixels,
    Samples,
    bits_of,
    over_white,
    to_rgb,
    upright,
)
from .opening import orientation_of, unread
from .rasters import Reading
from .tiff import WHITE_IS_ZERO

_STRIP_PIXELS = 4_000_000
_BITS_TAG, _PHOTOMETRIC_TAG, _PLANAR_TAG, _MOST_VALUE_TAG = 258, 262, 284, 341

Bands = Callable[[int, int], npt.NDArray[Any]]
"""Gives the samples [h, w, n] of the rows from one to another."""


def convert(
    image: Image.Image, name: str, *, orient: bool, reading: Reading
) -> tuple[Pixels, tuple[str, ...]]:
    """Decode an image, at the frame where it stands.

    Args:
        image: opened by Pillow, decoded or not.
        name: what to call it in the log.
        orient: apply the EXIF orientation.
        reading: what the caller knows better than the file; its bands are not looked at.

    Returns:
        uint8 [H, W, 3], contiguous and writable; and one line each on what was concluded.

    Raises:
        InputError: its values are out of range.
    """
    precise = _jpeg2000_bits(image)
    if precise > 8 and not image.mode.startswith("I"):
        # Pillow rounds them up: white becomes black.
        raise unread(f"{precise}-bit JPEG 2000 of {len(image.getbands())} bands")
    known = reading.bits or (16 if 8 < precise < 16 else _declared_bits(image))
    no_alpha = _declares_no_alpha(image)
    deep = _deep_bands(image)  # before Pillow closes the file
    image.load()
    width, height = image.size
    notes: list[str] = []
    white_is_zero = _white_is_zero(image)
    samples = Samples(white_is_zero=white_is_zero)
    bands: Bands | None = None
    if image.mode.startswith("I"):
        bands = _own_bands(image, image.info.get("transparency"))
        bits, note = _bits(image, bands, 1, known)
        keyed = bands(0, 1).shape[2] == 2
        samples = Samples(bits, white_is_zero, "straight" if keyed else "none", 16)
        notes += note
    elif image.mode == "F":
        bands = _own_bands(image)
        samples = Samples(reading.bits or 0, white_is_zero)
    elif deep is not None and (
        image.format == "PPM"  # whose upper bytes Pillow rounds
        or (known or 16) < 16
        or "transparency" in image.info
        or not _upper_bytes_suffice(image)
    ):
        bands = deep(image)
        bits, note = _bits(image, bands, 1 if bands(0, 1).shape[2] < 3 else 3, known)
        samples = _with_alpha(image, bands, bits)
        notes += note
    has_alpha = _has_transparency(image) if bands is None else samples.alpha != "none"
    opaque = no_alpha
    if has_alpha and not opaque and _is_transparent(image):
        opaque = True
        if image.format not in ("BMP", "DIB", "TGA"):  # there it is how alpha is left out
            notes.append(OPAQUE_NOTE)
    pixels = np.empty((height, width, 3), np.uint8)
    for top, bottom in _strips(image):
        if bands is None:
            # Cropping copies, even the whole.
            strip = image if bottom - top == height else image.crop((0, top, width, bottom))
            pixels[top:bottom] = _strip_to_rgb(strip, opaque=opaque)
        elif opaque and has_alpha:
            pixels[top:bottom] = to_rgb(bands(top, bottom)[..., :-1], Samples(samples.bits))
        else:
            pixels[top:bottom] = to_rgb(bands(top, bottom), samples)
    return upright(pixels, orientation_of(image, name)) if orient else pixels, tuple(notes)


def _strips(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Rows from, to: a conversion of the whole would hold the image three times."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def _strip_to_rgb(strip: Image.Image, *, opaque: bool) -> npt.NDArray[Any]:
    if _has_transparency(strip):
        # Pillow converts premultiplied grey to "LA" alone.
        plain = strip.convert("LA") if strip.mode == "La" else strip
        rgba = plain.convert("RGBA")
        return np.asarray(rgba.convert("RGB")) if opaque else over_white(rgba)
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))  # which copies, too


def _has_transparency(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _is_transparent(image: Image.Image) -> bool:
    """Whether alpha is 0 everywhere."""
    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa"):
        return False
    extrema: Any = image.getchannel(image.getbands()[-1]).getextrema()
    return bool(extrema == (0, 0))


def _declares_no_alpha(image: Image.Image) -> bool:
    """Whether a TGA file says that the bits where alpha would be are not alpha."""
    file = getattr(image, "fp", None)
    if image.format != "TGA" or file is None:
        return False
    place = file.tell()
    file.seek(17)
    descriptor = file.read(1)
    useless = descriptor != b"" and not descriptor[0] & 0x0F
    try:
        # The footer of version 2 leads to the kind of alpha: 3 and 4 are useful.
        file.seek(-26, io.SEEK_END)
        footer = file.read(26)
        (extension,) = struct.unpack("<I", footer[:4])
        if footer.endswith(b"TRUEVISION-XFILE.\0") and extension:
            file.seek(extension + 494)
            useless |= file.read(1) in (b"\0", b"\1", b"\2")
    except OSError:  # a file of fewer bytes
        pass
    file.seek(place)
    return useless


def _white_is_zero(image: Image.Image) -> bool:
    """Whether grey of more than eight bits runs from white to black; Pillow turns other grey."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return bool(image.tag_v2.get(_PHOTOMETRIC_TAG) == WHITE_IS_ZERO)


def _declared_bits(image: Image.Image) -> int | None:
    """Bits of samples as the file states them, or as Pillow has scaled them by what it states."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(_BITS_TAG, (8,))[0]
        if 8 < bits < 16:
            return int(bits)
        most: Any = image.tag_v2.get(_MOST_VALUE_TAG)
        most = max(most) if isinstance(most, tuple) and most else most
        return bits_of(most) if isinstance(most, int) and 255 <= most < 65536 else None
    if image.format == "PPM" and getattr(image, "tile", None):
        arguments = image.tile[0].args  # type: ignore[attr-defined]
        if isinstance(arguments, tuple) and len(arguments) == 2 and arguments[1] != 65535:
            return 16
    return None


def _bits(
    image: Image.Image, bands: Bands, colours: int, known: int | None
) -> tuple[int, list[str]]:
    """Bits of the colours, and a note if they are concluded from the greatest value."""
    if known is not None and image.mode != "I":
        return known, []
    extremes = Extremes()
    for top, bottom in _strips(image):
        extremes.add(bands(top, bottom)[..., :colours])
    bits = extremes.bits  # also where it is known: it checks the range
    return known or bits, [extremes.note] if known is None and extremes.note else []


def _upper_bytes_suffice(image: Image.Image) -> bool:
    """Whether the colours of a decoded image of 16 bits use them all, and not by strays alone."""
    counts = np.array(image.histogram()).reshape(len(image.getbands()), 256)
    counts = counts[: 1 if image.mode in ("LA", "La") else 3]
    bright, seen = int(counts[:, 16:].sum()), int(counts.sum())
    return bool(counts[:, 128:].any() and bright * 1000 >= seen)


def _with_alpha(image: Image.Image, bands: Bands, bits: int) -> Samples:
    number = bands(0, 1).shape[2]
    if number in (1, 3):
        return Samples(bits)
    most = max(int(bands(*rows)[..., -1].max()) for rows in _strips(image))
    kind: Any = "premultiplied" if image.mode in ("RGBa", "La") else "straight"
    return Samples(bits, alpha=kind, alpha_bits=bits_of(most))


def _own_bands(image: Image.Image, key: Any = None) -> Bands:
    """Samples of an image whose only band Pillow keeps as stored."""
    return lambda top, bottom: _with_key(
        np.asarray(image.crop((0, top, image.width, bottom)))[..., None], key
    )


def _deep_bands(image: Image.Image) -> Callable[[Image.Image], Bands] | None:
    """Of an image whose colours Pillow would cut to their upper bytes: what gives them whole.

    It takes the image once that is decoded.
    """
    tiles = getattr(image, "tile", None)
    if not isinstance(image, ImageFile.ImageFile) or not tiles or image.fp is None:
        return None
    arguments = tiles[0].args
    raw = arguments if isinstance(arguments, str) else arguments[0]
    if image.format == "PPM":
        wide = image.mode == "RGB" and arguments[-1] == 65535 and not isinstance(arguments, str)
        if not wide:
            return None
        image.fp.seek(0)
        return _ppm_bands(image.fp.read(), tiles[0].offset, plain=tiles[0][0] == "ppm_plain")
    if not isinstance(raw, str) or ";16" not in raw or image.mode.startswith("I"):
        return None
    source, frame = _source(image), image.tell()

    planar = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PLANAR_TAG) == 2

    def decode_lower(image: Image.Image) -> Bands:
        if planar:  # of which libtiff gives Pillow the upper bytes alone
            raise unread("planar TIFF of less than 16 bits in 16")
        with _opened(source) as file, Image.open(file, formats=[str(image.format)]) as other:
            if frame:
                other.seek(frame)
            whole = raw == "LA;16B"
            if whole:  # its four bytes as they are
                other._mode = "RGBA"
            other.tile = [
                tile._replace(
                    args="RGBA" if whole else _with_raw(tile.args, _lower_bytes)
                )
                for tile in other.tile
            ]  # fmt: skip
            other.load()
        if whole:

            def pairs(top: int, bottom: int) -> npt.NDArray[np.uint16]:
                strip = _strip(other, top, bottom)
                return _joined(strip[..., 0::2], strip[..., 1::2])

            return pairs
        used = slice(0, 3) if image.mode == "RGB" else slice(0, 4)

        def bands(top: int, bottom: int) -> npt.NDArray[np.uint16]:
            upper, lower = (_strip(each, top, bottom)[..., used] for each in (image, other))
            return _with_key(_joined(upper, lower), image.info.get("transparency"))

        return bands

    return decode_lower


def _source(image: ImageFile.ImageFile) -> str | io.BytesIO:
    """What to open the same file from again; the first opening may be closed after decoding."""
    assert image.fp is not None
    name = image.filename or getattr(image.fp, "name", None)
    if isinstance(name, str) and _is_open(name, image.fp):
        return name
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(place)
    return io.BytesIO(data)


def _is_open(name: str, file: IO[bytes]) -> bool:
    """Whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.stat(name), os.fstat(file.fileno()))
    except (OSError, ValueError):  # no file of the disk
        return False


@contextmanager
def _opened(source: str | io.BytesIO) -> Iterator[IO[bytes]]:
    """The file of :func:`_source`; not by its name, of which Pillow would map the pixels."""
    if isinstance(source, str):
        with open(source, "rb") as file:
            yield file
    else:
        yield source


def _with_raw(arguments: Any, change: Callable[[str], str]) -> Any:
    if isinstance(arguments, str):
        return change(arguments)
    return (change(arguments[0]), *arguments[1:])


def _lower_bytes(raw: str) -> str:
    """Name Pillow's decoding that takes the lower byte of every sample: of the other byte order."""
    name, _, order = raw.partition(";16")
    order = ("L" if sys.byteorder == "little" else "B") if order == "N" else order
    return f"{name};16{'B' if order == 'L' else 'L'}"


def _strip(image: Image.Image, top: int, bottom: int) -> npt.NDArray[np.uint8]:
    return np.asarray(image.crop((0, top, image.width, bottom)))


def _joined(upper: npt.NDArray[np.uint8], lower: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    return np.asarray(upper.astype(np.uint16) << 8 | lower, np.uint16)


def _with_key(values: npt.NDArray[Any], key: Any) -> npt.NDArray[Any]:
    """Append alpha that is 0 where the colour, or grey, is the transparent one."""
    colour = (key,) if isinstance(key, int) else key
    if not isinstance(colour, tuple) or len(colour) != values.shape[2]:
        return values
    opaque = (values != np.array(colour, values.dtype)).any(axis=2, keepdims=True)
    return np.concatenate([values, opaque.astype(values.dtype) * 65535], axis=2)


def _ppm_bands(data: bytes, offset: int, *, plain: bool) -> Callable[[Image.Image], Bands]:
    """Colours of a PPM file whose greatest value may be 65,535, so it tells nothing."""

    def read(image: Image.Image) -> Bands:
        size = (image.height, image.width, 3)
        number = image.width * image.height * 3
        if plain:
            # Not split into Python's numbers, which take ten times the memory of the text.
            whole = np.fromstring(data[offset:], np.uint16, number, sep=" ").reshape(size)
        else:
            whole = np.frombuffer(data, ">u2", number, offset).reshape(size)
        return lambda top, bottom: whole[top:bottom]

    return read


def _jpeg2000_bits(image: Image.Image) -> int:
    """Bits of the first component of a JPEG 2000 file (its SIZ segment); 0 for others."""
    if not isinstance(image, ImageFile.ImageFile) or image.format != "JPEG2000" or not image.tile:
        return 0
    source = _source(image)
    if isinstance(source, str):  # not Pillow's: its decoder reads on where the file stands
        with open(source, "rb") as file:
            start = file.read(65_536)
    else:
        start = source.getvalue()[:65_536]
    segment = start.find(b"\xff\x4f\xff\x51")
    return (start[segment + 42] & 0x7F) + 1 if 0 <= segment < len(start) - 42 else 0
