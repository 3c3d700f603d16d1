"""Drawn scenes with exact head points: crowds, the same places without anybody, and plain textures.

Everything here is ours, not the paper's. Pictures are drawn with NumPy and Pillow from a seed
alone; the same seed, arguments and versions of NumPy and Pillow give the same bytes. Which head
hides which is measured on a buffer of owners, pixel by pixel, so that a head nobody can see is
never among the points.
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from raz.data.sample import Sample

__all__ = ["TEXTURES", "crowd_scene", "empty_scene", "texture"]

Array = NDArray[Any]
Colour = NDArray[np.float32]
Generator = np.random.Generator

NOBODY = -1
"""Owner of a pixel which shows no head."""

MIN_VISIBLE = 0.2
"""A head of which less than this share of its pixels can be seen is no point."""

REFERENCE_HEIGHT = 768
REFERENCE_AREA = 768 * 1024
BODY_LENGTH = 6.6
"""From head centre to sole, in head heights, seen level."""

GRAIN_SIZE = 512


# --------------------------------------------------------------------------------- public functions


def crowd_scene(
    seed: int, size: tuple[int, int] = (768, 1024), *, heads: int | None = None
) -> Sample:
    """Draw a crowd as a camera above a square, a street or a stand sees it.

    Args:
        seed: not negative; the picture is a function of the seed and the other arguments.
        size: (h, w) in pixels, each at least 1.
        heads: how many people to draw, at least 0; None draws it log-uniformly from about 5 to
            1500 persons at 768x1024, the upper end in proportion to the area and at most 5000.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [n, 2], n <= heads: (x, y)
        of the head centres, pixels as areas, all inside the image. Where something nearer covers
        the very centre, the point is the centre of the visible pixel of the head which lies nearest
        to the mean of its visible pixels. Heads of which less than 20 % of the pixels inside the
        image can be seen are drawn but are no points.

    Raises:
        TypeError: seed, size or heads are not integers.
        ValueError: one of them is out of range.
    """
    seed, size = _check_seed(seed), _check_size(size)
    drawing = _draw_crowd(seed, size, _check_heads(heads))
    points, shown = _visible_points(drawing)
    return Sample(drawing.image, points[shown], f"crowd-{seed}")


def empty_scene(seed: int, size: tuple[int, int] = (768, 1024)) -> Sample:
    """Draw a place with things in it (poles, benches, cars, trees, umbrellas, balls) and nobody.

    Args:
        seed: not negative.
        size: (h, w) in pixels, each at least 1.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [0, 2].

    Raises:
        TypeError: seed or size are not integers.
        ValueError: one of them is out of range.
    """
    seed, size = _check_seed(seed), _check_size(size)
    rng = np.random.default_rng(seed)
    scene = _draw_place(rng, size, None)
    for row, x, draw in sorted(_place_objects(rng, scene, int(rng.integers(4, 40)))):
        _OBJECTS[draw](scene, rng, x, row)
    return Sample(_develop(rng, scene), _no_points(), f"empty-{seed}")


def texture(seed: int, size: tuple[int, int] = (768, 1024), kind: str | None = None) -> Sample:
    """Draw a picture of nothing but texture, for training against false alarms.

    Args:
        seed: not negative.
        size: (h, w) in pixels, each at least 1.
        kind: one of ``TEXTURES``; None draws one.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [0, 2].

    Raises:
        TypeError: seed or size are not integers.
        ValueError: one of them is out of range, or kind is not one of ``TEXTURES``.
    """
    seed, size = _check_seed(seed), _check_size(size)
    if kind is not None and kind not in _PAINTERS:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(TEXTURES)}")
    rng = np.random.default_rng(seed)
    if kind is None:
        kind = TEXTURES[int(rng.integers(len(TEXTURES)))]
    pixels = _PAINTERS[kind](rng, size)
    return Sample(_to_bytes(pixels), _no_points(), f"texture-{kind}-{seed}")


# ---------------------------------------------------------------------------------------- arguments


def _check_integer(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}; it must be an integer")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    return int(value)


def _check_seed(seed: object) -> int:
    return _check_integer("seed", seed, 0)


def _check_heads(heads: object) -> int | None:
    return None if heads is None else _check_integer("heads", heads, 0)


def _check_size(size: object) -> tuple[int, int]:
    if not isinstance(size, tuple | list):
        raise TypeError(f"size is {size!r}; it must be a pair (h, w) of integers")
    if len(size) != 2:
        raise ValueError(f"size is {size!r}; it must be a pair (h, w)")
    return _check_integer("size[0]", size[0], 1), _check_integer("size[1]", size[1], 1)


# -------------------------------------------------------------------------------- colours and noise


def _rgb(red: float, green: float, blue: float) -> Colour:
    return np.array((red, green, blue), dtype=np.float32)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    return _rgb(*colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    return (first + (second - first) * np.float32(share)).astype(np.float32)


def _resize(values: Array, size: tuple[int, int]) -> Array:
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _noise(
    rng: Generator, size: tuple[int, int], cell: float, octaves: int = 4, stretch: float = 1.0
) -> Array:
    """Sum of smooth noises [h, w] of about unit deviation.

    The coarsest has cells of cell rows by cell * stretch columns, in pixels.
    """
    total = np.zeros(size, np.float32)
    power = 0.0
    for octave in range(octaves):
        step = cell / 2**octave
        if octave and step < 1:
            break
        grid = (int(size[0] / step) + 2, int(size[1] / (step * stretch)) + 2)
        amplitude = 0.6**octave
        total += amplitude * _resize(rng.standard_normal(grid, np.float32), size)
        power += amplitude**2
    result: Array = total / np.float32(0.75 * np.sqrt(power))
    return result


def _grain_tile(rng: Generator) -> Array:
    """Noise of about unit deviation, [GRAIN_SIZE, GRAIN_SIZE], repeatable without a seam."""
    total = np.zeros((GRAIN_SIZE, GRAIN_SIZE), np.float32)
    power = 0.0
    for octave, cell in enumerate((32, 16, 8, 4, 2)):
        grid = rng.standard_normal((GRAIN_SIZE // cell, GRAIN_SIZE // cell), np.float32)
        wide = GRAIN_SIZE + 8 * cell
        around = _resize(np.pad(grid, 4, mode="wrap"), (wide, wide))
        amplitude = 0.7**octave
        total += amplitude * around[4 * cell : -4 * cell, 4 * cell : -4 * cell]
        power += amplitude**2
    result: Array = total / np.float32(0.75 * np.sqrt(power))
    return result


def _coordinates(size: tuple[int, int]) -> tuple[Array, Array]:
    """Pixel centres: rows [h, 1] and columns [1, w]."""
    rows = np.arange(size[0], dtype=np.float32)[:, None] + np.float32(0.5)
    columns = np.arange(size[1], dtype=np.float32)[None, :] + np.float32(0.5)
    return rows, columns


def _coloured(values: Array, dark: Colour, light: Colour) -> Array:
    """[h, w] values, 0 to 1, as colours [h, w, 3] from dark to light."""
    result: Array = dark + values[..., None] * (light - dark)
    return result.astype(np.float32)


def _to_bytes(pixels: Array) -> NDArray[np.uint8]:
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _no_points() -> NDArray[np.float32]:
    return np.zeros((0, 2), np.float32)


# ------------------------------------------------------------------------------------------- canvas


def _unit(values: Array) -> Array:
    """Values cut to 0 to 1; on small arrays two ufuncs cost half of np.clip."""
    result: Array = np.minimum(np.maximum(values, 0), 1)
    return result


class _Canvas:
    """Float picture [h, w, 3], the owner of every pixel [h, w], and strokes under one light."""

    def __init__(self, rng: Generator, size: tuple[int, int]) -> None:
        self.size = size
        self.pixels: Array = np.zeros((*size, 3), np.float32)
        self.owners: Array = np.full(size, NOBODY, np.int32)
        angle = rng.uniform(-2.6, -0.5)
        strength = rng.uniform(0.05, 0.4)
        self.light = (float(np.cos(angle) * strength), float(np.sin(angle) * strength))
        self.grain = _grain_tile(rng)
        self._grain_steps = rng.integers(1, GRAIN_SIZE, 2).tolist()
        self._rows, self._columns = _coordinates(size)

    def window(self, x1: float, y1: float, x2: float, y2: float) -> tuple[slice, slice] | None:
        """Rows and columns of the pixels which an edge box touches, None when it lies outside."""
        top, bottom = max(0, int(y1)), min(self.size[0], int(y2) + 1)
        left, right = max(0, int(x1)), min(self.size[1], int(x2) + 1)
        if y2 < 0 or x2 < 0 or top >= bottom or left >= right:
            return None
        return slice(top, bottom), slice(left, right)

    def grain_at(self, rows: slice, columns: slice) -> Array:
        """A piece of the noise tile, another one at every place."""
        h, w = rows.stop - rows.start, columns.stop - columns.start
        y = (rows.start * self._grain_steps[0] + rows.stop) % (GRAIN_SIZE // 2)
        x = (columns.start * self._grain_steps[1] + columns.stop) % (GRAIN_SIZE // 2)
        piece = self.grain[y : y + h, x : x + w]
        if piece.shape != (h, w):
            piece = np.take(self.grain, np.arange(y, y + h), 0, mode="wrap")
            piece = np.take(piece, np.arange(x, x + w), 1, mode="wrap")
        return piece

    def blend(self, at: tuple[slice, slice], alpha: Array, colour: Array, owner: int) -> None:
        region = self.pixels[at]
        region += alpha[..., None] * (colour - region)
        self.owners[at][alpha > 0.5] = owner

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        *,
        angle: float = 0.0,
        owner: int = NOBODY,
        power: int = 2,
        grain: float = 0.0,
        ragged: float = 0.0,
        relief: float = 1.0,
        above: float | None = None,
        pattern: tuple[str, float, Colour] | None = None,
    ) -> None:
        """Paint a rounded, shaded ellipse.

        A power of 4 makes it boxier, ragged frays its edge, above cuts off what lies below a row.
        """
        (x, y), (rx, ry) = centre, (max(radii[0], 0.3), max(radii[1], 0.3))
        reach_x = rx if angle == 0 else max(rx, ry)
        reach_y = ry if angle == 0 else max(rx, ry)
        margin = 1 + ragged * max(rx, ry)
        bottom = y + reach_y + margin if above is None else min(y + reach_y + margin, above)
        at = self.window(x - reach_x - margin, y - reach_y - margin, x + reach_x + margin, bottom)
        if at is None:
            return
        dx, dy = self._columns[:, at[1]] - x, self._rows[at[0]] - y
        if angle:
            cosine, sine = np.cos(angle), np.sin(angle)
            dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
        u, v = dx * np.float32(1 / rx), dy * np.float32(1 / ry)
        square = u * u + v * v
        radius = np.sqrt(square) if power == 2 else np.sqrt(np.sqrt(u**4 + v**4))
        if ragged or grain:
            noise = self.grain_at(*at)
        if ragged:
            radius = radius + np.float32(ragged) * noise
        alpha = _unit((1 - radius) * min(rx, ry) + 0.5)
        if above is not None:
            alpha = alpha * np.clip(above - self._rows[at[0]] + 0.5, 0, 1)
        shade = np.maximum(self._shade(u, v, square, relief), np.float32(0.25))
        if grain:
            shade = shade * (1 + np.float32(grain) * noise)
        paint = colour if pattern is None else _patterned(u, v, colour, pattern)
        self.blend(at, alpha, shade[..., None] * paint, owner)

    def _shade(self, u: Array, v: Array, square: Array, relief: float) -> Array:
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
        owner: int = NOBODY,
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
        dx, dy = self._columns[:, at[1]] - start[0], self._rows[at[0]] - start[1]
        ex, ey = end[0] - start[0], end[1] - start[1]
        length = ex * ex + ey * ey + 1e-6
        along = _unit(dx * (ex / length) + dy * (ey / length))
        off_x, off_y = dx - along * ex, dy - along * ey
        radius = radii[0] + along * (radii[1] - radii[0])
        away = np.sqrt(off_x * off_x + off_y * off_y)
        alpha = _unit(radius - away + 0.5)
        scale = np.float32(1 / max(max(radii), 0.3))
        shade = 0.95 + (off_x * self.light[0] + off_y * self.light[1]) * scale
        if grain:
            shade = shade * (1 + np.float32(grain) * self.grain_at(*at))
        self.blend(at, alpha, shade[..., None] * colour, owner)

    def box(
        self,
        edges: tuple[float, float, float, float],
        colour: Colour,
        *,
        owner: int = NOBODY,
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
        shade = (
            1
            - np.float32(fall / max(y2 - y1, 1)) * (rows - y1)
            + np.float32(grain) * (self.grain_at(*at) if grain else np.zeros_like(columns))
        )
        self.blend(at, wide * tall, shade[..., None] * colour, owner)

    def dim(self, centre: tuple[float, float], radii: tuple[float, float], amount: float) -> None:
        """Darken a soft ellipse: a shadow. Owners stay."""
        (x, y), (rx, ry) = centre, (max(radii[0], 0.5), max(radii[1], 0.5))
        at = self.window(x - rx, y - ry, x + rx, y + ry)
        if at is None:
            return
        u, v = (self._columns[:, at[1]] - x) / rx, (self._rows[at[0]] - y) / ry
        near = _unit(1 - u * u - v * v)
        self.pixels[at] *= (1 - np.float32(amount) * near)[..., None]


def _patterned(u: Array, v: Array, colour: Colour, pattern: tuple[str, float, Colour]) -> Array:
    """Colours [h, w, 3] of a patterned cloth, in an ellipse's own coordinates u and v."""
    kind, count, second = pattern
    if kind == "hoops":
        share = (np.sin(v * count) + 0 * u > 0.2).astype(np.float32)
    elif kind == "stripes":
        share = (np.sin(u * count) + 0 * v > 0.4).astype(np.float32)
    elif kind == "checks":
        share = 0.5 * ((np.sin(u * count) > 0) + 1.0 * (np.sin(v * count * 1.6) > 0))
    elif kind == "print":
        share = ((np.abs(u) < 0.42) & (np.abs(v + 0.25) < 0.22)) * (
            0.6 + 0.4 * np.sin(u * count * 2) * np.sin(v * count * 2)
        )
    else:
        share = (np.abs(u) < 0.12 + 0.12 * np.clip(v + 0.6, 0, 1)).astype(np.float32)
    result: Array = colour + share.astype(np.float32)[..., None] * (second - colour)
    return result


