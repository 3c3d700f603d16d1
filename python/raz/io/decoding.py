"""Decode one image of any common kind into one form: 8-bit RGB, upright.

How other kinds are converted (all ours; the method says nothing of files):

* Grey images are repeated in three channels. Palettes are looked up.
* Transparent pixels are blended with white. Alpha that is 0 everywhere, or that a TGA file declares
  to have no bits, means nothing.
* Samples of more than eight bits keep their upper eight. How many they have the caller says
  (``bits``), else the file (bits per sample, SMaxSampleValue of a TIFF), else its greatest value:
  up to 4,095 means 12 bits. The last is a guess that is noted.
* 32-bit integers must lie in 0..65535, and count as 16-bit samples.
* Floating-point samples must lie in 0..1, or in 0..2^bits - 1.
* CMYK and other colour spaces are converted by Pillow, without colour profiles.
* Of a file with several images the full one is used, not a reduced copy; of several full ones, the
  first. That is noted where another may have been meant.
* The EXIF orientation is applied. Points refer to the upright image.

TIFF and JPEG 2000 files are read through rasterio where it is installed (`raz.io.rasters`), all
others by Pillow. Both convert samples by `raz.io.colours`.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz.errors import InputError, installs

from .colours import Pixels
from .encoded import Encoded, is_encoded, is_stream, named, read_encoded
from .opening import (
    check_dimensions,
    check_file,
    import_rasterio,
    naming,
    open_file,
    orientation_of,
    pillow_limit,
    quiet_decoders,
)
from .pillow import convert
from .rasters import AS_STORED, Reading, open_raster

if TYPE_CHECKING:
    import torch

__all__ = [
    "DECODING_BYTES",
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Decoded",
    "decode",
    "read_image",
    "read_image_size",
    "to_image",
]

log = logging.getLogger(__name__)

ImageFile = str | os.PathLike[str] | Encoded | bytes | bytearray | memoryview | IO[bytes]
"""Path of an image file, its bytes, or the file opened as bytes."""

MAX_PIXELS = 200_000_000
"""Largest image in pixels that is decoded by default."""

DECODING_BYTES = 7
"""Bytes per pixel while an image is decoded: four of Pillow's and three of the RGB result. Colours
of 16 bits that are dark take eleven, since Pillow decodes them twice. WebP takes about twenty and a
PPM of text about fifty (measured), which no estimate of memory counts."""

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"}
    | {".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image files in folders. A file that is named itself may have any suffix."""

_said: set[str] = set()


class Decoded(NamedTuple):
    """An image and what may be wrong with how it was read.

    Attributes:
        pixels: uint8 [H, W, 3], RGB, contiguous and writable.
        notes: one line each on what was concluded about the file, and may be wrong.

    Example:
        >>> Decoded(np.zeros((4, 6, 3), np.uint8), ()).notes
        ()
    """

    pixels: Pixels
    notes: tuple[str, ...]


def decode(
    source: ImageFile | Image.Image,
    *,
    max_pixels: int = MAX_PIXELS,
    orient: bool = True,
    reading: Reading = AS_STORED,
) -> Decoded:
    """Decode an image file or a PIL image, and note what was concluded about it.

    Args:
        source: an image file, see :func:`read_image`; or a PIL image, at its current frame.
        max_pixels: limit of width times height. The header is checked before memory is allocated.
        orient: apply the EXIF orientation. A TIFF is always upright.
        reading: what the caller knows better than the file.

    Raises:
        InputError: the file is missing, empty, no image, damaged, or over ``max_pixels``. The
            message is one line that names the file and the reason.
        ResourceError: the image does not fit into memory.

    Example:
        >>> decode(Image.new("I;16", (6, 4), 4080)).notes[0][:60]
        'its samples have room for 16 bits but are at most 4080, so t'
    """
    if isinstance(source, Image.Image):
        with quiet_decoders(), naming("PIL image"), pillow_limit(max_pixels):
            check_dimensions(*source.size, max_pixels)
            _refuse_bands(reading)
            return Decoded(*convert(source, "PIL image", orient=orient, reading=reading))
    name, data = _content(source, max_pixels)
    with quiet_decoders(), naming(name):
        raster = open_raster(name, reading, data=data)
    if raster is not None:
        with closing(raster):
            with naming(name):
                check_dimensions(*raster.image_size, max_pixels)
            with quiet_decoders():
                return Decoded(raster.read_whole(), raster.notes)
    with (
        quiet_decoders(),
        naming(name),
        pillow_limit(max_pixels),
        open_file(name, data=data) as (image, _, notes),
    ):
        check_dimensions(*image.size, max_pixels)
        _refuse_bands(reading)
        pixels, more = convert(image, name, orient=orient, reading=reading)
        return Decoded(pixels, (*notes, *more))


