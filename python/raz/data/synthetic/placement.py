"""How many people come, and where their heads are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Generator
from .noise import noise
from .scene import Scene

REFERENCE_AREA = 768 * 1024
"""Area of an image, in pixels, in which at most 1500 people come."""


def random_count(rng: Generator, size: tuple[int, int]) -> int:
    """How many people come: log-uniform, from 5 where there is room."""
    most = float(np.clip(1500 * size[0] * size[1] / REFERENCE_AREA, 1, 5000))
    least = min(5.0, most)
    return round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))


def place_heads(rng: Generator, scene: Scene, count: int) -> NDArray[np.float32]:
    """Head centres [count, 2], each the best of a few tries at keeping clear of those before it."""
    tries = int(rng.integers(2, 8))
    candidates = _candidates(rng, scene, count * tries).reshape(count, tries, 2)
    placed = np.zeros((count, 2), np.float32)
    for index in range(count):
        options = candidates[index]
        room = scene.heads(options[:, 1])[:, None, None] * np.array((1.3, 1.0), np.float32)
        away = (options[:, None] - placed[None, :index]) / room
        clear = np.square(away).sum(2).min(1, initial=np.inf)
        placed[index] = options[int(clear.argmax())]
    return placed


def _candidates(rng: Generator, scene: Scene, count: int) -> NDArray[np.float32]:
    """Places [count, 2] of heads, fewer towards the camera, spread by the scene's layout."""
    h, w = scene.size
    rows = np.linspace(scene.far, h, 257)
    share = scene.heads(rows) ** -rng.uniform(0.6, 2.2)
    cumulative = np.concatenate([[0.0], np.cumsum((share[1:] + share[:-1]) / 2)])
    y = np.interp(rng.random(count) * cumulative[-1], cumulative, rows)
    x = rng.random(count) * w
    if scene.layout == "street":
        near = (y - scene.horizon) / (h - scene.horizon)
        across = 2 * x / w - 1 + rng.normal(0, 0.12, count)
        x = scene.centre + across * w * scene.spread * (0.15 + 0.85 * near)
        x = np.where((x < 0) | (x > w), rng.random(count) * w, x)
    elif scene.layout == "rows":
        y = _in_rows(rng, scene, y)
    elif scene.layout == "groups":
        x, y = _grouped(rng, scene, x, y)
    # Below the border in float32 too: a point must lie in the image, and in a pixel.
    x = np.clip(x, 0, np.nextafter(np.float32(w), np.float32(0)))
    y = np.clip(y, 0, np.nextafter(np.float32(h), np.float32(0)))
    return np.stack([x, y], 1).astype(np.float32)


def _in_rows(rng: Generator, scene: Scene, y: Array) -> Array:
    """Rows of a stand: one every 1.7 heads, with some jitter."""
    base = scene.horizon
    step = np.log1p(1.7 * scene.slope)
    depth = np.maximum(y - base, 1.0)
    level = np.round(np.log(depth) / step)
    result: Array = base + np.exp(level * step + rng.normal(0, 0.12, y.shape) * step)
    return result


def _grouped(rng: Generator, scene: Scene, x: Array, y: Array) -> tuple[Array, Array]:
    """Keep what falls on the dense parts of a noise field; the others go beside one which does."""
    h, w = scene.size
    dense = noise(rng, (32, 32), 12, 2) > rng.uniform(-0.6, 0.6)
    rows = np.clip(y / h * 32, 0, 31).astype(np.int64)
    columns = np.clip(x / w * 32, 0, 31).astype(np.int64)
    inside = dense[rows, columns]
    if not inside.any():
        return x, y
    lost = np.flatnonzero(~inside & (rng.random(x.shape) < 0.9))
    hosts = rng.choice(np.flatnonzero(inside), lost.size)
    reach = scene.heads(y[hosts]) * 1.5
    x, y = x.copy(), y.copy()
    x[lost] = x[hosts] + rng.normal(0, 1, lost.size) * reach
    y[lost] = y[hosts] + rng.normal(0, 0.6, lost.size) * reach
    return x, y