# -------------------------------------------------------------------------------------------- scene


@dataclass
class _Scene:
    """A place to draw into: the canvas, the camera and the light."""

    canvas: _Canvas
    horizon: float
    """Row of the horizon; it may lie above the picture."""
    slope: float
    """Head height in pixels per row below the horizon."""
    far: float
    """First row at which people stand."""
    foreshortening: float
    """Length of an upright body as seen, over its length seen level."""
    haze: Colour
    haze_strength: float
    night: bool
    centre: float
    """Column of the vanishing point."""
    spread: float
    """Half of the width people use at the lower edge, in widths of the picture."""
    layout: str
    theme: Colour | None = None
    hair_colours: list[Colour] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return self.canvas.size

    def head(self, row: float) -> float:
        """Head height at a row of head centres."""
        return max(self.slope * (row - self.horizon), 2.0)

    def head_on_ground(self, row: float) -> float:
        """Height of the head of someone standing on a ground row."""
        reach = BODY_LENGTH * self.foreshortening * self.slope
        return max(self.slope * (row - self.horizon) / (1 + reach), 1.5)

    def distance(self, head: float) -> float:
        """0 at the lower edge, going to 1 at the horizon."""
        return float(np.clip(1 - head / self.head(self.size[0]), 0, 1))

    def hazed(self, colour: Colour, head: float) -> Colour:
        return _mix(colour, self.haze, self.haze_strength * self.distance(head) ** 2)


def _draw_place(rng: Generator, size: tuple[int, int], heads: int | None) -> _Scene:
    scene = _camera(rng, size, heads)
    _BACKDROPS[int(rng.integers(len(_BACKDROPS)))](rng, scene)
    _ground(rng, scene)
    return scene


def _camera(rng: Generator, size: tuple[int, int], heads: int | None) -> _Scene:
    h, w = size
    scale = float(np.clip(min(h, w) / REFERENCE_HEIGHT, 0.2, 3.0))
    horizon = float(
        rng.choice([rng.uniform(0.1, 0.42), rng.uniform(-0.5, 0.1), rng.uniform(-2, -0.5)])
    )
    near = float(np.exp(rng.uniform(np.log(20), np.log(52)))) * scale
    least = float(rng.uniform(3, 6))
    near = _fitting_head(near, least, horizon, size, heads)
    slope = near / (h * (1 - horizon))
    far = max(0.0, horizon * h + least / slope) + float(rng.uniform(0, 0.06)) * h
    steepness = float(np.clip((0.4 - horizon) / 1.6, 0, 1))
    night = bool(rng.random() < 0.14)
    grey = float(rng.uniform(0.55, 0.9))
    return _Scene(
        canvas=_Canvas(rng, size),
        horizon=horizon * h,
        slope=slope,
        far=min(far, 0.8 * h),
        foreshortening=1 - 0.5 * steepness,
        haze=_rgb(grey * 0.96, grey, grey * float(rng.uniform(0.98, 1.08))),
        haze_strength=0.1 if night else float(rng.uniform(0, 0.65)),
        night=night,
        centre=w * float(rng.uniform(0.3, 0.7)),
        spread=float(rng.uniform(0.35, 1.2)),
        layout=str(rng.choice(["open", "open", "street", "rows", "groups", "groups"])),
        theme=_hsv(rng.random(), 0.75, 0.75) if rng.random() < 0.2 else None,
        hair_colours=_hair_colours(rng),
    )


