"""Images of nothing but texture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..sample import Sample
from .arguments import check_seed, check_size
from .arrays import Array, Generator, coordinates
from .canvas import Canvas, Surface
from .colours import Colour, coloured, hsv, mix, rgb, to_bytes
from .noise import noise


def texture(seed: int, size: tuple[int, int] = (768, 1024), kind: str | None = None) -> Sample:
    """Draw an image of nothing but texture, for training against false alarms.

    Args:
        seed: not negative.
        size: (h, w) in pixels, each at least 1.
        kind: one of ``TEXTURES``; None draws one.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [0, 2].

    Raises:
        TypeError: seed or size are not integers.
        ValueError: one of them is out of range, or kind is not one of ``TEXTURES``.

    Example:
        >>> from raz.data.synthetic import texture
        >>> texture(0, (2, 3), kind="white").image[0, 0].tolist()
        [255, 255, 255]
    """
    seed, size = check_seed(seed), check_size(size)
    if kind is not None and kind not in _PAINTERS:
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(TEXTURES)}")
    rng = np.random.default_rng(seed)
    if kind is None:
        kind = TEXTURES[int(rng.integers(len(TEXTURES)))]
    pixels = _PAINTERS[kind](rng, size)
    return Sample(to_bytes(pixels), np.zeros((0, 2), np.float32), f"texture-{kind}-{seed}")


def _two_colours(rng: Generator) -> tuple[Colour, Colour]:
    """A dark colour and a light one."""
    dark = hsv(rng.random(), rng.uniform(0, 0.7), rng.uniform(0, 0.4))
    light = hsv(rng.random(), rng.uniform(0, 0.5), rng.uniform(0.5, 1))
    return dark, light


def _black(rng: Generator, size: tuple[int, int]) -> Array:
    return np.zeros((*size, 3), np.float32)


def _white(rng: Generator, size: tuple[int, int]) -> Array:
    return np.ones((*size, 3), np.float32)


def _plain(rng: Generator, size: tuple[int, int]) -> Array:
    return np.broadcast_to(rgb(*rng.random(3)), (*size, 3))


def _gradient(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = coordinates(size)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (columns / size[1] - 0.5) + np.sin(angle) * (rows / size[0] - 0.5)
    return coloured(np.clip(along + 0.5, 0, 1), *_two_colours(rng))


def _white_noise(rng: Generator, size: tuple[int, int]) -> Array:
    level, strength = rng.uniform(0.2, 0.8), np.float32(rng.uniform(0.05, 0.5))
    channels = 3 if rng.random() < 0.6 else 1
    values = level + strength * rng.standard_normal((*size, channels), np.float32)
    return np.broadcast_to(values, (*size, 3)).astype(np.float32)


def _clouds(rng: Generator, size: tuple[int, int]) -> Array:
    values = noise(rng, size, float(rng.uniform(16, 200)), 6)
    return coloured(np.clip(0.5 + 0.3 * values, 0, 1), *_two_colours(rng))


def _cells(rng: Generator, size: tuple[int, int], cell: float) -> tuple[Array, Array, Array]:
    """Distances to the nearest seed and the second, in cells, and the tone of the nearest."""
    rows, columns = coordinates(size)
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
    depth = noise(rng, size, 60, 4)
    light = np.clip(0.35 + 0.3 * tone - 0.25 * first + 0.2 * depth + 0.1 * (second - first), 0, 1)
    hue = rng.uniform(0.17, 0.35)
    return coloured(light, hsv(hue + 0.05, 0.6, 0.04), hsv(hue, 0.55, rng.uniform(0.6, 0.95)))


def _cobble(rng: Generator, size: tuple[int, int]) -> Array:
    first, second, tone = _cells(rng, size, float(rng.uniform(9, 45)))
    edge = np.clip((second - first) * 4, 0, 1)
    light = edge * (0.45 + 0.3 * tone - 0.25 * first) + 0.05 * noise(rng, size, 6, 3)
    return coloured(
        np.clip(light + 0.1, 0, 1), rgb(0.08, 0.08, 0.07), hsv(rng.random(), 0.12, 0.95)
    )


def _brick(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = coordinates(size)
    tall = float(rng.uniform(6, 30))
    wide = tall * float(rng.uniform(2, 3.2))
    course, part_y = np.divmod(rows / tall, 1)
    number, part_x = np.divmod(columns / wide + 0.5 * (course % 2), 1)
    mortar = (part_y < 0.1) | (part_x < 0.1 * tall / wide)
    tones = rng.uniform(0.6, 1, (97, 89)).astype(np.float32)
    tone = tones[course.astype(np.int64) % 97, number.astype(np.int64) % 89]
    value = tone + 0.08 * noise(rng, size, 8, 3)
    clay = value[..., None] * hsv(
        rng.uniform(0, 0.09), rng.uniform(0.2, 0.65), rng.uniform(0.4, 0.85)
    )
    return np.where(mortar[..., None], hsv(0.1, 0.06, rng.uniform(0.3, 0.85)), clay)


def _checker(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = coordinates(size)
    side = float(rng.uniform(2, 80))
    odd = ((rows // side + columns // side) % 2).astype(np.float32)
    return coloured(odd, *_two_colours(rng))


def _stripes(rng: Generator, size: tuple[int, int]) -> Array:
    rows, columns = coordinates(size)
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(3, 60)
    phase = (columns * np.cos(angle) + rows * np.sin(angle)) * (2 * np.pi / pitch)
    return coloured((0.5 + 0.5 * np.sin(phase)).astype(np.float32), *_two_colours(rng))


def _water(rng: Generator, size: tuple[int, int]) -> Array:
    waves = noise(rng, size, float(rng.uniform(8, 40)), 5, stretch=float(rng.uniform(2, 5)))
    light = np.clip(0.35 + 0.18 * waves + 0.5 * np.clip(waves - 1.3, 0, 1), 0, 1)
    hue = rng.uniform(0.45, 0.62)
    return coloured(light, hsv(hue, 0.7, 0.12), hsv(hue, 0.12, 1.0))


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
    paper = hsv(0.12, rng.uniform(0, 0.12), rng.uniform(0.85, 1))
    grain = 1 + 0.02 * noise(rng, size, 40, 3)
    return coloured(page * grain, rgb(0.1, 0.1, 0.13), paper)


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
    canvas = Canvas(rng, size)
    dark, light = _two_colours(rng)
    canvas.pixels[...] = dark * np.float32(0.4)
    radius = float(rng.uniform(0.008, 0.05)) * max(size) + 1
    count = int(min(1.2 * size[0] * size[1] / (3 * radius * radius) + 1, 1500))
    for y in np.sort(rng.uniform(0, size[0], count)):
        own = radius * float(rng.uniform(0.6, 1.3))
        colour = mix(dark, light, float(rng.uniform(0.3, 1.1)))
        place = (float(rng.uniform(0, size[1])), float(y))
        canvas.dim(place, (own * 1.5, own * 1.3), 0.5)
        radii = (own, own * float(rng.uniform(0.7, 1)))
        angle = float(rng.uniform(-0.6, 0.6))
        canvas.ellipse(place, radii, colour, angle=angle, surface=Surface(grain=0.08, relief=2))
    return canvas.pixels


def _bokeh(rng: Generator, size: tuple[int, int]) -> Array:
    """Discs of light out of focus."""
    canvas = Canvas(rng, size)
    canvas.pixels[...] = hsv(rng.random(), 0.4, rng.uniform(0.02, 0.2))
    hue = rng.random()
    for _ in range(int(rng.integers(20, 250))):
        place = (float(rng.uniform(0, size[1])), float(rng.uniform(0, size[0])))
        radius = float(rng.uniform(0.003, 0.035)) * max(size)
        glow = hsv(hue + rng.normal(0, 0.08), rng.uniform(0.2, 0.8), rng.uniform(0.3, 1))
        canvas.ellipse(place, (radius, radius), glow, surface=Surface(relief=-0.5))
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
