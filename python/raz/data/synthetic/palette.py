"""Colours which people have and wear."""

from __future__ import annotations

import numpy as np

from .arrays import Generator
from .colours import Colour, hsv, mix, rgb

_SKIN = (
    (0.96, 0.80, 0.69),
    (0.91, 0.72, 0.58),
    (0.83, 0.62, 0.47),
    (0.70, 0.49, 0.35),
    (0.52, 0.34, 0.24),
    (0.34, 0.22, 0.16),
)
_HAIR = (
    (0.05, 0.045, 0.045),
    (0.10, 0.07, 0.05),
    (0.22, 0.14, 0.08),
    (0.42, 0.28, 0.15),
    (0.72, 0.57, 0.34),
    (0.62, 0.61, 0.60),
    (0.45, 0.18, 0.09),
)
_HAIR_WEIGHTS = (5, 4, 3, 2, 1, 1, 0.3)

# Reds, earth colours and blues are worn more often than greens and purples.
_REDS = (0.99, 0.99, 0.01)
_EARTH = (0.04, 0.09, 0.12, 0.15)
_GREENS = (0.33, 0.45)
_BLUES = (0.55, 0.59, 0.61, 0.63, 0.64)
_PURPLES = (0.78, 0.92)
_CLOTH_HUES = _REDS + _EARTH + _GREENS + _BLUES + _PURPLES


def skin(tone: int, share: float) -> Colour:
    """Colour between a tone, 0 (light) to 4, and the next darker one."""
    return mix(rgb(*_SKIN[tone]), rgb(*_SKIN[tone + 1]), share)


def hair_colours(rng: Generator) -> list[Colour]:
    """24 colours of mostly dark hair, in a mixture of the scene's own."""
    weights = np.array(_HAIR_WEIGHTS) * rng.uniform(0.1, 1, len(_HAIR))
    chosen = rng.choice(len(_HAIR), 24, p=weights / weights.sum())
    return [rgb(*_HAIR[int(k)]) for k in chosen]


def cloth(rng: Generator, theme: Colour | None) -> Colour:
    """Colour of a garment; where there is a theme, about half of them have it."""
    # The number is drawn with or without a theme, so that everything after it stays the same.
    in_theme = rng.random() < 0.5
    if theme is not None and in_theme:
        return theme * np.float32(rng.uniform(0.8, 1.15))
    kind = rng.random()
    hue = _CLOTH_HUES[int(rng.integers(len(_CLOTH_HUES)))] + float(rng.normal(0, 0.025))
    if kind < 0.36:  # dark
        return hsv(hue, rng.uniform(0, 0.45), rng.uniform(0.04, 0.25))
    if kind < 0.56:  # white and grey
        return hsv(rng.random(), rng.uniform(0, 0.07), rng.uniform(0.65, 1))
    if kind < 0.82:  # muted
        return hsv(hue, rng.uniform(0.05, 0.4), rng.uniform(0.25, 0.75))
    return hsv(hue, rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.85))