def _fitting_head(
    near: float, least: float, horizon: float, size: tuple[int, int], heads: int | None
) -> float:
    """The largest near head, at most the one wished for, which leaves every head some room."""
    h, w = size
    while heads and near > least:
        rows = np.linspace(max(horizon, 0) + 0.02, 1, 64)
        head = np.maximum(near * (rows - horizon) / (1 - horizon), least)
        room = float(np.mean(1 / head**2)) * (1 - max(horizon, 0)) * h * w / 1.1
        if room >= heads:
            break
        near *= 0.93
    return max(near, least)


# -------------------------------------------------------------------------------------- backgrounds


def _sky(rng: Generator, scene: _Scene, bottom: int) -> None:
    if bottom <= 0:
        return
    w = scene.size[1]
    rows = np.linspace(0, 1, bottom, dtype=np.float32)[:, None]
    if scene.night:
        top, low = _rgb(0.02, 0.03, 0.07), _rgb(0.12, 0.1, 0.12)
    elif rng.random() < 0.5:
        top, low = _hsv(rng.uniform(0.55, 0.6), 0.55, 0.85), _rgb(0.8, 0.88, 0.95)
    else:
        top, low = _rgb(0.72, 0.75, 0.78), _rgb(0.9, 0.91, 0.92)
    sky = _coloured(np.repeat(rows, w, 1), top, low)
    clouds = _noise(rng, (bottom, w), max(w / 4, 4), 5, stretch=2)
    cover = np.clip(clouds * 0.5 + rng.uniform(-0.4, 0.4), 0, 1)[..., None]
    white = np.float32(0.12 if scene.night else 0.95)
    scene.canvas.pixels[:bottom] = sky + cover * 0.8 * (white - sky)


def _backdrop_bottom(scene: _Scene) -> int:
    """Row down to which the backdrop reaches: a little above the first people."""
    return int(np.clip(scene.far, 0, scene.size[0]))


def _city(rng: Generator, scene: _Scene) -> None:
    bottom = _backdrop_bottom(scene)
    _sky(rng, scene, bottom)
    width = scene.size[1]
    x = -float(rng.uniform(0, 0.1)) * width
    while bottom > 4 and x < width:
        wide = float(rng.uniform(0.08, 0.35)) * width + 2
        top = bottom * float(rng.uniform(-0.5, 0.75))
        _building(rng, scene, (x, top, x + wide, bottom))
        x += wide
    _tree_line(rng, scene, bottom, int(rng.integers(0, 6)), 0.5)


def _building(rng: Generator, scene: _Scene, edges: tuple[float, float, float, float]) -> None:
    canvas = scene.canvas
    tone = float(rng.uniform(0.05, 0.2) if scene.night else rng.uniform(0.35, 0.85))
    wall = _mix(_hsv(rng.uniform(0.02, 0.14), rng.uniform(0.02, 0.4), tone), scene.haze, 0.15)
    canvas.box(edges, wall, grain=0.05, fall=float(rng.uniform(-0.1, 0.25)))
    at = canvas.window(*edges)
    if at is None:
        return
    rows, columns = (np.arange(s.start, s.stop, dtype=np.float32) for s in at)
    pitch = max(scene.head(scene.far) * rng.uniform(2.5, 6), 4.0)
    tall = pitch * rng.uniform(1, 1.6)
    # The first pixel may begin before the building's edge.
    cell_x, part_x = np.divmod(np.maximum(columns - edges[0], 0) / pitch, 1)
    cell_y, part_y = np.divmod(np.maximum(rows - edges[1], 0) / tall, 1)
    inset = rng.uniform(0.12, 0.3)
    glass = ((part_y > inset) & (part_y < 1 - inset))[:, None] & (
        (part_x > inset) & (part_x < 1 - inset)
    )
    tones = rng.uniform(0.15, 0.75, (int(cell_y.max()) + 1, int(cell_x.max()) + 1)).astype(
        np.float32
    )
    tone_at = tones[cell_y.astype(np.int64)[:, None], cell_x.astype(np.int64)]
    tint = _rgb(1.1, 0.9, 0.55) if scene.night else _rgb(0.6, 0.7, 0.8)
    lit = tone_at > 0.55 if scene.night else tone_at > 0
    pane = (tone_at * np.where(lit, 1.0, 0.15))[..., None] * tint
    canvas.blend(at, glass * np.float32(0.85), pane.astype(np.float32), NOBODY)
    if rng.random() < 0.6:
        _signs(rng, scene, edges)


def _signs(rng: Generator, scene: _Scene, edges: tuple[float, float, float, float]) -> None:
    """Shop signs and posters near the foot of a building."""
    x1, top, x2, bottom = edges
    unit = max(scene.head(scene.far), 3.0)
    for _ in range(int(rng.integers(1, 5))):
        x = float(rng.uniform(x1, x2))
        y = bottom - unit * float(rng.uniform(4, 14))
        wide, tall = unit * float(rng.uniform(3, 14)), unit * float(rng.uniform(1.5, 4))
        if y < top:
            continue
        board = _hsv(rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.95))
        ink = _rgb(0.95, 0.95, 0.9) if board.mean() < 0.5 else _rgb(0.1, 0.1, 0.15)
        scene.canvas.box((x, y, x + wide, y + tall), board, fall=0.1)
        for step in np.arange(0.1, 0.85, 0.9 * tall / wide):
            left = x + wide * float(step)
            if rng.random() < 0.85:
                letter = (left, y + tall * 0.25, left + tall * 0.4, y + tall * 0.75)
                scene.canvas.box(letter, ink)


def _park(rng: Generator, scene: _Scene) -> None:
    bottom = _backdrop_bottom(scene)
    _sky(rng, scene, bottom)
    if bottom > 2:
        _tree_line(rng, scene, bottom, int(rng.integers(10, 28)), float(rng.uniform(0.4, 1.2)))


def _tree_line(rng: Generator, scene: _Scene, bottom: int, count: int, reach: float) -> None:
    for _ in range(count if bottom > 2 else 0):
        tall = bottom * reach * float(rng.uniform(0.5, 1))
        x = float(rng.uniform(0, scene.size[1]))
        _tree(scene, rng, x, bottom + float(rng.uniform(-1, 1)), tall)


def _hall(rng: Generator, scene: _Scene) -> None:
    """Walls, beams and lamps of an indoor place, or a stage."""
    bottom = _backdrop_bottom(scene)
    canvas, w = scene.canvas, scene.size[1]
    tone = float(rng.uniform(0.08, 0.6))
    wall = _hsv(rng.uniform(0, 0.16), rng.uniform(0.05, 0.45), tone)
    canvas.box((0, 0, w, bottom), wall, grain=0.06, fall=0.2)
    for _ in range(int(rng.integers(3, 12)) if bottom > 4 else 0):
        x, wide = float(rng.uniform(0, w)), w * float(rng.uniform(0.01, 0.15))
        y = bottom * float(rng.uniform(-0.1, 0.8))
        panel = _mix(wall, _hsv(rng.random(), 0.3, rng.random()), 0.5)
        canvas.box((x, y, x + wide, bottom * float(rng.uniform(0.8, 1.0))), panel, grain=0.05)
    for _ in range(int(rng.integers(0, 14)) if bottom > 8 else 0):
        spot = (float(rng.uniform(0, w)), bottom * float(rng.uniform(0, 0.5)))
        size = max(bottom * float(rng.uniform(0.005, 0.03)), 1)
        canvas.ellipse(spot, (size, size), _rgb(1.2, 1.15, 0.95), relief=0.2)


def _terrace(rng: Generator, scene: _Scene) -> None:
    """A stand: dark rows of seats behind and beneath the people."""
    bottom = _backdrop_bottom(scene)
    canvas, w = scene.canvas, scene.size[1]
    _sky(rng, scene, bottom)
    if bottom <= 4:
        return
    seat = _hsv(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.6))
    roof = float(rng.uniform(0, 0.6)) * bottom
    canvas.box((0, roof, w, bottom), seat, fall=0.4, grain=0.08)
    tier = max(scene.head(scene.far) * 1.5, 2.0)
    for row in np.arange(roof, bottom, tier):
        canvas.box((0, float(row), w, float(row) + tier * 0.4), seat * np.float32(0.55), grain=0.1)
    canvas.box(
        (0, roof - 0.1 * bottom, w, roof),
        _hsv(rng.random(), 0.2, rng.uniform(0.1, 0.8)),
        grain=0.04,
    )
    for post in np.arange(float(rng.uniform(0, 0.2)) * w, w, 0.24 * w):
        canvas.limb(
            (float(post), roof),
            (float(post), bottom),
            (tier * 0.3, tier * 0.3),
            _rgb(0.4, 0.4, 0.42),
        )
    if rng.random() < 0.5:
        _signs(rng, scene, (0, roof, w, bottom))


_BACKDROPS: tuple[Callable[[Generator, _Scene], None], ...] = (_city, _city, _park, _hall, _terrace)


