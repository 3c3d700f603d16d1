"""What the drills of load share: small images of every size and kind, and whether results agree."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from raz.result import Result

SUFFIXES = ("png", "jpg", "webp", "bmp", "gif", "tif", "ppm")
LEAST, MOST = 24, 160
"""Sides of the images, in pixels."""


def pixels(numbers: random.Random, least: int = LEAST, most: int = MOST) -> np.ndarray:
    """An image [H, W, 3] of a size of its own: blobs of heads' size on noise."""
    height, width = numbers.randint(least, most), numbers.randint(least, most)
    drawn = np.random.default_rng(numbers.getrandbits(32))
    image = drawn.integers(60, 200, (height, width, 3)).astype(np.uint8)
    for x, y in drawn.integers(0, (width, height), (numbers.randint(0, 40), 2)):
        image[max(0, y - 3) : y + 3, max(0, x - 3) : x + 3] = drawn.integers(0, 256, 3)
    return image


def files(numbers: random.Random, folder: Path, number: int) -> list[Path]:
    """Write as many images, of the formats in turn."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{index}.{SUFFIXES[index % len(SUFFIXES)]}" for index in range(number)]
    for path in paths:
        Image.fromarray(pixels(numbers)).save(path)
    return paths


def _array(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


WAYS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "bytes": Path.read_bytes,
    "file": lambda path: io.BytesIO(path.read_bytes()),
    "array": _array,
    "PIL": lambda path: Image.fromarray(_array(path)),
    "tensor": lambda path: torch.from_numpy(_array(path).copy()).permute(2, 0, 1),
}
"""Kinds of sources of one image."""


def differences(found: Result, expected: Result) -> list[str]:
    """What differs between two results of one image: nothing may, to the last bit."""
    numbers = [name for name in ("count", "count_points", "count_density", "image_size")
               if getattr(found, name) != getattr(expected, name)]  # fmt: skip
    return numbers + [
        name
        for name in ("points", "scores", "density")
        if not torch.equal(getattr(found, name), getattr(expected, name))
    ]
