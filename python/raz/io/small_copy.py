"""A small copy of the image of a Result, to be looked at."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from raz.errors import InputError, ResourceError
from raz.io.decoding import read_image, to_image
from raz.io.rasters import AS_STORED
from raz.io.windows import open_windows

if TYPE_CHECKING:
    from raz.io.colours import Pixels
    from raz.io.rasters import Raster
    from raz.result import Result

__all__ = ["MAX_PIXELS", "small_copy"]

MAX_PIXELS = 50_000_000
"""Largest image that is decoded whole only for being looked at (350 MB while it is)."""

_STRIP_PIXELS = 16_000_000


def small_copy(result: Result, side: int) -> Image.Image | None:
    """Reduce a result's image to at most ``side`` pixels along its longer side.

    Args:
        result: with its image, or the path of a file, which is read again.
        side: pixels; a smaller image keeps its size.

    Returns:
        RGB; None where the image is not at hand: its file is gone or has changed its size, or it
        has more than `MAX_PIXELS` and its file has no windows (TIFF and JPEG 2000 have some).

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0.0, count_density=0.0, count_points=0, image_size=(64, 48),
        ...     image=torch.zeros(3, 48, 64, dtype=torch.uint8),
        ... )
        >>> small_copy(result, 16).size
        (16, 12)
    """
    width, height = result.image_size
    if not width or not height:
        return None
    scale = min(1.0, side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    try:
        found = _pixels(result, max(1, math.floor(0.5 / scale)))  # twice as fine as needed
    except (InputError, ResourceError, OSError):
        return None
    if found is None:
        return None
    pixels, factor = found
    # The last blocks of an image that is already reduced stick out of it.
    whole = (0, 0, width / factor, height / factor)
    return Image.fromarray(pixels).resize(size, Image.Resampling.HAMMING, box=whole)


def _pixels(result: Result, factor: int) -> tuple[Pixels, int] | None:
    """uint8 [h, w, 3], and by what they are already reduced: by the factor, or 1.

    None where the image is not the result's.
    """
    width, height = result.image_size
    limit, reading = width * height, result.reading or AS_STORED
    if result.image is not None:
        whole = np.ascontiguousarray(to_image(result.image).permute(1, 2, 0).cpu().numpy())
    elif result.path is None:
        return None
    elif limit <= MAX_PIXELS:
        whole = read_image(result.path, max_pixels=limit, reading=reading)
    else:
        raster = open_windows(result.path, longer_than=0, max_pixels=limit, reading=reading)
        if raster is None:
            return None
        with closing(raster):
            same = raster.image_size == (width, height)
            return (_reduced(raster, factor), factor) if same else None
    return (whole, 1) if whole.shape[:2] == (height, width) else None


def _reduced(raster: Raster, factor: int) -> Pixels:
    """Read strip by strip, and average blocks of ``factor`` x ``factor`` pixels of each."""
    width, height = raster.image_size
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    strips = []
    for top in range(0, height, rows):
        strip = raster.read((0, top, width, min(height, top + rows))).permute(1, 2, 0).numpy()
        strips.append(np.asarray(Image.fromarray(np.ascontiguousarray(strip)).reduce(factor)))
    return np.concatenate(strips)