def _ground(rng: Generator, scene: _Scene) -> None:
    """Ground below the backdrop, its texture and its joints in perspective."""
    h, w = scene.size
    top = _backdrop_bottom(scene)
    if top >= h:
        return
    rows, columns = _coordinates((h - top, w))
    depth = np.maximum(rows + top - scene.horizon, 1.0)
    near = depth / max(h - scene.horizon, 1.0)
    unit = max(scene.head(h), 2.0)
    across = (columns - scene.centre) / near / unit
    along = np.float32((h - scene.horizon) / unit) / near + 0 * columns
    base = _ground_colour(rng, scene)
    tile = scene.canvas.grain
    speck = tile[
        (along * 48).astype(np.int64) % GRAIN_SIZE, (across * 48).astype(np.int64) % GRAIN_SIZE
    ]
    stain = tile[
        (along * 9).astype(np.int64) % GRAIN_SIZE, (across * 9).astype(np.int64) % GRAIN_SIZE
    ]
    shade = 1 + 0.07 * np.clip(near * 1.5, 0, 1) * speck + 0.02 * stain
    if rng.random() < 0.65:
        shade = shade * _joints(rng, across, along, near)
    ground = shade[..., None] * base
    fade = (np.float32(scene.haze_strength) * np.clip(1 - near, 0, 1) ** 2)[..., None]
    scene.canvas.pixels[top:] = ground + fade * (scene.haze - ground)


def _ground_colour(rng: Generator, scene: _Scene) -> Colour:
    kind = rng.random()
    if kind < 0.2:
        colour = _hsv(rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.55))
    elif kind < 0.35:
        colour = _hsv(rng.uniform(0.03, 0.1), rng.uniform(0.2, 0.45), rng.uniform(0.35, 0.7))
    else:
        colour = _hsv(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.2, 0.75))
    return _mix(colour, _rgb(0.03, 0.03, 0.05), 0.6 if scene.night else 0.0)


def _joints(rng: Generator, across: Array, along: Array, near: Array) -> Array:
    """Dark lines between paving slabs, and slabs of slightly different tones."""
    side = rng.uniform(1.2, 6)
    line = 0.03 / side + 0.02
    cell_x, part_x = np.divmod(across / side, 1)
    cell_y, part_y = np.divmod(along / side, 1)
    dark = (part_x < line) | (part_y < line)
    tones = rng.normal(1, 0.05, (64, 64)).astype(np.float32)
    slab = tones[cell_y.astype(np.int64) % 64, cell_x.astype(np.int64) % 64]
    clear = np.clip(near * 1.8 - 0.15, 0, 1)
    result: Array = (1 + clear * (slab - 1)) * (1 - np.float32(0.3) * clear * dark)
    return result


# ------------------------------------------------------------------------------------------ objects


def _tree(scene: _Scene, rng: Generator, x: float, row: float, tall: float | None = None) -> None:
    """Stem and crown of the given height in pixels; None takes it from the place."""
    head = scene.head_on_ground(row)
    tall = head * float(rng.uniform(14, 30)) * scene.foreshortening if tall is None else tall
    dim = 0.3 if scene.night else 1.0
    bark = scene.hazed(_hsv(0.07, 0.3, rng.uniform(0.15, 0.35) * dim), head)
    scene.canvas.limb((x, row), (x, row - 0.6 * tall), (tall * 0.03, tall * 0.018), bark, grain=0.2)
    hue, value = rng.uniform(0.2, 0.34), rng.uniform(0.18, 0.45) * dim
    for level in range(int(rng.integers(5, 11))):
        leaf = scene.hazed(
            _hsv(hue + rng.normal(0, 0.01), 0.55, value * (0.6 + 0.08 * level)), head
        )
        place = (x + tall * float(rng.normal(0, 0.13)), row - tall * float(rng.uniform(0.45, 0.9)))
        radius = tall * float(rng.uniform(0.1, 0.2))
        scene.canvas.ellipse(
            place, (radius * 1.2, radius), leaf, grain=0.4, ragged=0.18, relief=1.6
        )


