"""From stored samples to 8-bit RGB: the one conversion of images that are read whole or in windows.

How each kind is converted (all ours; the method says nothing of files):

* Grey samples are repeated in three channels.
* Integers of ``bits`` bits keep their upper eight bits.
* Floating-point samples lie in 0..1, or in 0..2^bits - 1.
* Transparent pixels are blended with white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz.errors import InputError

__all__ = ["Extremes", "Pixels", "Samples", "bits_of", "to_rgb"]

Pixels = npt.NDArray[np.uint8]

OPAQUE_NOTE = "its alpha is 0 everywhere; it is taken as opaque"
"""Noted where alpha means nothing, though the file does not say so."""

_DARK_BELOW = 4096
"""Values of 16 bits that are nearly black: below 16 of 255."""


@dataclass(frozen=True)
class Samples:
    """What the samples of an image mean.

    Attributes:
        bits: that an integer colour has, at least 8; of floating-point colours, 0 for 0..1, or
            2^bits - 1 is white.
        white_is_zero: whether grey runs from white to black.
        alpha: what the last band is.
        alpha_bits: as ``bits``, of the last band.

    Example:
        >>> Samples(bits=12).alpha
        'none'
    """

    bits: int = 8
    white_is_zero: bool = False
    alpha: Literal["none", "straight", "premultiplied"] = "none"
    alpha_bits: int = 8


def to_rgb(bands: npt.NDArray[Any], samples: Samples) -> Pixels:
    """Convert stored samples into 8-bit RGB.

    Args:
        bands: uint8, another integer type or floating point, [h, w, n]: one band (grey) or three
            (RGB), and one of alpha if ``samples`` says so.
        samples: what they mean.

    Returns:
        uint8 [h, w, 3], contiguous and writable. It may be ``bands``.

    Raises:
        InputError: floating-point samples are outside their range.

    Example:
        >>> deep = np.array([[[0], [2048], [4095]]], np.uint16)
        >>> to_rgb(deep, Samples(bits=12))[0, :, 0].tolist()
        [0, 128, 255]
    """
    number = bands.shape[2] - (samples.alpha != "none")
    colours = _eight_bits(bands[..., :number], samples.bits)
    if samples.white_is_zero:
        colours = 255 - colours
    if number == 1:
        colours = np.repeat(colours, 3, axis=2)
    if samples.alpha == "none":
        return np.require(colours, requirements=["C", "W"])
    alpha = _eight_bits(bands[..., number:], samples.alpha_bits)
    rgba = np.concatenate([colours, alpha], axis=2)
    # Decoded as from a file: converting an image of mode "RGBa" would round differently.
    raw = "RGBa" if samples.alpha == "premultiplied" else "RGBA"
    height, width, _ = rgba.shape
    return over_white(Image.frombytes("RGBA", (width, height), rgba.tobytes(), "raw", raw))


def over_white(rgba: Image.Image) -> Pixels:
    """Blend an image of mode "RGBA" with white: uint8 [h, w, 3]."""
    white = Image.new("RGBA", rgba.size, "white")
    return np.array(Image.alpha_composite(white, rgba).convert("RGB"))


def bits_of(most: int) -> int:
    """Return the bits that the greatest value of an image needs, at least 8.

    Example:
        >>> bits_of(255), bits_of(4080), bits_of(65535)
        (8, 12, 16)
    """
    return max(8, int(most).bit_length())


@dataclass
class Extremes:
    """The greatest value of an image of integers, found part by part, and what it tells.

    Attributes:
        low: least value so far, or 0.
        most: greatest value so far, or 0.
        seen: number of values.
        bright: number of values that 12 bits do not hold.

    Example:
        >>> extremes = Extremes()
        >>> extremes.add(np.array([[0, 4080]], np.uint16))
        >>> extremes.bits, extremes.note[:50]
        (12, 'its samples have room for 16 bits but are at most ')
    """

    low: int = 0
    most: int = 0
    seen: int = 0
    bright: int = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Look at further values."""
        self.low = min(self.low, int(values.min()))
        self.most = max(self.most, int(values.max()))
        self.seen += values.size
        if self.most >= _DARK_BELOW:
            self.bright += int(np.count_nonzero(values >= _DARK_BELOW))

    @property
    def settled(self) -> bool:
        """Whether further values of 16 bits would change nothing."""
        return self.most >= 2**15 and not self._has_strays

    @property
    def bits(self) -> int:
        """How many bits the values need.

        Raises:
            InputError: they are not 16-bit samples.
        """
        if self.low < 0 or self.most > 65535:
            raise InputError(
                f"integer pixels range from {self.low} to {self.most}; they must lie in 0..65535"
            )
        return bits_of(self.most)

    @property
    def note(self) -> str:
        """One line on what was concluded, where that may be wrong; else nothing."""
        stated = "bits (--bits) states how many they have"
        if self._has_strays and self.bits == 16:
            return (
                f"all but {self.bright} of its {self.seen} samples are below {_DARK_BELOW}, which "
                f"is nearly black where white is 65535; {stated}"
            )
        if self.most == 0 or self.bits == 16:
            return ""
        return (
            f"its samples have room for 16 bits but are at most {self.most}, so they are taken as "
            f"{self.bits}-bit values; {stated}"
        )

    @property
    def _has_strays(self) -> bool:
        """Whether the greatest values are as few as a camera's dead pixels are."""
        return 0 < self.bright * 1000 < self.seen


def _eight_bits(values: npt.NDArray[Any], bits: int) -> Pixels:
    if values.dtype == np.uint8 and bits == 8:
        return values
    if np.issubdtype(values.dtype, np.floating):
        white = float(2**bits - 1) if bits else 1.0
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        if not (low >= 0 and high <= white):  # written so that NaN fails too
            raise InputError(
                f"floating-point pixels range from {low:g} to {high:g}; they must lie in "
                f"0..{white:g}"
                + ("" if bits else ", or bits (--bits) must say how many their white has")
            )
        return np.rint(values * (255 / white)).astype(np.uint8)
    # Clipped before it is shifted: a value beyond the stated bits is white, a negative one black.
    white = min(2**bits - 1, np.iinfo(values.dtype).max)
    return np.asarray(np.clip(values, 0, white) >> (bits - 8), np.uint8)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112); the result is contiguous."""
    if orientation == 1:
        return np.ascontiguousarray(pixels)
    if orientation >= 5:  # rows and columns are exchanged
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.array(pixels, order="C")  # np.ascontiguousarray leaves a single pixel mirrored
