"""Whether heads can be seen in the overview of a very large image (ours).

Far from its own size an image shows nothing of its heads: neither density nor attention, and
nothing would be zoomed into. So a few windows are seen at every scale first. The first look at the
whole image has the coarsest scale at which most of the people in these windows are seen, or stand
crowded enough to be zoomed into.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .coordinates import Box, window_around
from .inference import Inference
from .resampling import DensityMap
from .views import ImageSource, View

BLIND = 1 / 8
"""Scale from which a probe is made. On the calibration images of ShanghaiTech, `raznet_lite`
(SHANGHAITECH_V4) asks to zoom into a twentieth of the cells of each at 1/4; at 1/8 into a
thousandth of the cells of one dense crowd, at 1/16 nowhere in some."""

SIDE = 256
"""Side of a window in pixels of the image."""

GRID = 3
"""Windows along each side of the image."""

SEEN = 0.5
"""Share of the most persons found in a window at any scale that must be found at another."""

MOST = 0.8
"""Share of the people in windows where the first look must see them."""

FEW = 5.0
"""Persons in all windows below which they tell nothing."""


def first_scale(
    network: Inference,
    image: ImageSource,
    scales: tuple[float, ...],
    context: int,
    threshold: float,
) -> float:
    """Return the scale of the first look, one of those up to about the image's own.

    Args:
        network: to look with.
        image: the image.
        scales: that of the overview, and those of the rounds after it.
        context: margin around a window in pixels of the pass.
        threshold: least attention of what is zoomed into.
    """
    tried = [scale for scale in scales if scale < math.sqrt(2)]  # one of them is nearest to 1
    if tried[0] > BLIND:
        return tried[0]
    boxes = windows(image.image_size)
    looks = [_look(network, image, boxes, scale, context) for scale in tried]
    persons = torch.stack([persons for persons, _ in looks]).nan_to_num()
    attention = torch.stack([attention for _, attention in looks])
    best = persons.max(dim=0).values
    seen = (((persons >= SEEN * best) | (attention >= threshold)) * best).sum(dim=1)
    if best.sum() < FEW:
        return tried[0]
    # The coarsest that shows most; if none does, the one that shows the most.
    return tried[int((seen >= min(MOST * best.sum(), seen.max())).int().argmax())]


def windows(image_size: tuple[int, int]) -> list[Box]:
    """Windows in the middle of the cells of a grid over an image of (w, h) pixels."""
    width, height = image_size
    middles = [(index + 0.5) / GRID for index in range(GRID)]
    corners = [(int(width * x) - SIDE // 2, int(height * y) - SIDE // 2)
               for y in middles for x in middles]  # fmt: skip
    return [(max(0, x), max(0, y), min(width, x + SIDE), min(height, y + SIDE)) for x, y in corners]


def _look(
    network: Inference, image: ImageSource, boxes: list[Box], scale: float, context: int
) -> tuple[Tensor, Tensor]:
    """Persons in each window at a scale, and its mean attention: [N] each."""
    crops = [window_around(box, context / scale, image.image_size, scale) for box in boxes]
    outputs = network.run_each(
        [[View(image, crop, network.device)] for crop in crops],
        keep=("density", "attention"),
        stop=lambda: False,
    )
    found = []
    for box, crop, [output] in zip(boxes, crops, outputs, strict=True):
        density, attention = output.maps["density"], output.maps["attention"]
        # By shares of the cells at the window's edges: far from its own size it holds few whole.
        persons, crowded, cells = (
            DensityMap.of_crop(each.float().clamp(min=0).cpu(), crop, network.stride).integral(box)
            for each in (density, attention, torch.ones_like(attention))
        )
        found.append((persons, crowded / cells))
    seen, asked = torch.tensor(found).unbind(1)
    return seen, asked
