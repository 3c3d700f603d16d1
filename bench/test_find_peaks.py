"""Speed of finding peaks, against OpenCV and torch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from raz import ops

SIZES = {"640x480": (480, 640), "1920x1080": (1080, 1920), "3840x2160": (2160, 3840)}
THRESHOLD = 0.5
HEADS = 400


def heads(height, width, seed=0):
    """Return a map of heads, Gaussian bumps (sigma 1.5 px) or crosses: float32 [height, width].

    It is the sigmoid of logits. Their background is noise around -6.
    """
    generator = np.random.default_rng(seed)
    logits = generator.normal(-6, 0.5, (height, width)).astype(np.float32)
    y, x = np.mgrid[-4:5, -4:5]
    bump = 9 * np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    cross = 10.0 * ((abs(x) + abs(y)) <= 1)
    rows = generator.integers(5, height - 5, HEADS)
    columns = generator.integers(5, width - 5, HEADS)
    for index, (row, column) in enumerate(zip(rows, columns, strict=True)):
        logits[row - 4 : row + 5, column - 4 : column + 5] += cross if index % 2 else bump
    return 1 / (1 + np.exp(-logits))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width), dtype=np.float32)


def by_raz(maps):
    return ops.find_peaks(maps, threshold=THRESHOLD)


def by_opencv(maps):
    """Find peaks; means at the border count mirrored pixels, plateaus give a point per pixel."""
    window = np.ones((3, 3), dtype=np.uint8)
    found = []
    for image in maps.numpy():
        mean = cv2.blur(image, (3, 3))
        found.append(np.argwhere((mean == cv2.dilate(mean, window)) & (mean >= THRESHOLD)))
    return found


def by_opencv_alone(maps):
    """Find peaks with the comparisons in OpenCV too, and findNonZero: its fastest way."""
    window = np.ones((3, 3), dtype=np.uint8)
    found = []
    for image in maps.numpy():
        mean = cv2.blur(image, (3, 3))
        highest = cv2.compare(mean, cv2.dilate(mean, window), cv2.CMP_EQ)
        high = cv2.compare(mean, THRESHOLD, cv2.CMP_GE)
        found.append(cv2.findNonZero(cv2.bitwise_and(highest, high)))
    return found


def by_torch(maps):
    mean = avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
    return ((mean == max_pool2d(mean, 3, 1, 1)) & (mean >= THRESHOLD)).nonzero()


CONTENDERS = {
    "raz": (by_raz, None),
    "opencv and argwhere": (by_opencv, 5),
    "opencv alone": (by_opencv_alone, None),
    "torch": (by_torch, 40),
}


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("make", [heads, noise])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [1, 8])
def test_find_peaks(compare, contender, make, size, batch):
    call, target = CONTENDERS[contender]
    image = torch.from_numpy(np.ascontiguousarray(make(*SIZES[size]), dtype=np.float32))
    maps = image.expand(batch, -1, -1).contiguous()
    with torch.inference_mode():
        found = compare(
            call,
            maps,
            op="find_peaks",
            size=f"{batch}x{size}",
            bytes=maps.nbytes,
            target=target if make is heads else None,
            note="sparse heads" if make is heads else "uniform noise",
            rounds=3 if contender == "torch" else None,
        )
    assert len(found) > 0
