"""Read windows of image files that are too large to decode whole.

rasterio (the extra ``tiles``) reads TIFF and GeoTIFF files window by window, tiled or in strips.
PNG and JPEG have no windows: each of their lines depends on the lines before.

The kinds of nearly all TIFF files are supported: RGB and grey of 8 or 16 bits, grey of 12 bits, and
8-bit RGB with transparency. Pixels become 8-bit RGB, upright, as in `raz.io.decoding`.
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

from raz.errors import InputError, installs

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
"""Largest image in pixels that is read in windows by default."""

CACHE_BYTES = 128 * 2**20
"""Bytes of decoded blocks that are kept for the next windows (ours)."""

_PHOTOMETRIC_TAG, _COMPRESSION_TAG, _EXTRA_SAMPLES_TAG = 262, 259, 338
_PREMULTIPLIED = (1,)
_WHITE_IS_ZERO, _YCBCR, _JPEG = 0, 6, 7

ToRGB = Callable[[npt.NDArray[Any]], Pixels]
"""Converts a window [h, w, bands] as stored into pixels [h, w, 3]."""


def _through_pillow(bands: npt.NDArray[Any], bits: int = 16) -> Pixels:
    image = Image.fromarray(bands[..., 0] if bands.shape[2] == 1 else bands)
    return np.array(strip_to_rgb(image, bits))  # Pillow's own memory is not writable


def _premultiplied(bands: npt.NDArray[Any]) -> Pixels:
    height, width, _ = bands.shape
    # Decoded as from a file: converting an image of mode "RGBa" would round differently.
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
"""By Pillow's name of the stored kind, and the number and dtype of rasterio's bands."""


def open_windows(
    path: str | os.PathLike[str], *, longer_than: int, max_pixels: int | None = None
) -> TiffWindows | None:
    """Open an image file for reading windows, if that is possible and worthwhile.

    Args:
        path: a file; what is no TIFF gives None.
        longer_than: longer side in pixels up to which an image is better decoded whole.
        max_pixels: limit of width times height; by default `MAX_WINDOWED_PIXELS`.

    Returns:
        an open file, to be closed; None if the image has to be decoded whole.

    Raises:
        InputError: the file is damaged, the image is over ``max_pixels``, or, without rasterio,
            too large to decode whole.

    Example:
        >>> open_windows("photo.jpg", longer_than=2048) is None
        True
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
            # Not `with file`, which would bind it to this thread: others may read and close it.
            closing.callback(file.close)
            to_rgb = _KINDS.get((_stored_kind(header), file.count, file.dtypes[0]))
            if to_rgb is None or (file.width, file.height) != stored_size(header):
                return None
            if _block_bytes(file) > CACHE_BYTES:  # a window would cost nearly the whole image
                return None
            check_size(header, MAX_WINDOWED_PIXELS if max_pixels is None else max_pixels)
            closing.pop_all()
            return TiffWindows(name, file, to_rgb, orientation_of(header, name))


def _rasterio(header: Image.Image, max_pixels: int | None) -> Any:
    """Import rasterio; None if it is missing and the image can be decoded whole."""
    try:
        return importlib.import_module("rasterio")
    except ImportError:
        width, height = header.size
        if max_pixels is None and width * height > MAX_PIXELS:
            raise InputError(
                f"{width} x {height} pixels are over the limit of {MAX_PIXELS:,} pixels for an "
                "image that is decoded whole; rasterio would read windows of it "
                f"({installs('tiles')})"
            ) from None
        return None


def _block_bytes(file: Any) -> int:
    """Bytes of one decoded block, all bands: the least that a window takes."""
    return sum(
        height * width * np.dtype(kind).itemsize
        for (height, width), kind in zip(file.block_shapes, file.dtypes, strict=True)
    )


def _stores_colours(header: Any) -> bool:
    """Whether the stored numbers are colours, or rasterio converts them."""
    photometric = header.tag_v2.get(_PHOTOMETRIC_TAG)
    if photometric == _YCBCR:
        return bool(header.tag_v2.get(_COMPRESSION_TAG) == _JPEG)
    return bool(photometric != _WHITE_IS_ZERO)


def _stored_kind(header: Any) -> str:
    """Pillow's mode of the stored pixels, where it differs from that of the decoded ones."""
    if header.mode == "RGBA" and header.tag_v2.get(_EXTRA_SAMPLES_TAG) == _PREMULTIPLIED:
        return "RGBa"
    if header.mode == "I;16" and grey_bits(header) == 12:
        return "I;12"
    return str(header.mode)


class TiffWindows:
    """An open TIFF file from which windows are read; see `open_windows`.

    It takes `CACHE_BYTES` of memory for decoded blocks, beside the window itself. Threads may share
    it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 32), "red").save(f"{folder}/red.tif")
        ...     windows = open_windows(f"{folder}/red.tif", longer_than=32)
        ...     size, pixels = windows.image_size, windows.read((0, 0, 4, 2))
        ...     windows.close()
        >>> size, pixels.shape
        ((64, 32), torch.Size([3, 2, 4]))
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
        """(width, height) in pixels, upright."""
        width, height = self._file.width, self._file.height
        return (height, width) if self._orientation >= 5 else (width, height)

    def read(self, window: tuple[int, int, int, int]) -> torch.Tensor:
        """Read a window of the upright image.

        Args:
            window: (x1, y1, x2, y2), edges in pixels.

        Returns:
            uint8 [3, h, w], RGB.

        Raises:
            InputError: the file is damaged there.
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
        """Convert a window of the upright image to one of the image as stored."""
        x1, y1, x2, y2 = window
        width, height = self.image_size
        # Undo what `upright` does, in the opposite order.
        if self._orientation in (3, 4, 7, 8):
            y1, y2 = height - y2, height - y1
        if self._orientation in (2, 3, 6, 7):
            x1, x2 = width - x2, width - x1
        return (y1, x1, y2, x2) if self._orientation >= 5 else (x1, y1, x2, y2)
