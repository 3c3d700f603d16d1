"""The image that is drawn on: that of a result, enlarged if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFont

from raz.errors import InputError
from raz.io.decoding import read_image, to_image
from raz.io.rasters import AS_STORED

if TYPE_CHECKING:
    from raz.result import Result

MAX_SCALE = 16
"""More pixels per pixel show nothing more."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def open_canvas(result: Result, image: Any, scale: int) -> Image.Image:
    """Return the image of a result, RGB, each pixel enlarged to ``scale`` x ``scale``.

    Raises:
        InputError, ValueError: as :meth:`raz.Result.plot`.
        TypeError: ``scale`` is no integer.
    """
    if isinstance(scale, bool) or not isinstance(scale, int):
        raise TypeError(f"scale is {scale!r}; it must be an integer")
    if not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"scale is {scale}; it must be 1 to {MAX_SCALE}")
    canvas = Image.fromarray(_pixels(result, image))
    if scale == 1:
        return canvas
    size = canvas.width * scale, canvas.height * scale
    return canvas.resize(size, Image.Resampling.BICUBIC)


def _pixels(result: Result, image: Any) -> npt.NDArray[np.uint8]:
    if image is None:
        image = result.image
    width, height = result.image_size
    if image is not None:
        pixels = to_image(image).permute(1, 2, 0).contiguous().cpu().numpy()
        if pixels.shape[:2] != (height, width):
            raise ValueError(
                f"image is {pixels.shape[1]} x {pixels.shape[0]} pixels; "
                f"it must be {width} x {height}, as the result"
            )
        return np.asarray(pixels, dtype=np.uint8)
    if result.path is None:
        raise ValueError("image is None, and the result has no path to read the image from")
    reading = result.reading or AS_STORED
    pixels = read_image(result.path, max_pixels=width * height, reading=reading)
    if pixels.shape[:2] != (height, width):
        raise InputError(
            f"{result.path}: is {pixels.shape[1]} x {pixels.shape[0]} pixels now, "
            f"was {width} x {height} when it was counted"
        )
    return pixels


def base_font_size(size: tuple[int, int]) -> int:
    """Return the font size of plain text on an image of (width, height) pixels, at least 10."""
    return max(10, min(size) // 42)


def font_of(size: int) -> Font:
    """Return Pillow's own font at a size in pixels."""
    try:
        return ImageFont.load_default(size)
    except (ImportError, OSError, TypeError):  # no FreeType, or Pillow before 10.1
        return ImageFont.load_default()
