"""Things which stand in a place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import Array, Generator
from .canvas import Surface
from .colours import hsv, mix, rgb
from .scene import Scene


def tree(rng: Generator, scene: Scene, x: float, row: float, tall: float | None = None) -> None:
    """Stem and crown of the given height in pixels; None takes it from the place."""
    head = scene.head_on_ground(row)
    tall = head * float(rng.uniform(14, 30)) * scene.foreshortening if tall is None else tall
    dim = 0.3 if scene.night else 1.0
    bark = scene.hazed(hsv(0.07, 0.3, rng.uniform(0.15, 0.35) * dim), head)
    scene.canvas.limb((x, row), (x, row - 0.6 * tall), (tall * 0.03, tall * 0.018), bark, grain=0.2)
    hue, value = rng.uniform(0.2, 0.34), rng.uniform(0.18, 0.45) * dim
    for level in range(int(rng.integers(5, 11))):
        leaf = scene.hazed(hsv(hue + rng.normal(0, 0.01), 0.55, value * (0.6 + 0.08 * level)), head)
        place = (x + tall * float(rng.normal(0, 0.13)), row - tall * float(rng.uniform(0.45, 0.9)))
        radius = tall * float(rng.uniform(0.1, 0.2))
        scene.canvas.ellipse(
            place, (radius * 1.2, radius), leaf, surface=Surface(0.4, ragged=0.18, relief=1.6)
        )


def _pole(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    tall = head * float(rng.uniform(12, 32)) * scene.foreshortening
    metal = scene.hazed(hsv(0.6, 0.05, rng.uniform(0.1, 0.6)), head)
    scene.canvas.limb((x, row), (x, row - tall), (head * 0.16, head * 0.1), metal)
    if rng.random() < 0.6:
        lamp = scene.hazed(rgb(1.0, 0.97, 0.85), head)
        scene.canvas.ellipse((x, row - tall), (head * 0.5, head * 0.45), lamp)
    else:
        board = scene.hazed(hsv(rng.random(), 0.8, 0.7), head)
        edges = (x - head, row - tall, x + head, row - tall + head * 1.6)
        scene.canvas.box(edges, board)


def _bollard(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * float(rng.uniform(2, 3.5)) * scene.foreshortening
    paint = scene.hazed(hsv(rng.random(), rng.uniform(0, 0.7), rng.uniform(0.1, 0.6)), head)
    scene.canvas.dim((x, row), (head, head * 0.4), 0.4)
    scene.canvas.limb((x, row), (x, top), (head * 0.3, head * 0.28), paint)
    scene.canvas.ellipse((x, top), (head * 0.36, head * 0.36), paint)


def _ball(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    radius = head * float(rng.uniform(0.4, 0.9))
    paint = scene.hazed(hsv(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.4, 0.95)), head)
    scene.canvas.dim((x, row), (radius * 1.2, radius * 0.5), 0.5)
    scene.canvas.ellipse((x, row - radius), (radius, radius), paint, surface=Surface(relief=1.5))


def _bench(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    half, seat = head * float(rng.uniform(3, 5)), row - head * 2 * scene.foreshortening
    wood = scene.hazed(hsv(0.07, 0.5, rng.uniform(0.25, 0.6)), head)
    scene.canvas.dim((x, row), (half * 1.1, head * 0.8), 0.4)
    for leg in (-0.85, 0.85):
        foot = x + leg * half
        scene.canvas.box((foot - head * 0.1, seat, foot + head * 0.1, row), wood * np.float32(0.5))
    scene.canvas.box((x - half, seat - head * 0.2, x + half, seat + head * 0.3), wood, grain=0.1)
    for rail in (1.0, 1.6):
        scene.canvas.box(
            (x - half, seat - head * rail, x + half, seat - head * (rail - 0.4)), wood, grain=0.1
        )


def _car(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    half, tall = head * float(rng.uniform(6, 9)), head * 5.5 * (0.4 + 0.6 * scene.foreshortening)
    paint = scene.hazed(hsv(rng.random(), rng.choice([0.03, 0.8]), rng.uniform(0.1, 0.9)), head)
    glass, rubber = (
        scene.hazed(rgb(0.12, 0.15, 0.2), head),
        scene.hazed(rgb(0.05, 0.05, 0.05), head),
    )
    scene.canvas.dim((x, row), (half * 1.15, head * 1.2), 0.6)
    cabin = (x, row - tall * 0.68)
    scene.canvas.ellipse(cabin, (half * 0.62, tall * 0.36), paint, power=4)
    scene.canvas.ellipse((x, row - tall * 0.72), (half * 0.54, tall * 0.22), glass, power=4)
    scene.canvas.ellipse((x, row - tall * 0.33), (half, tall * 0.26), paint, power=4)
    for wheel in (-0.6, 0.6):
        hub = (x + wheel * half, row - tall * 0.13)
        scene.canvas.ellipse(hub, (head * 1.1, head * 1.05), rubber)
        scene.canvas.ellipse(hub, (head * 0.55, head * 0.5), scene.hazed(rgb(0.6, 0.6, 0.62), head))


def _umbrella(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * float(rng.uniform(8, 12)) * scene.foreshortening
    radius = head * float(rng.uniform(2.5, 6))
    scene.canvas.limb((x, row), (x, top), (head * 0.08, head * 0.08), rgb(0.5, 0.5, 0.5))
    scene.canvas.dim((x, row), (radius, radius * 0.3), 0.35)
    paint = scene.hazed(hsv(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.95)), head)
    second = mix(paint, rgb(0.95, 0.95, 0.95), float(rng.choice([0.1, 0.8])))

    def striped(u: Array, v: Array) -> Array:
        stripes = (np.sin(u * 9.0) > 0.4).astype(np.float32)
        cloth: Array = paint + stripes[..., None] * (second - paint)
        return cloth

    scene.canvas.ellipse(
        (x, top + radius * 0.4), (radius, radius * 0.7), striped, above=top + radius * 0.45
    )


def _bin(rng: Generator, scene: Scene, x: float, row: float) -> None:
    head = scene.head_on_ground(row)
    top = row - head * 3 * scene.foreshortening
    paint = scene.hazed(hsv(rng.uniform(0.2, 0.65), 0.4, rng.uniform(0.15, 0.5)), head)
    scene.canvas.dim((x, row), (head * 1.4, head * 0.5), 0.4)
    scene.canvas.box((x - head * 0.8, top, x + head * 0.8, row), paint, fall=0.3)
    scene.canvas.ellipse((x, top), (head * 0.85, head * 0.4), paint * np.float32(0.5))


_OBJECTS: dict[str, Callable[[Generator, Scene, float, float], None]] = {
    "ball": _ball,
    "bench": _bench,
    "bin": _bin,
    "bollard": _bollard,
    "car": _car,
    "pole": _pole,
    "tree": tree,
    "umbrella": _umbrella,
}


def draw_object(rng: Generator, scene: Scene, name: str, x: float, row: float) -> None:
    """Draw the thing of a name which stands on a ground row at column x."""
    _OBJECTS[name](rng, scene, x, row)


def place_objects(rng: Generator, scene: Scene, count: int) -> list[tuple[float, float, str]]:
    """Ground row, column and name of things to draw, some with their foot below the image."""
    h, w = scene.size
    names = tuple(_OBJECTS)
    favourites = tuple(names[int(k)] for k in rng.integers(len(names), size=3))
    placed = []
    for _ in range(count):
        choice = names if rng.random() < 0.4 else favourites
        name = choice[int(rng.integers(len(choice)))]
        row = scene.far + (1.1 * h - scene.far) * float(rng.random()) ** 1.5
        placed.append((row, float(rng.uniform(0, w)), name))
    return placed
