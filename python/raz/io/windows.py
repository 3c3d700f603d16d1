"""Windows of image files too large to be decoded whole.

TIFF and GeoTIFF files, tiled or in strips, are read window by window where rasterio (the extra
``tiles``) is installed. PNG and JPEG have no windows: their lines depend on those before.

Of a TIFF file, the kinds that nearly all are of can be read so: RGB and grey of 8 or 16 bits, grey
of 12, and RGB with transparency, of 8 bits. Pixels become 8-bit RGB, upright, as `raz.io.decoding`
says.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz.errors import InputError

from .decoding import (
    MAX_PIXELS,
    Pixels,
    check_size,
    grey_bits,
    is_tiff,
    naming,
    open_header,
    orientation_of,
    quiet_decoders,
    stored_size,
    strip_to_rgb,
    upright,
)

if TYPE_CHECKING:
    import torch

__all__ = ["CACHE_BYTES", "MAX_WINDOWED_PIXELS", "TiffWindows", "open_windows"]

MAX_WINDOWED_PIXELS = 1_000_000_000
"""Largest image, in pixels, that is read in windows unless the caller asks for more."""

CACHE_BYTES = 128 * 2**20
"""Decoded blocks of a file that are kept for the next window (ours)."""

_PHOTOMETRIC_TAG, _COMPRESSION_TAG, _EXTRA_SAMPLES_TAG = 262, 259, 338
_PREMULTIPLIED = (1,)
_WHITE_IS_ZERO, _YCBCR, _JPEG = 0, 6, 7

ToRGB = Callable[[npt.NDArray[Any]], Pixels]
"""Turns a window [h, w, bands] as it is stored into pixels [h, w, 3]."""


def _through_pillow(bands: npt.NDArray[Any], bits: int = 16) -> Pixels:
    image = Image.fromarray(bands[..., 0] if bands.shape[2] == 1 else bands)
    return np.array(strip_to_rgb(image, bits))  # Pillow's own memory is not writable


def _premultiplied(bands: npt.NDArray[Any]) -> Pixels:
    height, width, _ = bands.shape
    # Decoded as from a file: converting an image of mode "RGBa" rounds in another way.
    image = Image.frombytes("RGBA", (width, height), bands.tobytes(), "raw", "RGBa")
    return np.array(strip_to_rgb(image))


_KINDS: dict[tuple[str, int, str], ToRGB] = {
    ("L", 1, "uint8"): _through_pillow,
    ("I;12", 1, "uint16"): partial(_through_pillow, bits=12),
    ("I;16", 1, "uint16"): _through_pillow,
    ("I;16B", 1, "uint16"): _through_pillow,
    ("RGB", 3, "uint8"): lambda bands: bands,
    ("RGB", 3, "uint16"): lambda bands: (bands >> 8).astype(np.uint8),
    ("RGBA", 4, "uint8"): _through_pillow,
    ("RGBa", 4, "uint8"): _premultiplied,
    ("RGB", 4, "uint8"): lambda bands: bands[..., :3],
}
"""By Pillow's name of a kind as it is stored, and how rasterio gives it: bands and their type."""


def open_windows(
    path: str | os.PathLike[str], *, longer_than: int, max_pixels: int | None = None
) -> TiffWindows | None:
    """Open an image file for reading windows, where that is possible and worth while.

    Args:
        path: of an image file; any other kind gives None as well.
        longer_than: pixels of the longer side up to which decoding the whole is cheap enough.
        max_pixels: limit of width times height; by default `MAX_WINDOWED_PIXELS`.

    Returns:
        an open file, to be closed; None where the file is to be decoded whole.

    Raises:
        InputError: the image is over ``max_pixels``, or over what can be decoded whole where
            rasterio is missing; the file is broken.
    """
    name = os.fspath(path)
    if not is_tiff(name):
        return None
    with quiet_decoders(), naming(name), open_header(name, sys.maxsize) as header:
        if header.format != "TIFF" or max(header.size) <= longer_than:
            return None
        rasterio = _rasterio(header, max_pixels)
        if rasterio is None or not _stores_colours(header):
            return None
        file = rasterio.open(os.path.abspath(name), driver="GTiff")
        with ExitStack() as closing:
            # Not `with file`: that ties it to this thread, and another one may read and close it.
            closing.callback(file.close)
            to_rgb = _KINDS.get((_stored_kind(header), file.count, file.dtypes[0]))
            if to_rgb is None or (file.width, file.height) != stored_size(header):
                return None
            if _block_bytes(file) > CACHE_BYTES:  # a window would cost nearly the whole
                return None
            check_size(header, MAX_WINDOWED_PIXELS if max_pixels is None else max_pixels)
            closing.pop_all()
            return TiffWindows(name, file, to_rgb, orientation_of(header, name))


