"""Measure false counts where nobody is: `python bench/empty_scenes.py [--data DIR]`.

The images are drawn textures and places, of seeds that a training could draw only by chance. With
--data (ShanghaiTech, parts A and B) there are also windows of the held-out photographs in which
nobody is marked. Prints one line per kind: the number of images, the mean and the greatest fused
count, the most points, and how many images count above 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import raz
from raz.data import ShanghaiTech, holdout
from raz.data.synthetic import TEXTURES, empty_scene, texture

FIRST_SEED = 1_000_000
WINDOW = 256
"""Side of a window of a photograph in pixels."""
MARGIN = 32
"""Distance in pixels from a window to the nearest marked head."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with part_A and part_B")
    parser.add_argument("--weights", default="DEFAULT", help="of raznet_lite: a name or a file")
    parser.add_argument("--limit", type=int, default=5, help="of each drawn kind")
    parser.add_argument("--depth", type=int, default=2)
    arguments = parser.parse_args()
    model = raz.get_model("raznet_lite", weights=arguments.weights)
    print(f"{'kind':28}{'images':>9}{'mean':>8}{'most':>8}{'points':>8}{'above 1':>9}")
    for kind, images in kinds(arguments.limit, arguments.data):
        found = [model.predict(image, depth=arguments.depth) for image in images]
        counts = np.array([result.count for result in found])
        points = max((result.count_points for result in found), default=0)
        above = int((counts > 1).sum())
        mean, most = (counts.mean(), counts.max()) if len(counts) else (np.nan, np.nan)
        print(f"{kind:28}{len(counts):9}{mean:8.2f}{most:8.2f}{points:8}{above:9}", flush=True)


def kinds(images: int, data: Path | None) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    seeds = range(FIRST_SEED, FIRST_SEED + images)
    yield "place without people", (empty_scene(seed).image for seed in seeds)
    for kind in TEXTURES:
        yield kind, (texture(seed, kind=kind).image for seed in seeds)
    if data is not None:
        for part in "AB":
            yield f"photographs, part {part}", photograph_windows(data, part)


def photograph_windows(data: Path, part: str) -> Iterator[np.ndarray]:
    """Yield the window farthest from all heads of every held-out photograph that has one."""
    photographs = ShanghaiTech(data, part)
    for index in holdout(photographs.names).validation:
        sample = photographs[index]
        window = empty_window(sample.image.shape[:2], sample.points)
        if window is not None:
            y, x = window
            yield np.ascontiguousarray(sample.image[y : y + WINDOW, x : x + WINDOW])


def empty_window(size: tuple[int, int], points: np.ndarray) -> tuple[int, int] | None:
    """Return the upper left corner (y, x) of the window whose nearest head is farthest away."""
    best, place = float(MARGIN), None
    for y in range(0, size[0] - WINDOW + 1, MARGIN):
        for x in range(0, size[1] - WINDOW + 1, MARGIN):
            centre = np.array([x, y]) + WINDOW / 2
            beyond = np.abs(points - centre) - WINDOW / 2  # how far outside, along each axis
            nearest = float(beyond.max(1).min()) if len(points) else np.inf
            if nearest >= best:
                best, place = nearest, (y, x)
    return place


if __name__ == "__main__":
    main()
