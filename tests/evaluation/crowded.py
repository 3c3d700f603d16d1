"""Traces of made-up crowds, to depth 2, as a net might have seen them."""

from __future__ import annotations

import numpy as np
import torch

from raz.evaluation import TracedImage
from raz.zoom import Pass, Trace
from raz.zoom.coordinates import CropGeometry

SIZE = (192, 160)
BOXES = ((20.0, 30.0, 100.0, 130.0), (70.0, 10.0, 180.0, 90.0))
"""Two regions that overlap; the first has the higher score."""


def crowd(seed: int, heads: int = 40, *, twice: bool = False) -> TracedImage:
    """Heads, of which each pass finds most, and as many points as again are wrong.

    Args:
        seed: of all that is random.
        heads: number of them.
        twice: each pass puts a second point of a lower score 3 pixels beside each.
    """
    rng = np.random.default_rng(seed)
    points = rng.uniform((0, 0), SIZE, (heads, 2)).astype(np.float32)
    whole = CropGeometry(0, 0, *SIZE)
    root = one_pass(rng, points, whole, whole.box, twice=twice)
    for box in BOXES:
        x1, y1 = (int(max(0, side - 16)) for side in box[:2])
        x2, y2 = (int(min(most, side + 16)) for side, most in zip(box[2:], SIZE, strict=True))
        crop = CropGeometry(x1, y1, x2 - x1, y2 - y1, 2)
        root.children.append(one_pass(rng, points, crop, box, twice=twice))
    trace = Trace(root, SIZE, 8, 2, 0.1, 0.01, "crowd", None, {})
    return TracedImage(points, trace)


def one_pass(
    rng: np.random.Generator,
    heads: np.ndarray,
    crop: CropGeometry,
    box: tuple[float, float, float, float],
    *,
    twice: bool,
) -> Pass:
    """A pass that finds nine heads of ten and some points without a head."""
    x1, y1, x2, y2 = crop.box
    inside = (heads >= (x1, y1)).all(1) & (heads < (x2, y2)).all(1) & (rng.random(len(heads)) < 0.9)
    found = heads[inside] + rng.normal(0, 1, (inside.sum(), 2))
    wrong = rng.uniform((x1, y1), (x2, y2), (len(found), 2))
    points = np.concatenate([found, wrong, found + np.array([0, 3])] if twice else [found, wrong])
    scores = np.concatenate([rng.uniform(0.3, 0.9, len(found)), rng.uniform(0.1, 0.6, len(wrong))])
    if twice:
        scores = np.concatenate([scores, scores[: len(found)] - 0.05])
    points = points.clip((x1, y1), (x2 - 1, y2 - 1))
    cells = (-(-int((y2 - y1) * crop.scale) // 8), -(-int((x2 - x1) * crop.scale) // 8))
    density = rng.exponential(inside.sum() / (cells[0] * cells[1]), cells)
    return Pass(
        crop,
        box,
        float(rng.uniform(0.2, 0.9)) if crop.scale > 1 else 1.0,
        2 if crop.scale > 1 else 1,
        torch.from_numpy(points),
        torch.from_numpy(scores).float(),
        torch.from_numpy(density).float(),
        torch.zeros(cells),
    )
