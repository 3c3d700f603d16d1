"""Smooth random noise: grids of normal numbers, enlarged and summed over octaves."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .arrays import Array, Generator

GRAIN_SIZE = 512
"""Side of the tile of noise which gives surfaces their grain, in pixels."""


def noise(
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
        grid = rng.standard_normal(
            (int(size[0] / step) + 2, int(size[1] / (step * stretch)) + 2), np.float32
        )
        amplitude = 0.6**octave
        total += amplitude * _enlarged(grid, size)
        power += amplitude**2
    return _normalized(total, power)


def grain_tile(rng: Generator) -> Array:
    """Noise of about unit deviation, [GRAIN_SIZE, GRAIN_SIZE], repeatable without a seam."""
    size = (GRAIN_SIZE, GRAIN_SIZE)
    total = np.zeros(size, np.float32)
    power = 0.0
    for octave, cell in enumerate((32, 16, 8, 4, 2)):
        cells = GRAIN_SIZE // cell
        grid = np.pad(rng.standard_normal((cells, cells), np.float32), 4, mode="wrap")
        amplitude = 0.7**octave
        total += amplitude * _enlarged(grid, size, (4, 4, cells + 4, cells + 4))
        power += amplitude**2
    return _normalized(total, power)


def _enlarged(
    grid: Array, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Array:
    """The part of the grid inside a box of edges, or all of it, at a size (h, w)."""
    h, w = size
    return np.asarray(Image.fromarray(grid).resize((w, h), Image.Resampling.BICUBIC, box))


def _normalized(total: Array, power: float) -> Array:
    """Unit deviation for a sum of octaves; 0.75 is about what enlarging leaves of theirs."""
    result: Array = total / np.float32(0.75 * np.sqrt(power))
    return result
