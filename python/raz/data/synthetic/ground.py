"""The ground people stand on."""

from __future__ import annotations

import numpy as np

from .arrays import Array, Generator, coordinates
from .colours import Colour, hsv, mix, rgb
from .scene import Scene


def draw_ground(rng: Generator, scene: Scene) -> None:
    """Ground below the backdrop, its texture and its joints in perspective."""
    h, w = scene.size
    top = scene.ground_top
    if top >= h:
        return
    rows, columns = coordinates((h - top, w))
    depth = np.maximum(rows + top - scene.horizon, 1.0)
    near = depth / max(h - scene.horizon, 1.0)
    unit = max(scene.head(h), 2.0)
    across = (columns - scene.centre) / near / unit
    along = np.float32((h - scene.horizon) / unit) / near
    base = _ground_colour(rng, scene)
    speck = _tiled(scene.canvas.grain, along * 48, across * 48)
    stain = _tiled(scene.canvas.grain, along * 9, across * 9)
    shade = 1 + 0.07 * np.clip(near * 1.5, 0, 1) * speck + 0.02 * stain
    if rng.random() < 0.65:
        shade = shade * _joints(rng, across, along, near)
    ground = shade[..., None] * base
    fade = (np.float32(scene.haze_strength) * np.clip(1 - near, 0, 1) ** 2)[..., None]
    scene.canvas.pixels[top:] = ground + fade * (scene.haze - ground)


def _tiled(tile: Array, rows: Array, columns: Array) -> Array:
    """Values of a square tile, repeated without end, at rows and columns."""
    side = len(tile)
    result: Array = tile[rows.astype(np.int64) % side, columns.astype(np.int64) % side]
    return result


def _ground_colour(rng: Generator, scene: Scene) -> Colour:
    kind = rng.random()
    if kind < 0.2:
        colour = hsv(rng.uniform(0.2, 0.3), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.55))
    elif kind < 0.35:
        colour = hsv(rng.uniform(0.03, 0.1), rng.uniform(0.2, 0.45), rng.uniform(0.35, 0.7))
    else:
        colour = hsv(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.2, 0.75))
    return mix(colour, rgb(0.03, 0.03, 0.05), 0.6 if scene.night else 0.0)


def _joints(rng: Generator, across: Array, along: Array, near: Array) -> Array:
    """Dark lines between paving slabs, and slabs of slightly different tones."""
    side = rng.uniform(1.2, 6)
    line = 0.03 / side + 0.02
    cell_x, part_x = np.divmod(across / side, 1)
    cell_y, part_y = np.divmod(along / side, 1)
    dark = (part_x < line) | (part_y < line)
    tones = rng.normal(1, 0.05, (64, 64)).astype(np.float32)
    slab = _tiled(tones, cell_y, cell_x)
    clear = np.clip(near * 1.8 - 0.15, 0, 1)
    result: Array = (1 + clear * (slab - 1)) * (1 - np.float32(0.3) * clear * dark)
    return result
