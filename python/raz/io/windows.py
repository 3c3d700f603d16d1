"""Open image files that are too large to decode whole for reading windows of them.

TIFF and JPEG 2000 files of the kinds that `raz.io.rasters` reads have windows, tiled or in strips.
PNG and JPEG have none: each of their lines depends on the lines before.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from raz.errors import InputError, installs

from .decoding import MAX_PIXELS, read_image_size
from .opening import check_dimensions, import_rasterio, naming, quiet_decoders
from .rasters import AS_STORED, CACHE_BYTES, Raster, Reading, is_raster, open_raster

__all__ = ["MAX_WINDOWED_PIXELS", "open_windows"]

MAX_WINDOWED_PIXELS = 1_000_000_000
"""Largest image in pixels that is read in windows by default."""


def open_windows(
    path: str | os.PathLike[str],
    *,
    longer_than: int,
    max_pixels: int | None = None,
    reading: Reading = AS_STORED,
) -> Raster | None:
    """Open an image file for reading windows, if that is possible and worthwhile.

    Args:
        path: a file; what is no TIFF and no JPEG 2000 file gives None.
        longer_than: longer side in pixels up to which an image is better decoded whole.
        max_pixels: limit of width times height; by default `MAX_WINDOWED_PIXELS`.
        reading: what the caller knows better than the file.

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
    if not is_raster(name):
        return None
    if max_pixels is None and import_rasterio() is None:
        width, height = read_image_size(name)
        if width * height > MAX_PIXELS:
            raise InputError(
                f"{name}: {width} x {height} pixels are over the limit of {MAX_PIXELS:,} pixels "
                "for an image that is decoded whole; rasterio would read windows of it "
                f"({installs('tiles')})"
            )
    with quiet_decoders(), naming(name), ExitStack() as closing:
        raster = open_raster(name, reading)
        if raster is None:
            return None
        closing.callback(raster.close)
        if max(raster.image_size) <= longer_than:
            return None
        if raster.block_bytes > CACHE_BYTES:  # a window would cost nearly the whole image
            return None
        check_dimensions(
            *raster.image_size, MAX_WINDOWED_PIXELS if max_pixels is None else max_pixels
        )
        closing.pop_all()
        return raster
