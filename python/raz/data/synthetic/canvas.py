"""The canvas: pixels, and shaded strokes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Array, Generator, clamped, coordinates
from .colours import Colour
from .noise import GRAIN_SIZE, grain_tile

Window = tuple[slice, slice]
"""Rows and columns of a part of the image, inside its borders."""

Cloth = Callable[[Array, Array], Array]
"""Colours [..., 3] of an ellipse at places u and v, in radii from its middle."""


@dataclass(frozen=True)
class Surface:
    """How an ellipse looks.

    Attributes:
        grain: strength of the noise on it.
        ragged: how far its edge is frayed, in radii.
        relief: how far it bends; 0 is flat, negative hollow.
    """

    grain: float = 0.0
    ragged: float = 0.0
    relief: float = 1.0


SMOOTH = Surface()


class Canvas:
    """Float image [h, w, 3] and strokes under one light."""

    def __init__(self, rng: Generator, size: tuple[int, int]) -> None:
        self.size = size
        self.pixels: Array = np.zeros((*size, 3), np.float32)
        angle = rng.uniform(-2.6, -0.5)
        strength = rng.uniform(0.05, 0.4)
        self.light = (float(np.cos(angle) * strength), float(np.sin(angle) * strength))
        self.grain = grain_tile(rng)
        self._grain_steps = rng.integers(1, GRAIN_SIZE, 2).tolist()
        self._rows, self._columns = coordinates(size)

    def window(self, x1: float, y1: float, x2: float, y2: float) -> Window | None:
        """Rows and columns of the pixels which an edge box touches, None when it lies outside."""
        top, bottom = max(0, int(y1)), min(self.size[0], int(y2) + 1)
        left, right = max(0, int(x1)), min(self.size[1], int(x2) + 1)
        if y2 < 0 or x2 < 0 or top >= bottom or left >= right:
            return None
        return slice(top, bottom), slice(left, right)

    def _offsets(self, at: Window, place: tuple[float, float]) -> tuple[Array, Array]:
        """From a place to the pixels' centres: columns [1, w] and rows [h, 1]."""
        return self._columns[:, at[1]] - place[0], self._rows[at[0]] - place[1]

    def _grain_at(self, at: Window) -> Array:
        """A piece of the noise tile, another one at every place."""
        rows, columns = at
        h, w = rows.stop - rows.start, columns.stop - columns.start
        y = (rows.start * self._grain_steps[0] + rows.stop) % (GRAIN_SIZE // 2)
        x = (columns.start * self._grain_steps[1] + columns.stop) % (GRAIN_SIZE // 2)
        piece = self.grain[y : y + h, x : x + w]
        if piece.shape != (h, w):
            piece = np.take(self.grain, np.arange(y, y + h), 0, mode="wrap")
            piece = np.take(piece, np.arange(x, x + w), 1, mode="wrap")
        return piece

    def blend(self, at: Window, alpha: Array, colour: Array) -> None:
        """Lay colours over a window by alpha [h, w]."""
        region = self.pixels[at]
        region += alpha[..., None] * (colour - region)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour | Cloth,
        *,
        angle: float = 0.0,
        power: int = 2,
        surface: Surface = SMOOTH,
        above: float | None = None,
    ) -> None:
        """Paint a rounded, shaded ellipse.

        Args:
            centre: (x, y) in pixels.
            radii: across and down, in pixels.
            colour: one colour, or a function of the place on the ellipse.
            angle: radians by which it is turned.
            power: 4 makes it boxier than 2.
            surface: its grain, edge and relief.
            above: a row, below which nothing is painted.
        """
        (x, y), (rx, ry) = centre, (max(radii[0], 0.3), max(radii[1], 0.3))
        longer = max(rx, ry)
        reach_x, reach_y = (rx, ry) if angle == 0 else (longer, longer)
        margin = 1 + surface.ragged * longer
        bottom = y + reach_y + margin
        if above is not None:
            bottom = min(bottom, above)
        at = self.window(x - reach_x - margin, y - reach_y - margin, x + reach_x + margin, bottom)
        if at is None:
            return
        dx, dy = self._offsets(at, centre)
        if angle:
            cosine, sine = np.cos(angle), np.sin(angle)
            dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
        u, v = dx * np.float32(1 / rx), dy * np.float32(1 / ry)
        square = u * u + v * v
        radius = np.sqrt(square) if power == 2 else np.sqrt(np.sqrt(u**4 + v**4))
        if surface.ragged:
            radius = radius + np.float32(surface.ragged) * self._grain_at(at)
        alpha = clamped((1 - radius) * min(rx, ry) + 0.5)
        if above is not None:
            alpha = alpha * np.clip(above - self._rows[at[0]] + 0.5, 0, 1)
        shade = np.maximum(self._shade(u, v, square, surface.relief), np.float32(0.25))
        if surface.grain:
            shade = shade * (1 + np.float32(surface.grain) * self._grain_at(at))
        paint = colour(u, v) if callable(colour) else colour
        self.blend(at, alpha, shade[..., None] * paint)

    def _shade(self, u: Array, v: Array, square: Array, relief: float) -> Array:
        """Brightness of an ellipse: the slope towards the light, and darker edges."""
        bend = np.float32(relief)
        slope = u * (bend * self.light[0]) + v * (bend * self.light[1])
        result: Array = (
            1 - np.float32(0.06) * bend + slope - np.float32(0.14) * bend * (square - 0.5)
        )
        return result

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        *,
        grain: float = 0.0,
    ) -> None:
        """Paint a round bar between two places, its radius going from one to the other."""
        reach = max(radii) + 1
        at = self.window(
            min(start[0], end[0]) - reach,
            min(start[1], end[1]) - reach,
            max(start[0], end[0]) + reach,
            max(start[1], end[1]) + reach,
        )
        if at is None:
            return
        dx, dy = self._offsets(at, start)
        ex, ey = end[0] - start[0], end[1] - start[1]
        length = ex * ex + ey * ey + 1e-6
        along = clamped(dx * (ex / length) + dy * (ey / length))
        off_x, off_y = dx - along * ex, dy - along * ey
        radius = radii[0] + along * (radii[1] - radii[0])
        away = np.sqrt(off_x * off_x + off_y * off_y)
        alpha = clamped(radius - away + 0.5)
        scale = np.float32(1 / max(max(radii), 0.3))
        shade = 0.95 + (off_x * self.light[0] + off_y * self.light[1]) * scale
        if grain:
            shade = shade * (1 + np.float32(grain) * self._grain_at(at))
        self.blend(at, alpha, shade[..., None] * colour)

    def box(
        self,
        edges: tuple[float, float, float, float],
        colour: Colour,
        *,
        grain: float = 0.0,
        fall: float = 0.0,
    ) -> None:
        """Paint an upright rectangle which darkens by fall towards its lower edge."""
        at = self.window(*edges)
        if at is None:
            return
        x1, y1, x2, y2 = edges
        columns, rows = self._columns[:, at[1]], self._rows[at[0]]
        wide = np.clip(columns - x1 + 0.5, 0, 1) * np.clip(x2 - columns + 0.5, 0, 1)
        tall = np.clip(rows - y1 + 0.5, 0, 1) * np.clip(y2 - rows + 0.5, 0, 1)
        shade = 1 - np.float32(fall / max(y2 - y1, 1)) * (rows - y1)
        if grain:
            shade = shade + np.float32(grain) * self._grain_at(at)
        self.blend(at, wide * tall, shade[..., None] * colour)

    def dim(self, centre: tuple[float, float], radii: tuple[float, float], amount: float) -> None:
        """Darken a soft ellipse: a shadow."""
        (x, y), (rx, ry) = centre, (max(radii[0], 0.5), max(radii[1], 0.5))
        at = self.window(x - rx, y - ry, x + rx, y + ry)
        if at is None:
            return
        dx, dy = self._offsets(at, centre)
        u, v = dx / rx, dy / ry
        near = clamped(1 - u * u - v * v)
        self.pixels[at] *= (1 - np.float32(amount) * near)[..., None]
