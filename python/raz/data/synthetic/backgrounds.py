"""What lies behind a place: sky, buildings, trees, halls and stands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import Generator
from .canvas import Surface, Window
from .colours import coloured, hsv, mix, rgb
from .ground import draw_ground
from .noise import noise
from .objects import tree
from .scene import Scene, random_scene


def draw_place(rng: Generator, size: tuple[int, int]) -> Scene:
    """Draw a place under a random camera: its backdrop and its ground."""
    scene = random_scene(rng, size)
    _BACKDROPS[int(rng.integers(len(_BACKDROPS)))](rng, scene)
    draw_ground(rng, scene)
    return scene


def _sky(rng: Generator, scene: Scene) -> None:
    bottom, w = scene.ground_top, scene.size[1]
    if bottom == 0:
        return
    rows = np.linspace(0, 1, bottom, dtype=np.float32)[:, None]
    if scene.night:
        top, low = rgb(0.02, 0.03, 0.07), rgb(0.12, 0.1, 0.12)
    elif rng.random() < 0.5:
        top, low = hsv(rng.uniform(0.55, 0.6), 0.55, 0.85), rgb(0.8, 0.88, 0.95)
    else:
        top, low = rgb(0.72, 0.75, 0.78), rgb(0.9, 0.91, 0.92)
    sky = coloured(np.repeat(rows, w, 1), top, low)
    clouds = noise(rng, (bottom, w), max(w / 4, 4), 5, stretch=2)
    cover = np.clip(clouds * 0.5 + rng.uniform(-0.4, 0.4), 0, 1)[..., None]
    white = np.float32(0.12 if scene.night else 0.95)
    scene.canvas.pixels[:bottom] = sky + cover * 0.8 * (white - sky)


def _city(rng: Generator, scene: Scene) -> None:
    bottom = scene.ground_top
    _sky(rng, scene)
    width = scene.size[1]
    x = -float(rng.uniform(0, 0.1)) * width
    while bottom > 4 and x < width:
        wide = float(rng.uniform(0.08, 0.35)) * width + 2
        top = bottom * float(rng.uniform(-0.5, 0.75))
        _building(rng, scene, (x, top, x + wide, bottom))
        x += wide
    _tree_line(rng, scene, bottom, int(rng.integers(0, 6)), 0.5)


def _building(rng: Generator, scene: Scene, edges: tuple[float, float, float, float]) -> None:
    tone = float(rng.uniform(0.05, 0.2) if scene.night else rng.uniform(0.35, 0.85))
    wall = mix(hsv(rng.uniform(0.02, 0.14), rng.uniform(0.02, 0.4), tone), scene.haze, 0.15)
    scene.canvas.box(edges, wall, grain=0.05, fall=float(rng.uniform(-0.1, 0.25)))
    at = scene.canvas.window(*edges)
    if at is None:
        return
    _windows(rng, scene, edges, at)
    if rng.random() < 0.6:
        _signs(rng, scene, edges)


def _windows(
    rng: Generator, scene: Scene, edges: tuple[float, float, float, float], at: Window
) -> None:
    """Panes of glass over the wall of a building, some of them lit at night."""
    rows, columns = (np.arange(s.start, s.stop, dtype=np.float32) for s in at)
    pitch = max(scene.head(scene.far) * rng.uniform(2.5, 6), 4.0)
    tall = pitch * rng.uniform(1, 1.6)
    # The first pixel may begin before the building's edge.
    cell_x, part_x = np.divmod(np.maximum(columns - edges[0], 0) / pitch, 1)
    cell_y, part_y = np.divmod(np.maximum(rows - edges[1], 0) / tall, 1)
    inset = rng.uniform(0.12, 0.3)
    across, along = (part_x > inset) & (part_x < 1 - inset), (part_y > inset) & (part_y < 1 - inset)
    glass = along[:, None] & across
    grid = (int(cell_y.max()) + 1, int(cell_x.max()) + 1)
    tones = rng.uniform(0.15, 0.75, grid).astype(np.float32)
    tone_at = tones[cell_y.astype(np.int64)[:, None], cell_x.astype(np.int64)]
    tint = rgb(1.1, 0.9, 0.55) if scene.night else rgb(0.6, 0.7, 0.8)
    lit = tone_at > 0.55 if scene.night else tone_at > 0
    pane = (tone_at * np.where(lit, 1.0, 0.15))[..., None] * tint
    scene.canvas.blend(at, glass * np.float32(0.85), pane.astype(np.float32))


def _signs(rng: Generator, scene: Scene, edges: tuple[float, float, float, float]) -> None:
    """Shop signs and posters near the foot of a building."""
    x1, top, x2, bottom = edges
    unit = max(scene.head(scene.far), 3.0)
    for _ in range(int(rng.integers(1, 5))):
        x = float(rng.uniform(x1, x2))
        y = bottom - unit * float(rng.uniform(4, 14))
        wide, tall = unit * float(rng.uniform(3, 14)), unit * float(rng.uniform(1.5, 4))
        if y < top:
            continue
        board = hsv(rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.95))
        ink = rgb(0.95, 0.95, 0.9) if board.mean() < 0.5 else rgb(0.1, 0.1, 0.15)
        scene.canvas.box((x, y, x + wide, y + tall), board, fall=0.1)
        for step in np.arange(0.1, 0.85, 0.9 * tall / wide):
            left = x + wide * float(step)
            if rng.random() < 0.85:
                letter = (left, y + tall * 0.25, left + tall * 0.4, y + tall * 0.75)
                scene.canvas.box(letter, ink)


def _park(rng: Generator, scene: Scene) -> None:
    bottom = scene.ground_top
    _sky(rng, scene)
    if bottom > 2:
        _tree_line(rng, scene, bottom, int(rng.integers(10, 28)), float(rng.uniform(0.4, 1.2)))


def _tree_line(rng: Generator, scene: Scene, bottom: int, count: int, reach: float) -> None:
    for _ in range(count if bottom > 2 else 0):
        tall = bottom * reach * float(rng.uniform(0.5, 1))
        x = float(rng.uniform(0, scene.size[1]))
        tree(rng, scene, x, bottom + float(rng.uniform(-1, 1)), tall)


def _hall(rng: Generator, scene: Scene) -> None:
    """Walls, beams and lamps of an indoor place, or a stage."""
    bottom = scene.ground_top
    canvas, w = scene.canvas, scene.size[1]
    tone = float(rng.uniform(0.08, 0.6))
    wall = hsv(rng.uniform(0, 0.16), rng.uniform(0.05, 0.45), tone)
    canvas.box((0, 0, w, bottom), wall, grain=0.06, fall=0.2)
    for _ in range(int(rng.integers(3, 12)) if bottom > 4 else 0):
        x, wide = float(rng.uniform(0, w)), w * float(rng.uniform(0.01, 0.15))
        y = bottom * float(rng.uniform(-0.1, 0.8))
        panel = mix(wall, hsv(rng.random(), 0.3, rng.random()), 0.5)
        canvas.box((x, y, x + wide, bottom * float(rng.uniform(0.8, 1.0))), panel, grain=0.05)
    for _ in range(int(rng.integers(0, 14)) if bottom > 8 else 0):
        spot = (float(rng.uniform(0, w)), bottom * float(rng.uniform(0, 0.5)))
        size = max(bottom * float(rng.uniform(0.005, 0.03)), 1)
        canvas.ellipse(spot, (size, size), rgb(1.2, 1.15, 0.95), surface=Surface(relief=0.2))


def _terrace(rng: Generator, scene: Scene) -> None:
    """A stand: dark rows of seats under a roof."""
    bottom = scene.ground_top
    canvas, w = scene.canvas, scene.size[1]
    _sky(rng, scene)
    if bottom <= 4:
        return
    seat = hsv(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.6))
    roof = float(rng.uniform(0, 0.6)) * bottom
    canvas.box((0, roof, w, bottom), seat, fall=0.4, grain=0.08)
    tier = max(scene.head(scene.far) * 1.5, 2.0)
    for row in np.arange(roof, bottom, tier):
        canvas.box((0, float(row), w, float(row) + tier * 0.4), seat * np.float32(0.55), grain=0.1)
    beam = hsv(rng.random(), 0.2, rng.uniform(0.1, 0.8))
    canvas.box((0, roof - 0.1 * bottom, w, roof), beam, grain=0.04)
    for post in np.arange(float(rng.uniform(0, 0.2)) * w, w, 0.24 * w).tolist():
        canvas.limb((post, roof), (post, bottom), (tier * 0.3, tier * 0.3), rgb(0.4, 0.4, 0.42))
    if rng.random() < 0.5:
        _signs(rng, scene, (0, roof, w, bottom))


_BACKDROPS: tuple[Callable[[Generator, Scene], None], ...] = (_city, _city, _park, _hall, _terrace)