def _pole(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    tall = head * float(rng.uniform(12, 32)) * scene.foreshortening
    metal = scene.hazed(_hsv(0.6, 0.05, rng.uniform(0.1, 0.6)), head)
    scene.canvas.limb((x, row), (x, row - tall), (head * 0.16, head * 0.1), metal)
    if rng.random() < 0.6:
        lamp = scene.hazed(_rgb(1.0, 0.97, 0.85), head)
        scene.canvas.ellipse((x, row - tall), (head * 0.5, head * 0.45), lamp)
    else:
        board = scene.hazed(_hsv(rng.random(), 0.8, 0.7), head)
        edges = (x - head, row - tall, x + head, row - tall + head * 1.6)
        scene.canvas.box(edges, board)


def _bollard(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * float(rng.uniform(2, 3.5)) * scene.foreshortening
    paint = scene.hazed(_hsv(rng.random(), rng.uniform(0, 0.7), rng.uniform(0.1, 0.6)), head)
    scene.canvas.dim((x, row), (head, head * 0.4), 0.4)
    scene.canvas.limb((x, row), (x, top), (head * 0.3, head * 0.28), paint)
    scene.canvas.ellipse((x, top), (head * 0.36, head * 0.36), paint)


def _ball(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    radius = head * float(rng.uniform(0.4, 0.9))
    paint = scene.hazed(_hsv(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.4, 0.95)), head)
    scene.canvas.dim((x, row), (radius * 1.2, radius * 0.5), 0.5)
    scene.canvas.ellipse((x, row - radius), (radius, radius), paint, relief=1.5)


def _bench(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    half, seat = head * float(rng.uniform(3, 5)), row - head * 2 * scene.foreshortening
    wood = scene.hazed(_hsv(0.07, 0.5, rng.uniform(0.25, 0.6)), head)
    scene.canvas.dim((x, row), (half * 1.1, head * 0.8), 0.4)
    for leg in (-0.85, 0.85):
        foot = x + leg * half
        scene.canvas.box((foot - head * 0.1, seat, foot + head * 0.1, row), wood * np.float32(0.5))
    scene.canvas.box((x - half, seat - head * 0.2, x + half, seat + head * 0.3), wood, grain=0.1)
    for rail in (1.0, 1.6):
        scene.canvas.box(
            (x - half, seat - head * rail, x + half, seat - head * (rail - 0.4)), wood, grain=0.1
        )


def _car(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    half, tall = head * float(rng.uniform(6, 9)), head * 5.5 * (0.4 + 0.6 * scene.foreshortening)
    paint = scene.hazed(_hsv(rng.random(), rng.choice([0.03, 0.8]), rng.uniform(0.1, 0.9)), head)
    glass, rubber = (
        scene.hazed(_rgb(0.12, 0.15, 0.2), head),
        scene.hazed(_rgb(0.05, 0.05, 0.05), head),
    )
    scene.canvas.dim((x, row), (half * 1.15, head * 1.2), 0.6)
    cabin = (x, row - tall * 0.68)
    scene.canvas.ellipse(cabin, (half * 0.62, tall * 0.36), paint, power=4)
    scene.canvas.ellipse((x, row - tall * 0.72), (half * 0.54, tall * 0.22), glass, power=4)
    scene.canvas.ellipse((x, row - tall * 0.33), (half, tall * 0.26), paint, power=4)
    for wheel in (-0.6, 0.6):
        hub = (x + wheel * half, row - tall * 0.13)
        scene.canvas.ellipse(hub, (head * 1.1, head * 1.05), rubber)
        scene.canvas.ellipse(
            hub, (head * 0.55, head * 0.5), scene.hazed(_rgb(0.6, 0.6, 0.62), head)
        )


def _umbrella(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * float(rng.uniform(8, 12)) * scene.foreshortening
    radius = head * float(rng.uniform(2.5, 6))
    scene.canvas.limb((x, row), (x, top), (head * 0.08, head * 0.08), _rgb(0.5, 0.5, 0.5))
    scene.canvas.dim((x, row), (radius, radius * 0.3), 0.35)
    paint = scene.hazed(_hsv(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.95)), head)
    cloth = ("stripes", 9.0, _mix(paint, _rgb(0.95, 0.95, 0.95), float(rng.choice([0.1, 0.8]))))
    scene.canvas.ellipse(
        (x, top + radius * 0.4),
        (radius, radius * 0.7),
        paint,
        above=top + radius * 0.45,
        pattern=cloth,
    )


def _bin(scene: _Scene, rng: Generator, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * 3 * scene.foreshortening
    paint = scene.hazed(_hsv(rng.uniform(0.2, 0.65), 0.4, rng.uniform(0.15, 0.5)), head)
    scene.canvas.dim((x, row), (head * 1.4, head * 0.5), 0.4)
    scene.canvas.box((x - head * 0.8, top, x + head * 0.8, row), paint, fall=0.3)
    scene.canvas.ellipse((x, top), (head * 0.85, head * 0.4), paint * np.float32(0.5))


_OBJECTS: dict[str, Callable[[_Scene, Generator, float, float], None]] = {
    "ball": _ball,
    "bench": _bench,
    "bin": _bin,
    "bollard": _bollard,
    "car": _car,
    "pole": _pole,
    "tree": _tree,
    "umbrella": _umbrella,
}


def _place_objects(rng: Generator, scene: _Scene, count: int) -> list[tuple[float, float, str]]:
    """Ground row, column and name of things to draw, some with their foot below the picture."""
    h, w = scene.size
    names = sorted(_OBJECTS)
    favourites = [names[int(k)] for k in rng.integers(len(names), size=3)]
    placed = []
    for _ in range(count):
        name = (
            names[int(rng.integers(len(names)))]
            if rng.random() < 0.4
            else favourites[int(rng.integers(3))]
        )
        row = scene.far + (1.1 * h - scene.far) * float(rng.random()) ** 1.5
        placed.append((row, float(rng.uniform(0, w)), name))
    return placed


# ------------------------------------------------------------------------------------------- people

_SKIN = (
    _rgb(0.96, 0.80, 0.69),
    _rgb(0.91, 0.72, 0.58),
    _rgb(0.83, 0.62, 0.47),
    _rgb(0.70, 0.49, 0.35),
    _rgb(0.52, 0.34, 0.24),
    _rgb(0.34, 0.22, 0.16),
)
_HAIR = (
    _rgb(0.05, 0.045, 0.045),
    _rgb(0.10, 0.07, 0.05),
    _rgb(0.22, 0.14, 0.08),
    _rgb(0.42, 0.28, 0.15),
    _rgb(0.72, 0.57, 0.34),
    _rgb(0.62, 0.61, 0.60),
    _rgb(0.45, 0.18, 0.09),
)
_CLOTH_HUES = (
    0.99,
    0.99,
    0.01,
    0.04,
    0.09,
    0.12,
    0.15,
    0.33,
    0.45,
    0.55,
    0.59,
    0.61,
    0.63,
    0.64,
    0.78,
    0.92,
)
"""Reds, earth colours and blues are worn more often than greens and purples."""
_COVERS = ("none", "none", "none", "none", "none", "cap", "cap", "beanie", "brim", "hood")
_PATTERNS = ("hoops", "stripes", "checks", "print", "print", "front", "front")


@dataclass
class _Person:
    """One person to draw; lengths in pixels, colours already as seen through the haze."""

    x: float
    y: float
    head: float
    facing: float
    """Radians: 0 looks into the camera, pi away from it."""
    build: float
    lean: float
    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    accent: Colour
    cover: str
    pattern: str | None
    long_hair: bool
    bald: bool
    bare_arms: bool
    raised: int
    """Number of raised arms."""
    pack: bool
    sign: bool

    @property
    def body(self) -> float:
        """Column of the body's axis: heads bow to one side of it."""
        return self.x - self.lean * self.head


def _hair_colours(rng: Generator) -> list[Colour]:
    """Mostly dark hair, in a mixture of the scene's own."""
    weights = np.array([5, 4, 3, 2, 1, 1, 0.3]) * rng.uniform(0.1, 1, 7)
    return [_HAIR[int(k)] for k in rng.choice(7, 24, p=weights / weights.sum())]


def _cloth(rng: Generator, scene: _Scene) -> Colour:
    kind = rng.random()
    if scene.theme is not None and kind < 0.5:
        return scene.theme * np.float32(rng.uniform(0.8, 1.15))
    kind = rng.random()
    hue = _CLOTH_HUES[int(rng.integers(len(_CLOTH_HUES)))] + float(rng.normal(0, 0.025))
    if kind < 0.36:
        return _hsv(hue, rng.uniform(0, 0.45), rng.uniform(0.04, 0.25))
    if kind < 0.56:
        return _hsv(rng.random(), rng.uniform(0, 0.07), rng.uniform(0.65, 1))
    if kind < 0.82:
        return _hsv(hue, rng.uniform(0.05, 0.4), rng.uniform(0.25, 0.75))
    return _hsv(hue, rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.85))


def _random_person(rng: Generator, scene: _Scene, x: float, y: float, gaze: float) -> _Person:
    head = scene.head(y) * float(rng.uniform(0.88, 1.12))
    tone = int(np.clip(rng.normal(1.3, 1.2), 0, 4.99))
    chance = rng.random(7)
    turn = rng.normal(0, 0.5) if chance[0] < 0.8 else rng.uniform(-np.pi, np.pi)

    def seen(colour: Colour) -> Colour:
        return scene.hazed(colour, head)

    top = _cloth(rng, scene)
    return _Person(
        x=x,
        y=y,
        head=head,
        facing=float(gaze + turn),
        build=float(rng.uniform(0.82, 1.2)),
        lean=float(rng.normal(0, 0.1)),
        skin=seen(_mix(_SKIN[tone], _SKIN[tone + 1], rng.random())),
        hair=seen(scene.hair_colours[int(rng.integers(24))] * np.float32(rng.uniform(0.8, 1.2))),
        top=seen(top),
        legs=seen(
            _hsv(
                rng.choice([0.6, 0.08, rng.random()]),
                rng.uniform(0.05, 0.5),
                rng.uniform(0.08, 0.55),
            )
        ),
        accent=seen(_cloth(rng, scene)),
        cover=_COVERS[int(rng.integers(len(_COVERS)))] if chance[1] < 0.7 else "none",
        pattern=_PATTERNS[int(rng.integers(len(_PATTERNS)))] if chance[2] < 0.55 else None,
        long_hair=bool(chance[3] < 0.38),
        bald=bool(chance[3] > 0.93),
        bare_arms=bool(chance[4] < 0.5),
        raised=int(chance[5] > 0.94) + int(chance[5] > 0.97),
        pack=bool(chance[6] < 0.15),
        sign=bool(chance[6] > 0.998),
    )


def _draw_person(scene: _Scene, person: _Person, owner: int) -> None:
    """Paint shadow, body and head, back to front; only the head's pixels get the owner."""
    _draw_legs(scene, person)
    _draw_torso(scene, person)
    if person.head >= 7:
        _draw_arms(scene, person)
    _draw_head(scene, person, owner)
    if person.raised:
        _draw_raised_arms(scene, person)
    if person.sign:
        _draw_sign(scene, person)


def _draw_legs(scene: _Scene, person: _Person) -> None:
    head, short = person.head, scene.foreshortening
    hip = person.y + head * (0.6 + 2.5 * short)
    sole = person.y + head * BODY_LENGTH * short
    if hip > scene.size[0]:
        return
    canvas = scene.canvas
    canvas.dim((person.body + canvas.light[0] * head * -4, sole), (head * 2.2, head * 0.7), 0.45)
    stride = head * 0.38 * person.build
    if head < 7:
        canvas.limb(
            (person.body, hip), (person.body, sole), (stride * 1.3, stride * 0.9), person.legs
        )
        return
    for side in (-1.0, 1.0):
        knee = (person.body + side * stride * (1 + person.lean * side), (hip + sole) / 2)
        foot = (person.body + side * stride * (1.1 - 2 * person.lean * side), sole - head * 0.1)
        canvas.limb(
            (person.body + side * stride * 0.9, hip),
            knee,
            (head * 0.46, head * 0.34),
            person.legs,
            grain=0.08,
        )
        canvas.limb(knee, foot, (head * 0.34, head * 0.2), person.legs, grain=0.08)
        canvas.ellipse(foot, (head * 0.34, head * 0.2), person.hair)


def _shoulders(person: _Person) -> float:
    """Half of the width of the shoulders as seen."""
    return person.head * 1.06 * person.build * (0.68 + 0.32 * abs(float(np.cos(person.facing))))


def _draw_torso(scene: _Scene, person: _Person) -> None:
    head, canvas = person.head, scene.canvas
    half, length = _shoulders(person), head * 2.5 * scene.foreshortening
    top = person.y + head * 0.56
    canvas.dim((person.body, top + length * 0.35), (half * 1.75, length * 0.95), 0.42)
    fine, toward = head >= 9, np.cos(person.facing)
    pattern = None
    if person.pattern is not None and fine and (person.pattern != "front" or toward > 0):
        pattern = (person.pattern, 9.0 + 8 * abs(person.lean), person.accent)
    middle = (person.body, top + length * 0.5)
    canvas.ellipse(
        middle,
        (half * 0.82, length * 0.56),
        person.top,
        power=4,
        grain=0.1,
        relief=1.3,
        pattern=pattern,
    )
    yoke = (person.body, top + head * 0.34)
    canvas.ellipse(yoke, (half, head * 0.44), person.top, grain=0.06 * fine, relief=0.9)
    if person.pack and fine and toward < 0:
        canvas.ellipse(
            (person.body, top + length * 0.42),
            (half * 0.62, length * 0.4),
            person.accent,
            power=4,
            grain=0.1,
        )


def _draw_arms(scene: _Scene, person: _Person) -> None:
    head, short = person.head, scene.foreshortening
    half, top = _shoulders(person), person.y + head * 0.9
    lower = person.skin if person.bare_arms else person.top
    for index, side in enumerate((-1.0, 1.0)):
        if index < person.raised:
            continue
        bend = 1.05 + 0.5 * person.lean * side
        shoulder = (person.body + side * half * 0.88, top)
        elbow = (person.body + side * half * bend, top + head * 1.3 * short)
        hand = (
            person.body + side * half * (bend - 0.5 * (person.build - 0.7)),
            top + head * 2.3 * short,
        )
        scene.canvas.limb(elbow, hand, (head * 0.2, head * 0.15), lower * np.float32(0.92))
        scene.canvas.limb(
            shoulder, elbow, (head * 0.29, head * 0.22), person.top * np.float32(0.93), grain=0.08
        )
        scene.canvas.ellipse(hand, (head * 0.19, head * 0.19), person.skin)


def _draw_raised_arms(scene: _Scene, person: _Person) -> None:
    head = person.head
    lower = person.skin if person.bare_arms else person.top
    for side in (-1.0, 1.0)[: person.raised]:
        shoulder = (person.body + side * _shoulders(person) * 0.9, person.y + head * 0.8)
        elbow = (person.body + side * head * (1.25 + person.lean), person.y - head * 0.2)
        hand = (person.body + side * head * (0.95 + 2 * person.lean), person.y - head * 1.35)
        scene.canvas.limb(shoulder, elbow, (head * 0.26, head * 0.22), person.top)
        scene.canvas.limb(elbow, hand, (head * 0.2, head * 0.14), lower)
        scene.canvas.ellipse(hand, (head * 0.19, head * 0.26), person.skin)


def _draw_sign(scene: _Scene, person: _Person) -> None:
    head = person.head
    x, y = person.x + head * 1.2, person.y - head * 3
    scene.canvas.limb((x, person.y + head), (x, y), (head * 0.07, head * 0.07), _rgb(0.5, 0.4, 0.3))
    scene.canvas.box(
        (x - head * 1.3, y - head, x + head * 1.3, y + head * 0.7), person.accent, grain=0.03
    )
    ink = _rgb(0.1, 0.1, 0.1) if person.accent.mean() > 0.4 else _rgb(0.95, 0.95, 0.95)
    for line in (-0.55, 0.05):
        scene.canvas.box((x - head, y + head * line, x + head * 0.9, y + head * (line + 0.3)), ink)


def _draw_head(scene: _Scene, person: _Person, owner: int) -> None:
    head, canvas = person.head, scene.canvas
    x, y = person.x, person.y
    rx, ry = head * 0.4, head * 0.5
    toward = float(np.cos(person.facing))
    hair = person.skin if person.bald else person.hair
    if head >= 5:
        shadow = person.skin * np.float32(0.72)
        canvas.limb((x, y + ry * 0.6), (x, y + ry * 1.35), (rx * 0.52, rx * 0.6), shadow)
    if person.long_hair and not person.bald:
        fall = (x - np.sin(person.facing) * rx * 0.2, y + ry * (0.75 if toward < 0.3 else 0.45))
        canvas.ellipse(
            fall, (rx * 1.12, ry * (0.95 if toward < 0.3 else 0.75)), hair, power=4, grain=0.12
        )
    if person.cover == "hood":
        canvas.ellipse(
            (x, y),
            (rx * 1.15, ry * 1.08),
            person.accent,
            angle=person.lean,
            owner=owner,
            grain=0.05,
        )
    elif head >= 9 and toward > -0.9:
        _draw_ears(canvas, person, owner)
    canvas.ellipse(
        (x, y),
        (rx, ry),
        hair if person.cover != "hood" else person.accent,
        angle=person.lean,
        owner=owner,
        grain=0.12 if head > 8 else 0,
        relief=1.2,
    )
    if toward > -0.45:
        _draw_face(scene, person, owner)
    if person.cover in ("cap", "beanie", "brim"):
        _draw_hat(canvas, person, owner)
    row, column = int(y), int(x)
    canvas.owners[row, column] = owner


def _draw_ears(canvas: _Canvas, person: _Person, owner: int) -> None:
    for side in (-1.0, 1.0):
        ear = (person.x + side * person.head * 0.39, person.y + person.head * 0.06)
        canvas.ellipse(
            ear,
            (person.head * 0.06, person.head * 0.11),
            person.skin * np.float32(0.85),
            owner=owner,
        )


def _draw_face(scene: _Scene, person: _Person, owner: int) -> None:
    head, canvas = person.head, scene.canvas
    turn, toward = float(np.sin(person.facing)), float(np.cos(person.facing))
    down = 0.07 + 0.12 * (1 - scene.foreshortening) / 0.5
    x = person.x + turn * head * 0.17
    y = person.y + head * down
    rx = head * (0.33 - 0.1 * (1 - max(toward, 0)))
    ry = head * (0.40 - 0.08 * down / 0.19)
    canvas.ellipse((x, y), (rx, ry), person.skin, angle=person.lean, owner=owner, relief=1.5)
    if head < 9:
        return
    dark = _mix(person.skin, person.hair, 0.75)
    for side in (-1.0, 1.0):
        eye = (x + turn * head * 0.08 + side * rx * 0.45, y - head * 0.02)
        canvas.ellipse(eye, (head * 0.075, head * 0.04), _mix(dark, person.skin, 0.25), owner=owner)
        if head >= 16:
            brow = (eye[0], eye[1] - head * 0.075)
            canvas.ellipse(brow, (head * 0.09, head * 0.02), dark, owner=owner, relief=0)
    nose = (x + turn * head * 0.12, y + head * 0.09)
    canvas.ellipse(nose, (head * 0.05, head * 0.07), person.skin * np.float32(0.86), owner=owner)
    lips = _mix(person.skin, _rgb(0.6, 0.2, 0.2), 0.45) * np.float32(0.85)
    canvas.ellipse(
        (x + turn * head * 0.07, y + head * 0.21), (head * 0.1, head * 0.03), lips, owner=owner
    )
    if person.build > 1.1 and not person.long_hair:
        beard = _mix(person.skin, person.hair, 0.7)
        canvas.ellipse((x, y + ry * 0.78), (rx * 0.7, ry * 0.26), beard, owner=owner, grain=0.15)


def _draw_hat(canvas: _Canvas, person: _Person, owner: int) -> None:
    head, x, y = person.head, person.x, person.y
    turn, toward = float(np.sin(person.facing)), float(np.cos(person.facing))
    if person.cover == "brim":
        canvas.ellipse((x, y - head * 0.14), (head * 0.75, head * 0.22), person.accent, owner=owner)
    deep = 0.02 if person.cover == "beanie" else 0.1
    crown = (x, y - head * 0.06)
    canvas.ellipse(
        crown,
        (head * 0.43, head * 0.5),
        person.accent,
        owner=owner,
        above=y - head * deep,
        grain=0.06,
    )
    if person.cover == "cap" and toward > -0.2:
        peak = (x + turn * head * 0.4, y - head * 0.1)
        canvas.ellipse(
            peak, (head * 0.36, head * 0.1), person.accent * np.float32(0.7), owner=owner
        )


# ------------------------------------------------------------------------------------------- crowds


@dataclass
class _Drawing:
    """A drawn crowd and what of it can be seen."""

    image: NDArray[np.uint8]
    owners: Array
    """[h, w] int32: index of the person whose head is seen in the pixel, or NOBODY."""
    centres: NDArray[np.float32]
    """[n, 2] head centres (x, y) of everybody drawn."""
    areas: Array
    """[n] pixels of the head inside the picture, hidden or not."""
    visible: Array
    """[n] pixels of the head which are seen."""


def _draw_crowd(seed: int, size: tuple[int, int], heads: int | None) -> _Drawing:
    rng = np.random.default_rng(seed)
    count = _random_count(rng, size) if heads is None else heads
    scene = _draw_place(rng, size, count)
    centres = _place_heads(rng, scene, count)
    gaze = float(rng.choice([0.0, np.pi, rng.uniform(-np.pi, np.pi)]))
    people = [_random_person(rng, scene, float(x), float(y), gaze) for x, y in centres]
    areas = _paint_far_to_near(rng, scene, people)
    owners = scene.canvas.owners
    visible = np.bincount(owners[owners >= 0], minlength=count)
    return _Drawing(_develop(rng, scene), owners, centres, areas, visible)


def _paint_far_to_near(rng: Generator, scene: _Scene, people: list[_Person]) -> Array:
    """Paint people and things by ground row; returns each head's pixels before any was hidden."""
    areas = np.zeros(len(people), np.int64)
    reach = BODY_LENGTH * scene.foreshortening
    order: list[tuple[float, float, str, int]] = [
        (row, x, name, NOBODY)
        for row, x, name in _place_objects(rng, scene, int(rng.integers(0, 5)))
    ]
    for index, person in enumerate(people):
        order.append((person.y + reach * scene.head(person.y), person.x, "", index))
    for row, x, name, index in sorted(order):
        if index == NOBODY:
            _OBJECTS[name](scene, rng, x, row)
            continue
        _draw_person(scene, people[index], index)
        areas[index] = _own_pixels(scene.canvas, people[index], index)
    return areas


def _own_pixels(canvas: _Canvas, person: _Person, owner: int) -> int:
    reach = person.head + 2
    at = canvas.window(person.x - reach, person.y - reach, person.x + reach, person.y + reach)
    return 0 if at is None else int(np.count_nonzero(canvas.owners[at] == owner))


def _random_count(rng: Generator, size: tuple[int, int]) -> int:
    most = float(np.clip(1500 * size[0] * size[1] / REFERENCE_AREA, 1, 5000))
    least = min(5.0, most)
    return round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))


def _place_heads(rng: Generator, scene: _Scene, count: int) -> NDArray[np.float32]:
    """Head centres [count, 2], each the best of a few tries at keeping clear of those before it."""
    tries = int(rng.integers(2, 8))
    candidates = _candidates(rng, scene, count * tries).reshape(count, tries, 2)
    placed = np.zeros((count, 2), np.float32)
    for index in range(count):
        options = candidates[index]
        heads = np.maximum(scene.slope * (options[:, 1] - scene.horizon), 2.0)
        away = (options[:, None] - placed[None, :index]) / (
            heads[:, None, None] * np.array((1.3, 1.0), np.float32)
        )
        clear = np.square(away).sum(2).min(1, initial=np.inf)
        placed[index] = options[int(clear.argmax())]
    return placed


def _candidates(rng: Generator, scene: _Scene, count: int) -> NDArray[np.float32]:
    """Places [count, 2] of heads, fewer towards the camera, spread by the scene's layout."""
    h, w = scene.size
    rows = np.linspace(scene.far, h, 257)
    heads = np.maximum(scene.slope * (rows - scene.horizon), 2.0)
    share = heads ** -rng.uniform(0.6, 2.2)
    cumulative = np.concatenate([[0.0], np.cumsum((share[1:] + share[:-1]) / 2)])
    y = np.interp(rng.random(count) * cumulative[-1], cumulative, rows)
    x = rng.random(count) * w
    if scene.layout == "street":
        near = (y - scene.horizon) / (h - scene.horizon)
        across = 2 * x / w - 1 + rng.normal(0, 0.12, count)
        x = scene.centre + across * w * scene.spread * (0.15 + 0.85 * near)
        x = np.where((x < 0) | (x > w), rng.random(count) * w, x)
    elif scene.layout == "rows":
        y = _snapped(rng, scene, y)
    elif scene.layout == "groups":
        x, y = _grouped(rng, scene, x, y)
    # Below the border in float32 too: a point must lie in the picture, and in a pixel.
    x = np.clip(x, 0, np.nextafter(np.float32(w), np.float32(0)))
    y = np.clip(y, 0, np.nextafter(np.float32(h), np.float32(0)))
    return np.stack([x, y], 1).astype(np.float32)


def _snapped(rng: Generator, scene: _Scene, y: Array) -> Array:
    """Rows of a stand: one every 1.7 heads, with some jitter."""
    base = scene.horizon
    step = np.log1p(1.7 * scene.slope)
    depth = np.maximum(y - base, 1.0)
    level = np.round(np.log(depth) / step)
    result: Array = base + np.exp(level * step + rng.normal(0, 0.12, y.shape) * step)
    return result


def _grouped(rng: Generator, scene: _Scene, x: Array, y: Array) -> tuple[Array, Array]:
    """Keep what falls on the dense parts of a noise field; the others go beside one which does."""
    h, w = scene.size
    field_size = (32, 32)
    dense = _noise(rng, field_size, 12, 2) > rng.uniform(-0.6, 0.6)
    inside = dense[
        np.clip(y / h * 32, 0, 31).astype(np.int64), np.clip(x / w * 32, 0, 31).astype(np.int64)
    ]
    if not inside.any():
        return x, y
    lost = np.flatnonzero(~inside & (rng.random(x.shape) < 0.9))
    hosts = rng.choice(np.flatnonzero(inside), lost.size)
    reach = np.maximum(scene.slope * (y[hosts] - scene.horizon), 2.0) * 1.5
    x, y = x.copy(), y.copy()
    x[lost] = x[hosts] + rng.normal(0, 1, lost.size) * reach
    y[lost] = y[hosts] + rng.normal(0, 0.6, lost.size) * reach
    return x, y


def _visible_points(drawing: _Drawing) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points [n, 2] of everybody, and which of them are seen well enough to be points."""
    points = drawing.centres.copy()
    shown = drawing.visible >= np.maximum(MIN_VISIBLE * drawing.areas, 1)
    columns, rows = points.astype(np.int64).T
    covered = drawing.owners[rows, columns] != np.arange(len(points))
    moved = shown & covered
    points[moved] = _seen_centres(drawing.owners, len(points))[moved]
    return points, shown


def _seen_centres(owners: Array, count: int) -> NDArray[np.float32]:
    """Per owner [count, 2], the pixel centre nearest to its pixels' mean; NaN without any."""
    rows, columns = np.nonzero(owners != NOBODY)
    who = owners[rows, columns]
    number = np.maximum(np.bincount(who, minlength=count), 1)
    mean_row = np.bincount(who, rows, count) / number
    mean_column = np.bincount(who, columns, count) / number
    away = (rows - mean_row[who]) ** 2 + (columns - mean_column[who]) ** 2
    order = np.lexsort((away, who))
    seen, first = np.unique(who[order], return_index=True)
    best = order[first]
    centres = np.full((count, 2), np.nan, np.float32)
    centres[seen] = np.stack([columns[best] + 0.5, rows[best] + 0.5], 1)
    return centres


# -------------------------------------------------------------------------------------- development


def _develop(rng: Generator, scene: _Scene) -> NDArray[np.uint8]:
    """Light, lens, sensor and file of a camera: from the canvas to bytes. Nothing moves."""
    pixels = _light_up(rng, scene, scene.canvas.pixels)
    pixels = _grade(rng, pixels)
    if scene.night:
        pixels = _darken(rng, pixels)
    image = Image.fromarray(_to_bytes(pixels))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9))))
    image = _expose(rng, image, 0.04 if scene.night else 0.02)
    return _save_as_jpeg(rng, image) if rng.random() < 0.6 else np.asarray(image).copy()


