"""Colours: float32 [3], red, green and blue, 0 to 1 unless something shines."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from .arrays import Array

Colour = NDArray[np.float32]


def rgb(red: float, green: float, blue: float) -> Colour:
    return np.array((red, green, blue), dtype=np.float32)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour of a hue, which goes round at 1, a saturation and a value, both 0 to 1."""
    return rgb(*colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The given share of the second colour in the first."""
    return (first + (second - first) * np.float32(share)).astype(np.float32)


def coloured(values: Array, dark: Colour, light: Colour) -> Array:
    """[h, w] values, 0 to 1, as colours [h, w, 3] from dark to light."""
    result: Array = dark + values[..., None] * (light - dark)
    return result.astype(np.float32)


def to_bytes(pixels: Array) -> NDArray[np.uint8]:
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