def _content(source: ImageFile, max_pixels: int) -> tuple[str, bytes | None]:
    """The name of an image file, and its bytes unless it is opened by its path."""
    if not isinstance(source, Encoded):
        if isinstance(source, (str, os.PathLike)):
            name = os.fspath(source)
            check_file(name)
            if not is_stream(name):
                return name, None
        source = read_encoded(source, max_pixels=max_pixels)
    return source.name or "bytes", source.data


def _refuse_bands(reading: Reading) -> None:
    if reading.bands is not None:
        raise InputError(
            f"bands is {','.join(map(str, reading.bands))}; it chooses bands of TIFF and JPEG 2000 "
            "files of grey or RGB samples, which rasterio reads"
            + (f" ({installs('tiles')})" if import_rasterio() is None else "")
        )


def read_image(
    path: ImageFile,
    *,
    max_pixels: int = MAX_PIXELS,
    orient: bool = True,
    reading: Reading = AS_STORED,
) -> Pixels:
    """Decode an image file. What was concluded about it is logged, once for each conclusion.

    Args:
        path: path of an image file, see the module's description; its bytes; or a file that has
            been opened as bytes, which is read from its start and not closed.
        max_pixels: limit of width times height. The header is checked before memory is allocated.
        orient: apply the EXIF orientation. A TIFF is always upright.
        reading: what the caller knows better than the file.

    Returns:
        uint8 [H, W, 3], RGB, contiguous and writable.

    Raises:
        InputError: the file is missing, empty, no image, damaged, or over ``max_pixels``. The
            message is one line that names the file and the reason.
        ResourceError: the image does not fit into memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (6, 4), "red").save(f"{folder}/red.png")
        ...     pixels = read_image(f"{folder}/red.png")
        >>> pixels.shape, pixels[0, 0].tolist()
        ((4, 6, 3), [255, 0, 0])
    """
    found = decode(path, max_pixels=max_pixels, orient=orient, reading=reading)
    _log_notes(named(path) or "bytes", found.notes)
    return found.pixels


def _log_notes(name: str, notes: tuple[str, ...]) -> None:
    """Warn of each conclusion once: a data set says the same of every image."""
    for note in notes:
        kind = re.sub(r"\d+", "0", note)
        log.log(logging.INFO if kind in _said else logging.WARNING, "%s: %s", name, note)
        if len(_said) < 1000:
            _said.add(kind)


def read_image_size(
    path: ImageFile, *, orient: bool = True, max_pixels: int = sys.maxsize
) -> tuple[int, int]:
    """Read (width, height) in pixels from an image file's header; nothing is decoded.

    Args:
        path: an image file, see :func:`read_image`. What is not opened by its path is used up.
        orient: return the size after the EXIF orientation is applied.
        max_pixels: limit of width times height; by default there is none.

    Raises:
        InputError: the file is missing, empty, no image, or over ``max_pixels``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (6, 4)).save(f"{folder}/black.png")
        ...     read_image_size(f"{folder}/black.png")
        (6, 4)
    """
    name, data = _content(path, min(max_pixels, MAX_PIXELS))
    with quiet_decoders(), naming(name):
        raster = open_raster(name, data=data)
        if raster is not None:
            with closing(raster):
                check_dimensions(*raster.image_size, max_pixels)
                return raster.image_size
        with pillow_limit(max_pixels), open_file(name, data=data) as (image, page, _):
            check_dimensions(*image.size, max_pixels)
            # Recent Pillow gives the size of a TIFF upright, and turns it, wanted or not.
            width, height = image.size if page is None else page.size
            turned = (orient or page is not None) and orientation_of(image, name) >= 5
    return (height, width) if turned else (width, height)