def _light_up(rng: Generator, scene: _Scene, pixels: Array) -> Array:
    """Large shadows, spots of coloured light at night, and the lens's darker corners."""
    h, w = scene.size
    rows, columns = _coordinates(scene.size)
    light = np.ones((h, w), np.float32)
    if rng.random() < 0.35:
        edge = _noise(rng, (h, w), max(h, w) / 2, 2) + rng.uniform(-1, 1)
        light *= 1 - np.float32(rng.uniform(0.15, 0.5)) * np.clip(
            edge * rng.uniform(0.5, 2) + 0.5, 0, 1
        )
    reach = ((rows / h - 0.5) ** 2 + (columns / w - 0.5) ** 2) * 2
    light *= 1 - np.float32(rng.uniform(0, 0.3)) * reach
    pixels = pixels * light[..., None]
    for _ in range(int(rng.integers(1, 5)) if scene.night else 0):
        away = ((columns / w - rng.random()) ** 2 + (rows / h - rng.uniform(0, 0.7)) ** 2) * 12
        glow = np.exp(-away).astype(np.float32)[..., None]
        tint = _hsv(rng.random(), rng.uniform(0.1, 0.8), 1.0)
        pixels = pixels * (1 + 0.8 * glow * tint) + 0.08 * glow * tint
    return pixels