def _rasterio(header: Image.Image, max_pixels: int | None) -> Any:
    """The library; None where it is missing and the image can be decoded whole."""
    try:
        return importlib.import_module("rasterio")
    except ImportError:
        width, height = header.size
        if max_pixels is None and width * height > MAX_PIXELS:
            raise InputError(
                f"{width} x {height} pixels are over the limit of {MAX_PIXELS:,} pixels for a "
                "image that is decoded whole; to read windows of it, install rasterio: "
                "pip install 'raz[tiles]'"
            ) from None
        return None


def _block_bytes(file: Any) -> int:
    """Memory for one decoded block of a file, all its bands: the least that a window takes."""
    return sum(
        height * width * np.dtype(kind).itemsize
        for (height, width), kind in zip(file.block_shapes, file.dtypes, strict=True)
    )


def _stores_colours(header: Any) -> bool:
    """Whether the numbers in a TIFF file are colours as they stand, or rasterio makes them so."""
    photometric = header.tag_v2.get(_PHOTOMETRIC_TAG)
    if photometric == _YCBCR:
        return bool(header.tag_v2.get(_COMPRESSION_TAG) == _JPEG)
    return bool(photometric != _WHITE_IS_ZERO)


def _stored_kind(header: Any) -> str:
    """Pillow's name of the pixels in a TIFF file: its mode, but for what it decodes into that."""
    if header.mode == "RGBA" and header.tag_v2.get(_EXTRA_SAMPLES_TAG) == _PREMULTIPLIED:
        return "RGBa"
    if header.mode == "I;16" and grey_bits(header) == 12:
        return "I;12"
    return str(header.mode)


class TiffWindows:
    """An open TIFF file as a source of windows, see `open_windows`.

    Memory: the window, and `CACHE_BYTES` of decoded blocks.
    """

    def __init__(
        self,
        name: str,
        file: Any,
        to_rgb: ToRGB,
        orientation: int,
    ) -> None:
        self._name = name
        self._file = file
        self._to_rgb = to_rgb
        self._orientation = orientation
        self._lock = threading.Lock()

    @property
    def image_size(self) -> tuple[int, int]:
        """(w, h) in pixels, upright."""
        width, height = self._file.width, self._file.height
        return (height, width) if self._orientation >= 5 else (width, height)

    def read(self, window: tuple[int, int, int, int]) -> torch.Tensor:
        """Pixels of a window (x1, y1, x2, y2) of the upright image: uint8 [3, h, w], RGB.

        Raises:
            InputError: the file is broken there.
        """
        import torch

        rasterio = importlib.import_module("rasterio")
        x1, y1, x2, y2 = self._as_stored(window)
        with self._lock, naming(self._name), rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
            bands = self._file.read(window=rasterio.windows.Window(x1, y1, x2 - x1, y2 - y1))
            pixels = self._to_rgb(np.ascontiguousarray(bands.transpose(1, 2, 0)))
        return torch.from_numpy(upright(pixels, self._orientation)).permute(2, 0, 1)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _as_stored(self, window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """A window of the upright image as one of the image as it is stored."""
        x1, y1, x2, y2 = window
        width, height = self.image_size
        # What `upright` does, undone in the opposite order.
        if self._orientation in (3, 4, 7, 8):
            y1, y2 = height - y2, height - y1
        if self._orientation in (2, 3, 6, 7):
            x1, x2 = width - x2, width - x1
        return (y1, x1, y2, x2) if self._orientation >= 5 else (x1, y1, x2, y2)
