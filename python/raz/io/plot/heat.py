"""The density map over an image, and the bar that tells what its colours mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from raz.io.plot.canvas import Font
from raz.io.plot.strip import INK

AREA = 100
"""The bar counts persons per square of so many pixels of the image along each side."""

_GREYNESS = 0.8  # of the image below: colours on it mean density alone
_CLIPPED = 0.995  # quantile of the cells with anybody that the bar ends at

# From nobody to dense: red, green, blue, opacity.
_HEAT = np.array(
    [
        [68, 30, 130, 0],
        [60, 60, 190, 140],
        [30, 140, 190, 175],
        [50, 195, 120, 190],
        [245, 215, 50, 205],
        [240, 110, 30, 220],
        [190, 10, 25, 230],
    ]
)


@dataclass(frozen=True)
class Scale:
    """What the end of the bar stands for: persons per square of `AREA` pixels along each side.

    Attributes:
        top: the end.
        clipped: whether there are greater densities, which have the end's colour.
    """

    top: float
    clipped: bool


def scale_of(density: npt.NDArray[np.float32], stride: int = 8) -> Scale | None:
    """Choose a round end that few cells exceed; None where nobody is.

    Args:
        density: persons per cell, [h, w].
        stride: pixels along each side of a cell.
    """
    values = _per_area(density, stride)
    peak = float(values.max(initial=0.0))
    if not peak > 0:
        return None
    end = float(np.quantile(values[values > 0.01 * peak], _CLIPPED))
    magnitude = 10.0 ** math.floor(math.log10(end))
    top = next(
        step * magnitude for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * magnitude >= end
    )
    return Scale(top, clipped=peak > top)


def draw_heat(
    canvas: Image.Image,
    density: npt.NDArray[np.float32],
    scale: Scale,
    image_size: tuple[int, int],
    stride: int = 8,
) -> Image.Image:
    """Return the image in grey with the density over it, opaque where people stand dense.

    Args:
        canvas: RGB, of any size.
        density: persons per cell, [h, w]. The last cells may reach past the image.
        scale: from `scale_of`.
        image_size: (width, height) in the pixels of the density's cells.
        stride: pixels along each side of a cell.
    """
    level = np.clip(_per_area(density, stride) / scale.top, 0, 1)
    part = (0, 0, image_size[0] / stride, image_size[1] / stride)
    heat = Image.fromarray(_colours(level)).resize(canvas.size, Image.Resampling.BILINEAR, box=part)
    grey = Image.blend(canvas, canvas.convert("L").convert("RGB"), _GREYNESS)
    grey.paste(heat, mask=heat)
    return grey


def draw_bar(scale: Scale, width: int, font: Font) -> Image.Image:
    """Draw the bar with its ends and its unit, as wide as ``width`` allows."""
    height = _height(font)
    bar = Image.new("RGB", (width, round(2.4 * height)), "white")
    draw = ImageDraw.Draw(bar)
    ends = ("0", f"{scale.top:g}{' or more' * scale.clipped} persons per {AREA} x {AREA} pixels")
    length = min(width, 16 * height)
    colours = _colours(np.linspace(0, 1, length))
    over = Image.fromarray(np.repeat(colours[None], height, axis=0))
    ground = Image.new("RGB", over.size, (150, 150, 150))  # of a middle grey of the image
    ground.paste(over, mask=over)
    bar.paste(ground, (0, 0))
    draw.text((0, 1.15 * height), ends[0], fill=INK, font=font)
    # Beneath the end of the colours, or as far left of it as there is room for.
    x = max(
        2 * height, min(length - font.getlength(f"{scale.top:g}"), width - font.getlength(ends[1]))
    )
    draw.text((x, 1.15 * height), ends[1], fill=INK, font=font)
    return bar


def _height(font: Font) -> int:
    return math.ceil(font.getbbox("0g")[3])


def _per_area(density: npt.NDArray[np.float32], stride: int) -> npt.NDArray[np.float64]:
    return np.nan_to_num(density).astype(np.float64) * (AREA / stride) ** 2


def _colours(level: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return RGBA [..., 4] of levels in 0..1."""
    steps = np.linspace(0, 1, len(_HEAT))
    heat = np.stack([np.interp(level, steps, _HEAT[:, c]) for c in range(4)], axis=-1)
    colours: npt.NDArray[np.uint8] = np.rint(heat).astype(np.uint8)
    return colours