def _grade(rng: Generator, pixels: Array) -> Array:
    """Colour temperature, saturation, contrast and tone curve."""
    warmth = float(rng.normal(0, 0.06))
    pixels = pixels * _rgb(1 + warmth, 1, 1 - warmth)
    grey = pixels.mean(2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.06 else float(rng.uniform(0.6, 1.15))
    pixels = grey + saturation * (pixels - grey)
    contrast, lift = float(rng.uniform(0.75, 1.25)), float(rng.normal(0, 0.04))
    pixels = np.clip((pixels - 0.45) * contrast + 0.45 + lift, 0, 1)
    result: Array = pixels ** np.float32(rng.uniform(0.8, 1.3))
    return result


def _darken(rng: Generator, pixels: Array) -> Array:
    tint = _mix(_rgb(0.8, 0.9, 1.1), _rgb(1.1, 0.9, 0.65), rng.random())
    result: Array = pixels * tint * np.float32(rng.uniform(0.4, 0.75))
    return result


def _expose(rng: Generator, image: Image.Image, most: float) -> Image.Image:
    """Sensor noise, partly the same in the three channels."""
    values = np.asarray(image).astype(np.float32) / 255
    strength = np.float32(rng.uniform(0, most))
    shared = rng.standard_normal((*values.shape[:2], 1), np.float32)
    own = rng.standard_normal(values.shape, np.float32) * np.float32(0.5)
    return Image.fromarray(_to_bytes(values + strength * (shared + own)))


def _save_as_jpeg(rng: Generator, image: Image.Image) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(40, 96)))
    return np.asarray(Image.open(stream).convert("RGB")).copy()


# ----------------------------------------------------------------------------------------- textures


def _two_colours(rng: Generator) -> tuple[Colour, Colour]:
    return _hsv(rng.random(), rng.uniform(0, 0.7), rng.uniform(0, 0.4)), _hsv(
        rng.random(), rng.uniform(0, 0.5), rng.uniform(0.5, 1)
    )


def _black(rng: Generator, size: tuple[int, int]) -> Array:
    return np.zeros((*size, 3), np.float32)


def _white(rng: Generator, size: tuple[int, int]) -> Array:
    return np.ones((*size, 3), np.float32)


