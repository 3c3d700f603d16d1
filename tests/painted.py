"""A network whose answer is painted into its images."""

from __future__ import annotations

import numpy as np
import torch

from raz.data.sample import Sample
from raz.network import OperatingPoint


class Painted:
    """Sees a head of probability red / 255 at every pixel that is not black; no density."""

    architecture = "painted"
    stride = 8
    receptive_field = bytes_per_pixel = 0
    operating_point = OperatingPoint()

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        batch, _, height, width = images.shape
        red = torch.nn.functional.max_pool2d(images[:, :1], 3, 1, 1)[:, 0]
        cells = (batch, -(-height // 8), -(-width // 8))
        return {
            "localization": torch.logit(red.clamp(1e-4, 1 - 1e-4)),
            "density": torch.zeros(cells),
            "attention": torch.zeros(cells),
        }


def painted(number: int) -> Sample:
    """An image of that many heads, 8 pixels apart, as `Painted` sees them."""
    rng = np.random.default_rng(number)
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    points = rng.permutation(49)[:number]
    points = np.stack([points % 7 * 8 + 8, points // 7 * 8 + 8], axis=1)
    image[points[:, 1], points[:, 0]] = 240
    return Sample(image, points.astype(np.float32) + 0.5, f"image {number}")
