"""A place as a camera sees it: horizon, sizes, light and haze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Generator
from .canvas import Canvas
from .colours import Colour, mix, rgb

BODY_LENGTH = 6.6
"""From head centre to sole, in head heights, seen level."""

REFERENCE_HEIGHT = 768
"""Height of an image, in pixels, for which head sizes are given."""


@dataclass
class Scene:
    """A place to draw into: the canvas, the camera and the light."""

    canvas: Canvas
    horizon: float
    """Row of the horizon; it may lie above the image."""
    slope: float
    """Height of a head, in pixels, per row below the horizon: the measure of all sizes."""
    far: float
    """First row of the ground on which things stand."""
    foreshortening: float
    """Length of an upright body as seen, over its length seen level."""
    haze: Colour
    haze_strength: float
    night: bool
    centre: float
    """Column of the vanishing point."""

    @property
    def size(self) -> tuple[int, int]:
        return self.canvas.size

    @property
    def ground_top(self) -> int:
        """Row at which the ground begins."""
        return int(np.clip(self.far, 0, self.size[0]))

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
        """A colour as seen through the air, where heads have the given height."""
        return mix(colour, self.haze, self.haze_strength * self.distance(head) ** 2)


def random_scene(rng: Generator, size: tuple[int, int]) -> Scene:
    """Set a random camera and light over a black canvas."""
    h, w = size
    scale = float(np.clip(min(h, w) / REFERENCE_HEIGHT, 0.2, 3.0))
    horizon = float(
        rng.choice([rng.uniform(0.1, 0.42), rng.uniform(-0.5, 0.1), rng.uniform(-2, -0.5)])
    )
    near = float(np.exp(rng.uniform(np.log(20), np.log(52)))) * scale
    least = float(rng.uniform(3, 6))
    near = max(near, least)
    slope = near / (h * (1 - horizon))
    far = max(0.0, horizon * h + least / slope) + float(rng.uniform(0, 0.06)) * h
    steepness = float(np.clip((0.4 - horizon) / 1.6, 0, 1))
    night = bool(rng.random() < 0.14)
    grey = float(rng.uniform(0.55, 0.9))
    scene = Scene(
        canvas=Canvas(rng, size),
        horizon=horizon * h,
        slope=slope,
        far=min(far, 0.8 * h),
        foreshortening=1 - 0.5 * steepness,
        haze=rgb(grey * 0.96, grey, grey * float(rng.uniform(0.98, 1.08))),
        haze_strength=0.1 if night else float(rng.uniform(0, 0.65)),
        night=night,
        centre=w * float(rng.uniform(0.3, 0.7)),
    )
    _skip_crowd(rng)
    return scene


def _skip_crowd(rng: Generator) -> None:
    """Take from the stream what the looks of a crowd once took.

    So a seed still gives the place on which the thresholds of the shipped weights were chosen, and
    which the model card counts.
    """
    rng.random()
    rng.choice(6)
    if rng.random() < 0.2:
        rng.random()
    rng.random(7 + 24)
