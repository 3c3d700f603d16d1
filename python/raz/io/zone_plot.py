"""Draw the named zones of a Result: their outlines, their names, and how many are inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["draw_zones", "rings_of"]

_COLOUR = (255, 235, 59)
_SHADOW = (0, 0, 0)


def draw_zones(canvas: Image.Image, result: Result) -> None:
    """Draw each zone's outline on the image, and at its middle its name and count.

    Args:
        canvas: the result's image, RGB, enlarged or reduced.
        result: with ``zones``; without any nothing is drawn.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> from raz.io.zones import Zones
        >>> result = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0, count_density=0, count_points=0, image_size=(64, 48),
        ...     zones=Zones({"door": [(8, 8), (40, 8), (40, 40)]}),
        ... )
        >>> canvas = Image.new("RGB", (64, 48))
        >>> draw_zones(canvas, result)
        >>> canvas.getpixel((20, 8)) == _COLOUR
        True
    """
    if not result.zones:
        return
    draw = ImageDraw.Draw(canvas)
    thick = max(1, round(min(canvas.size) / 300))
    font = ImageFont.load_default(max(10, min(canvas.size) // 40))
    areas = {
        name: _scaled(area, result.image_size, canvas.size) for name, area in result.zones.items()
    }
    for area in areas.values():
        _outline(canvas, draw, area, thick)
    counts = result.zone_counts()
    for name, area in areas.items():
        text = f"{name}  {counts[name].density:.1f}"
        draw.text(
            _middle(area, canvas.size), text, fill=_COLOUR, font=font, anchor="mm",
            stroke_width=thick, stroke_fill=_SHADOW,
        )  # fmt: skip


def _scaled(area: Any, size: tuple[int, int], to: tuple[int, int]) -> Any:
    """The area of an image of one (width, height) in the same image of another."""
    places = np.asarray(area)
    if places.dtype == bool:
        mask = Image.fromarray(places.astype(np.uint8))
        return np.asarray(mask.resize(to, Image.Resampling.NEAREST)).astype(bool)
    return places * np.divide(to, size)


def _outline(canvas: Image.Image, draw: ImageDraw.ImageDraw, area: Any, thick: int) -> None:
    corners = np.asarray(area)
    if corners.dtype == bool:
        mask = Image.fromarray(corners.astype(np.uint8) * 255)
        inner = mask.filter(ImageFilter.MinFilter(2 * thick + 1))
        edge = Image.fromarray(np.asarray(mask) - np.asarray(inner))
        canvas.paste(_COLOUR, mask=edge)
        return
    for ring in rings_of(corners):
        draw.line([tuple(corner) for corner in ring.tolist()], fill=_COLOUR, width=thick)


def rings_of(polygon: Any) -> list[Any]:
    """Return the closed rings of a polygon that goes from ring to ring; see `raz.io.zones`.

    Args:
        polygon: [M, 2], (x, y) in pixels.

    Returns:
        float64 [K, 2] of each ring, without the ways between them.

    Example:
        >>> [ring.tolist() for ring in rings_of([(0, 0), (8, 0), (8, 8)])]
        [[[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [0.0, 0.0]]]
    """
    corners = np.asarray(polygon, dtype=np.float64)
    rings = []
    start = 0
    while start < len(corners):
        same = np.flatnonzero((corners[start + 1 :] == corners[start]).all(axis=1))
        end = start + 1 + int(same[0]) if len(same) else len(corners)
        ring = corners[start : end + 1]
        if len(ring) >= 3:
            rings.append(np.concatenate([ring, ring[:1]]))
            start = end + 1
            # The way to the next ring leads over the first corner of all.
            start += int(start < len(corners) and (corners[start] == corners[0]).all())
        else:  # back at the first ring
            start += 1
    return rings


def _middle(area: Any, size: tuple[int, int]) -> tuple[float, float]:
    """A place for the name: the middle of what of the area lies inside the image."""
    places = np.asarray(area)
    if places.dtype == bool:
        places = np.argwhere(places)[:, ::-1] + 0.5
    if not len(places):
        return size[0] / 2, size[1] / 2
    places = np.clip(places, 0, size)
    x, y = (places.min(axis=0) + places.max(axis=0)) / 2
    return float(x), float(y)