def _plain(rng: Generator, size: tuple[int, int]) -> Array:
    return np.broadcast_to(_rgb(*rng.random(3)), (*size, 3))


def _gradient(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = _coordinates(size)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (columns / size[1] - 0.5) + np.sin(angle) * (rows / size[0] - 0.5)
    return _coloured(np.clip(along + 0.5, 0, 1), *_two_colours(rng))


def _white_noise(rng: Generator, size: tuple[int, int]) -> Array:
    level, strength = rng.uniform(0.2, 0.8), np.float32(rng.uniform(0.05, 0.5))
    channels = 3 if rng.random() < 0.6 else 1
    values = level + strength * rng.standard_normal((*size, channels), np.float32)
    return np.broadcast_to(values, (*size, 3)).astype(np.float32)


def _clouds(rng: Generator, size: tuple[int, int]) -> Array:
    values = _noise(rng, size, float(rng.uniform(16, 200)), 6)
    return _coloured(np.clip(0.5 + 0.3 * values, 0, 1), *_two_colours(rng))


def _cells(rng: Generator, size: tuple[int, int], cell: float) -> tuple[Array, Array, Array]:
    """Distances to the nearest seed and the second, in cells, and the tone of the nearest."""
    rows, columns = _coordinates(size)
    grid = (int(size[0] / cell) + 3, int(size[1] / cell) + 3)
    seeds = rng.random((2, *grid), np.float32)
    tones = rng.random(grid, np.float32)
    cell_y, cell_x = (rows / cell).astype(np.int64), (columns / cell).astype(np.int64)
    part_y, part_x = rows / cell - cell_y, columns / cell - cell_x
    first = np.full(size, np.inf, np.float32)
    second, tone = first.copy(), np.zeros(size, np.float32)
    for dy in range(3):
        for dx in range(3):
            at = (cell_y + dy, cell_x + dx)
            away = (seeds[0][at] + (dy - 1) - part_y) ** 2 + (seeds[1][at] + (dx - 1) - part_x) ** 2
            nearer = away < first
            second = np.where(nearer, first, np.minimum(second, away))
            first = np.where(nearer, away, first)
            tone = np.where(nearer, tones[at], tone)
    return np.sqrt(first), np.sqrt(second), tone


def _foliage(rng: Generator, size: tuple[int, int]) -> Array:
    first, second, tone = _cells(rng, size, float(rng.uniform(5, 22)))
    depth = _noise(rng, size, 60, 4)
    light = np.clip(0.35 + 0.3 * tone - 0.25 * first + 0.2 * depth + 0.1 * (second - first), 0, 1)
    hue = rng.uniform(0.17, 0.35)
    return _coloured(light, _hsv(hue + 0.05, 0.6, 0.04), _hsv(hue, 0.55, rng.uniform(0.6, 0.95)))


def _cobble(rng: Generator, size: tuple[int, int]) -> Array:
    first, second, tone = _cells(rng, size, float(rng.uniform(9, 45)))
    edge = np.clip((second - first) * 4, 0, 1)
    light = edge * (0.45 + 0.3 * tone - 0.25 * first) + 0.05 * _noise(rng, size, 6, 3)
    return _coloured(
        np.clip(light + 0.1, 0, 1), _rgb(0.08, 0.08, 0.07), _hsv(rng.random(), 0.12, 0.95)
    )


def _brick(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = _coordinates(size)
    tall = float(rng.uniform(6, 30))
    wide = tall * float(rng.uniform(2, 3.2))
    course, part_y = np.divmod(rows / tall, 1)
    number, part_x = np.divmod(columns / wide + 0.5 * (course % 2), 1)
    mortar = (part_y < 0.1) | (part_x < 0.1 * tall / wide)
    tones = rng.uniform(0.6, 1, (97, 89)).astype(np.float32)
    tone = tones[course.astype(np.int64) % 97, number.astype(np.int64) % 89]
    value = tone + 0.08 * _noise(rng, size, 8, 3)
    clay = value[..., None] * _hsv(
        rng.uniform(0, 0.09), rng.uniform(0.2, 0.65), rng.uniform(0.4, 0.85)
    )
    return np.where(mortar[..., None], _hsv(0.1, 0.06, rng.uniform(0.3, 0.85)), clay)


def _checker(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = _coordinates(size)
    side = float(rng.uniform(2, 80))
    odd = ((rows // side + columns // side) % 2).astype(np.float32)
    return _coloured(odd, *_two_colours(rng))


def _stripes(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = _coordinates(size)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(3, 60)
    phase = (columns * np.cos(angle) + rows * np.sin(angle)) * (2 * np.pi / pitch)
    return _coloured((0.5 + 0.5 * np.sin(phase)).astype(np.float32), *_two_colours(rng))


def _water(rng: Generator, size: tuple[int, int]) -> Array:
    waves = _noise(rng, size, float(rng.uniform(8, 40)), 5, stretch=float(rng.uniform(2, 5)))
    light = np.clip(0.35 + 0.18 * waves + 0.5 * np.clip(waves - 1.3, 0, 1), 0, 1)
    hue = rng.uniform(0.45, 0.62)
    return _coloured(light, _hsv(hue, 0.7, 0.12), _hsv(hue, 0.12, 1.0))


def _document(rng: Generator, size: tuple[int, int]) -> Array:
    """Lines of print on paper."""
    h, w = size
    page = np.ones(size, np.float32)
    line = float(rng.uniform(6, 26))
    margin = 0.08 * min(h, w)
    y = margin
    while y + line < h - margin:
        end = margin + (w - 2 * margin) * (rng.uniform(0.2, 0.9) if rng.random() < 0.15 else 1)
        _print_line(rng, page, y, line, margin, end)
        y += line * (2.6 if rng.random() < 0.1 else 1.6)
    paper = _hsv(0.12, rng.uniform(0, 0.12), rng.uniform(0.85, 1))
    grain = 1 + 0.02 * _noise(rng, size, 40, 3)
    return _coloured(page * grain, _rgb(0.1, 0.1, 0.13), paper)


def _print_line(
    rng: Generator, page: Array, y: float, line: float, start: float, end: float
) -> None:
    x = start
    while x < end:
        wide = line * float(rng.uniform(0.25, 0.6))
        top = y + (0 if rng.random() < 0.3 else 0.25 * line)
        if rng.random() < 0.84:
            letter = page[int(top) : int(y + 0.8 * line), int(x) : int(min(x + wide, end))]
            letter[...] = 0.1
            inner = max(int(line * 0.14), 1)
            if rng.random() < 0.8:
                letter[inner : -inner if rng.random() < 0.5 else None, inner:-inner] = 1
        x += wide + line * 0.12


def _pebbles(rng: Generator, size: tuple[int, int]) -> Array:
    """Round shaded stones or fruit in heaps: they look more like heads than all the others."""
    canvas = _Canvas(rng, size)
    dark, light = _two_colours(rng)
    canvas.pixels[...] = dark * np.float32(0.4)
    radius = float(rng.uniform(0.008, 0.05)) * max(size) + 1
    count = int(min(1.2 * size[0] * size[1] / (3 * radius * radius) + 1, 1500))
    for y in np.sort(rng.uniform(0, size[0], count)):
        own = radius * float(rng.uniform(0.6, 1.3))
        colour = _mix(dark, light, float(rng.uniform(0.3, 1.1)))
        place = (float(rng.uniform(0, size[1])), float(y))
        canvas.dim(place, (own * 1.5, own * 1.3), 0.5)
        radii = (own, own * float(rng.uniform(0.7, 1)))
        canvas.ellipse(
            place, radii, colour, angle=float(rng.uniform(-0.6, 0.6)), grain=0.08, relief=2
        )
    return canvas.pixels


def _bokeh(rng: Generator, size: tuple[int, int]) -> Array:
    """Discs of light out of focus."""
    canvas = _Canvas(rng, size)
    canvas.pixels[...] = _hsv(rng.random(), 0.4, rng.uniform(0.02, 0.2))
    hue = rng.random()
    for _ in range(int(rng.integers(20, 250))):
        place = (float(rng.uniform(0, size[1])), float(rng.uniform(0, size[0])))
        radius = float(rng.uniform(0.003, 0.035)) * max(size)
        glow = _hsv(hue + rng.normal(0, 0.08), rng.uniform(0.2, 0.8), rng.uniform(0.3, 1))
        canvas.ellipse(place, (radius, radius), glow, relief=-0.5)
    return canvas.pixels


_PAINTERS: dict[str, Callable[[Generator, tuple[int, int]], Array]] = {
    "black": _black,
    "bokeh": _bokeh,
    "brick": _brick,
    "checker": _checker,
    "clouds": _clouds,
    "cobble": _cobble,
    "document": _document,
    "foliage": _foliage,
    "gradient": _gradient,
    "noise": _white_noise,
    "pebbles": _pebbles,
    "plain": _plain,
    "stripes": _stripes,
    "water": _water,
    "white": _white,
}

TEXTURES: tuple[str, ...] = tuple(_PAINTERS)
"""Kinds of texture, in alphabetical order."""
