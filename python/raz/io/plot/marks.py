"""Marks on heads, each as large as the room to its neighbours allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from raz.neighbours import mean_neighbour_distance

if TYPE_CHECKING:
    from raz.result import Result

Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float64]
Shape = Literal["dot", "ring", "cross"]

_SHARE = 0.28  # of the distance between neighbours: marks side by side keep a gap
_NEIGHBOURS = 3
_LEAST = 1.3  # pixels; a smaller mark cannot be told from noise
_STEPS = 4  # sizes per pixel of radius
_OVERSAMPLING = 8
_EDGE = (255, 255, 255)


def points_of(result: Result) -> Floats:
    """Return the located heads of a result, float64 [N, 2], (x, y) in pixels of its image."""
    points: Floats = result.points.detach().cpu().double().numpy()
    return points


def mark_radii(points: Floats, size: tuple[int, int]) -> Floats:
    """Return the radius in pixels of each point's mark, [N].

    It follows the mean distance to the three nearest other points, so it is small where people
    stand dense and large where they do not, in the same image.

    Args:
        points: [N, 2], pixels of the canvas.
        size: (width, height) of the canvas.
    """
    most = max(2.5, min(size) / 140)
    if not len(points):
        return np.zeros(0)
    distance = mean_neighbour_distance(points, _NEIGHBOURS)
    radii = np.clip(_SHARE * np.nan_to_num(distance, nan=np.inf), min(_LEAST, most), most)
    return np.asarray(np.rint(radii * _STEPS) / _STEPS, dtype=np.float64)


def draw_marks(
    canvas: Image.Image, points: Floats, radii: Floats, colour: Colour, shape: Shape = "dot"
) -> None:
    """Draw a mark on each point, the largest first, so that none hides a smaller one.

    Args:
        canvas: RGB, drawn on.
        points: [N, 2], (x, y) in its pixels.
        radii: [N], from `mark_radii`.
        colour: of the marks.
        shape: dots are filled, rings show what is in them, crosses are diagonal.
    """
    for index in np.argsort(-radii, kind="stable").tolist():
        stamp = mark(float(radii[index]), colour, shape)
        half = stamp.width / 2
        x, y = points[index].tolist()
        canvas.paste(stamp, (round(x - half), round(y - half)), stamp)


@lru_cache(maxsize=1024)
def mark(radius: float, colour: Colour, shape: Shape) -> Image.Image:
    """Draw one mark with a pale edge, RGBA, smooth, as large as it needs."""
    edge = max(0.45, 0.22 * radius)
    side = 2 * math.ceil(1.3 * radius + edge + 1)  # rings and crosses reach past the radius
    large = Image.new("RGBA", (side * _OVERSAMPLING, side * _OVERSAMPLING), (*_EDGE, 0))
    _SHAPES[shape](ImageDraw.Draw(large), large.width / 2, radius, edge, colour)
    return large.resize((side, side), Image.Resampling.BOX)


def _dot(
    draw: ImageDraw.ImageDraw, centre: float, radius: float, edge: float, colour: Colour
) -> None:
    for reach, fill in ((radius + edge, _EDGE), (radius, colour)):
        draw.ellipse(_around(centre, reach), fill=fill)


def _ring(
    draw: ImageDraw.ImageDraw, centre: float, radius: float, edge: float, colour: Colour
) -> None:
    width = max(1.0, 0.4 * radius)
    reach = radius + width / 2
    for outer, line, fill in ((reach + edge, width + 2 * edge, _EDGE), (reach, width, colour)):
        thick = round(line * _OVERSAMPLING)
        draw.ellipse(_around(centre, outer), outline=fill, width=thick)


def _cross(
    draw: ImageDraw.ImageDraw, centre: float, radius: float, edge: float, colour: Colour
) -> None:
    width = max(1.0, 0.55 * radius)
    for longer, line, fill in ((edge, width + 2 * edge, _EDGE), (0.0, width, colour)):
        reach = (0.9 * radius + longer / 2) * _OVERSAMPLING
        thick = round(line * _OVERSAMPLING)
        for slope in (1, -1):
            ends = (centre - reach, centre - slope * reach, centre + reach, centre + slope * reach)
            draw.line(ends, fill=fill, width=thick)


def _around(centre: float, radius: float) -> tuple[float, float, float, float]:
    reach = radius * _OVERSAMPLING
    return (centre - reach, centre - reach, centre + reach, centre + reach)


_SHAPES: dict[str, Callable[[ImageDraw.ImageDraw, float, float, float, Colour], None]] = {
    "dot": _dot,
    "ring": _ring,
    "cross": _cross,
}
