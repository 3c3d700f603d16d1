"""Small images of people, cut from the example scene, with their heads."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from raz.data import Sample
from raz.data.transforms import crop_window

EXAMPLES = Path(__file__).parent.parent / "examples"


@cache
def example() -> Sample:
    """The example scene and its heads."""
    points = json.loads((EXAMPLES / "scene.json").read_text())["points"]
    with Image.open(EXAMPLES / "scene.jpg") as image:
        return Sample(np.asarray(image), np.array(points, dtype=np.float32), "scene")


def crowd(seed: int, size: tuple[int, int], least: int = 3) -> Sample:
    """A random window (h, w) of the example scene that shows at least so many heads."""
    rng = np.random.default_rng(seed)
    while True:
        x, y = (int(rng.integers(n - m)) for n, m in zip((1024, 768), size[::-1], strict=True))
        part = crop_window(example(), (x, y, x + size[1], y + size[0]), size)
        if len(part.points) >= least:
            return part
