"""Results to report: crowds with heads, density, regions, and a spread."""

from __future__ import annotations

import numpy as np
import torch

from raz.intervals import Spread
from raz.result import Region, Result, SkippedRegion

HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!--<script> &amp;'\".jpg"
"""A file name that would run, if it were written as it is."""

SPREAD = Spread(
    tuple(np.linspace(0, 0.4, 20).tolist()), tuple(np.linspace(0, 0.9, 20).tolist()), 0.3
)


def region(depth: int = 2, children: tuple[Region, ...] = ()) -> Region:
    return Region(
        box=(16.0, 8.0, 80.0, 56.0),
        score=0.5,
        depth=depth,
        scale=2.0 ** (depth - 1),
        points_before=3,
        points_after=5,
        count_before=3.5,
        count_after=5.25,
        children=children,
    )


SKIPPED = SkippedRegion(box=(80.0, 8.0, 120.0, 40.0), score=0.2, depth=2, reason="max_zoom_pixels")


def crowd(heads: int = 300, size: tuple[int, int] = (203, 149), seed: int = 0, **changes) -> Result:
    """Heads and density at random, and an image of noise; no side is whole cells long."""
    random = np.random.default_rng(seed)
    width, height = size
    points = random.uniform(0, 1, (heads, 2)) * size
    points[::3] = np.minimum(np.rint(points[::3] / 8) * 8, size)  # some on edges of cells
    points[1:2] = size  # and one in the last corner
    density = random.exponential(0.3, (-(-height // 8), -(-width // 8))) - 0.02
    pixels = random.integers(0, 256, (3, height, width), dtype=np.uint8)
    values = {
        "points": torch.tensor(points, dtype=torch.float32),
        "scores": torch.tensor(random.uniform(0.2, 1, heads), dtype=torch.float32),
        "density": torch.tensor(density, dtype=torch.float32),
        "count": float(density.sum()) + 1,
        "count_density": float(density.sum()),
        "count_points": heads,
        "image_size": size,
        "regions": (region(children=(region(3),)),),
        "skipped": (SKIPPED,),
        "model": "fake",
        "path": f"folder/crowd-{seed}.jpg",
        "image": torch.from_numpy(pixels),
        "spread": SPREAD,
    }
    return Result(**{**values, **changes})