def to_image(
    source: ImageFile | Image.Image | npt.NDArray[Any] | torch.Tensor,
    *,
    max_pixels: int = MAX_PIXELS,
) -> torch.Tensor:
    """Convert an image in any form into a tensor.

    Args:
        source: an image file (see :func:`read_image`); a PIL image, whose current frame is used
            and whose EXIF orientation is applied; a uint8 array [H, W, 3] (RGB) or [H, W] (grey);
            or a tensor [3, H, W], uint8 or floating point of 16 bits or more in 0..1. Nothing tells
            red from blue: reverse the channels of OpenCV's BGR (``image[..., ::-1]``).
        max_pixels: limit of width times height for files and PIL images.

    Returns:
        uint8 [3, H, W], RGB, on the device of ``source`` if that is a tensor, else on the CPU. It
        may share memory with ``source`` and need not be contiguous.

    Raises:
        InputError: the file or PIL image cannot be decoded.
        TypeError: ``source`` is of another type or dtype.
        ValueError: its shape or its range of values is wrong.

    Example:
        >>> to_image(np.zeros((4, 6, 3), np.uint8)).shape
        torch.Size([3, 4, 6])
    """
    import torch

    if isinstance(source, torch.Tensor):
        return _tensor_to_image(source)
    if isinstance(source, np.ndarray):
        return _array_to_image(source)
    if isinstance(source, Image.Image):
        found = decode(source, max_pixels=max_pixels)
        _log_notes("PIL image", found.notes)
        pixels = found.pixels
    elif isinstance(source, (str, os.PathLike, Encoded)) or is_encoded(source):
        pixels = read_image(source, max_pixels=max_pixels)
    else:
        raise TypeError(
            f"source is {type(source).__name__}; it must be a path, bytes, an open file, a PIL "
            "image, a NumPy array or a tensor"
        )
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _tensor_to_image(tensor: torch.Tensor) -> torch.Tensor:
    import torch

    if tensor.layout is not torch.strided or tensor.is_meta:
        kind = "a meta tensor" if tensor.is_meta else str(tensor.layout).removeprefix("torch.")
        raise TypeError(f"tensor is {kind}; it must have all pixels in memory")
    if tensor.dim() != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise ValueError(
            f"tensor has shape {list(tensor.shape)}; it must be [3, H, W], not empty"
            + _tensor_hint(tuple(tensor.shape))
        )
    if tensor.dtype == torch.uint8:
        return tensor.detach()
    if not tensor.is_floating_point() or tensor.dtype.itemsize < 2:
        raise TypeError(
            f"tensor is {tensor.dtype}; it must be uint8, or floating point of 16 bits or more in "
            "0..1"
        )
    low, high = (float(v) for v in torch.aminmax(tensor.detach()))
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ValueError(
            f"tensor has values from {low:g} to {high:g}; they must lie in 0..1, neither "
            "0..255 nor normalised"
        )
    return tensor.detach().float().mul(255).round_().to(torch.uint8)


def _array_to_image(array: npt.NDArray[Any]) -> torch.Tensor:
    import torch

    if array.dtype != np.uint8:
        raise TypeError(
            f"array is {array.dtype}; it must be uint8: of other values, those that white has must "
            "become 255"
        )
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise ValueError(
            f"array has shape {list(array.shape)}; it must be [H, W, 3] or [H, W], not empty"
            + _array_hint(array.shape)
        )
    # torch cannot hold negative strides (a BGR array seen as RGB) and warns of read-only memory.
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    if array.ndim == 2:
        return torch.from_numpy(array).expand(3, -1, -1)
    return torch.from_numpy(array).permute(2, 0, 1)


def _tensor_hint(shape: tuple[int, ...]) -> str:
    """How the image that the shape seems to be would become one that is taken; else nothing."""
    match shape:
        case (_, _, 3):
            return ": it looks like [H, W, 3], which tensor.permute(2, 0, 1) turns"
        case (_, 3, _, _):
            return ": it looks like a batch, whose images list(tensor) gives"
        case (1, _, _):
            return ": it looks grey, which tensor.expand(3, -1, -1) repeats"
        case (_, _):
            return ": it looks grey, which tensor[None].expand(3, -1, -1) repeats"
        case (4, _, _):
            return ": it looks like RGB with transparency, of which tensor[:3] is RGB"
    return ""


def _array_hint(shape: tuple[int, ...]) -> str:
    match shape:
        case (3, _, _):
            return ": it looks like [3, H, W], which array.transpose(1, 2, 0) turns"
        case (_, _, 1):
            return ": it looks grey, which array[..., 0] is"
        case (_, _, 4):
            return ": it looks like RGB with transparency, of which array[..., :3] is RGB"
        case (_, _, _, 3):
            return ": it looks like a batch, whose images list(array) gives"
    return ""
