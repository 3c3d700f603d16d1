"""Cost of a call that has next to nothing to do: 32 x 32 pixels, a handful of points or boxes.

`pytest bench` runs it. Each operator shares a group with the same work in torch ops, as one would
write it by hand: without checks of arguments, and for the simplest case only. Where torch has no
ops for it, the peer is the reference. One torch operator on the same map shows what torch itself
takes for a call. Each is measured in inference mode and outside of it, where no gradient is asked
for.
"""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch.nn import functional as F

from raz import ops, reference

POINTS, BOXES, SIZE = 8, 8, 32
_generator = torch.Generator().manual_seed(0)


def random(*shape):
    return torch.rand(*shape, generator=_generator)


MAP = random(1, SIZE, SIZE)
TABLE = ops.integral_image(MAP)
HEADS = random(POINTS, 2) * SIZE
SCORES = random(POINTS)
IMAGE = random(1, 3, SIZE, SIZE)
CORNERS = torch.tensor([[1, 2, 9, 12], [4, 3, 30, 31], [0, 0, 32, 32], [8, 8, 16, 16]]).repeat(2, 1)
EDGES = CORNERS.float()
EDGES_OF_EACH = EDGES[None]
IMAGE_OF = torch.zeros(BOXES, dtype=torch.int64)
CROSS = torch.tensor([[0, 0], [0, -1], [0, 1], [-1, 0], [1, 0]])


def integral_image_in_torch(x):
    return F.pad(x.cumsum(-1, dtype=torch.float64).cumsum(-2), (1, 0, 1, 0))


def score_anchors_in_torch(table, corners):
    """Score boxes at whole pixels, inside one image only."""
    x1, y1, x2, y2 = corners.unbind(1)
    sums = table[0, y2, x2] - table[0, y1, x2] - table[0, y2, x1] + table[0, y1, x1]
    return sums / ((x2 - x1) * (y2 - y1))


def find_peaks_in_torch(x):
    """Find peaks; a plateau gives each of its pixels, not one point."""
    smooth = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    peaks = (smooth == F.max_pool2d(smooth, 3, 1, 1)) & (smooth >= 0.6)
    index = peaks.nonzero()
    return index[:, 1:].flip(1) + 0.5, smooth[peaks]


def point_nms_in_torch(points, scores, radius):
    """Suppress greedily; each kept point takes a row of distances."""
    order = scores.argsort(descending=True, stable=True)
    near = torch.cdist(points, points) <= radius
    alive = torch.ones(len(points), dtype=torch.bool)
    keep = []
    for index in order.tolist():
        if alive[index]:
            keep.append(index)
            alive &= ~near[index]
    return torch.tensor(keep)


def crop_and_resize_in_torch(image, corners):
    """Crop at whole pixels, from one image only."""
    return torch.cat(
        [
            F.interpolate(image[:, :, y1:y2, x1:x2], (8, 8), mode="bilinear")
            for x1, y1, x2, y2 in corners.tolist()
        ]
    )


def density_map_in_torch(points):
    """Draw with one sigma, without the normalisation at the image's edges and without a cut."""
    edges = torch.arange(0, SIZE + 1, 8)
    shares = torch.special.ndtr((edges - points[:, :, None].double()) / 4.0).diff(dim=-1)
    return torch.einsum("nw,nh->hw", shares[:, 0], shares[:, 1]).float()


def point_map_in_torch(points):
    """Draw crosses; one at the image's edge is not cut, but moved inside."""
    marked = (points.long()[:, None] + CROSS).clamp(0, SIZE - 1)
    result = torch.zeros(SIZE, SIZE)
    result[marked[..., 1], marked[..., 0]] = 1.0
    return result


CALLS = {
    "integral_image": {
        "raz": lambda: ops.integral_image(MAP),
        "torch": lambda: integral_image_in_torch(MAP),
    },
    "score_anchors": {
        "raz": lambda: ops.score_anchors(TABLE, EDGES_OF_EACH),
        "torch": lambda: score_anchors_in_torch(TABLE, CORNERS),
    },
    "propose_regions": {
        "raz": lambda: ops.propose_regions(MAP, num_points=4),
        "reference": lambda: reference.propose_regions(
            MAP, num_points=4, scales=(1 / 3, 2 / 3), ratios=(0.5, 1.0, 2.0), score_threshold=0.01,
            iou_threshold=0.3, max_regions=10, seed=0,
        ),
    },
    "find_peaks": {
        "raz": lambda: ops.find_peaks(MAP, threshold=0.6),
        "raz, max_points=8": lambda: ops.find_peaks(MAP, threshold=0.6, max_points=8),
        "torch": lambda: find_peaks_in_torch(MAP),
    },
    "point_nms": {
        "raz": lambda: ops.point_nms(HEADS, SCORES, 4.0),
        "raz, mask": lambda: ops.point_nms_mask(HEADS, SCORES, 4.0),
        "torch": lambda: point_nms_in_torch(HEADS, SCORES, 4.0),
    },
    "crop_and_resize": {
        "raz": lambda: ops.crop_and_resize(IMAGE, EDGES, IMAGE_OF, (8, 8)),
        "torch": lambda: crop_and_resize_in_torch(IMAGE, CORNERS),
    },
    "density_map": {
        "raz": lambda: ops.density_map(HEADS, (SIZE, SIZE), sigma=4.0),
        "raz, adaptive": lambda: ops.density_map(HEADS, (SIZE, SIZE)),
        "torch": lambda: density_map_in_torch(HEADS),
    },
    "point_map": {
        "raz": lambda: ops.point_map(HEADS, (SIZE, SIZE)),
        "torch": lambda: point_map_in_torch(HEADS),
    },
}  # fmt: skip


for ways in CALLS.values():
    ways["one torch operator"] = lambda: MAP.cumsum(-1)

MODES = {"inference mode": torch.inference_mode, "outside": contextlib.nullcontext}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("op", "way"), [(op, way) for op, ways in CALLS.items() for way in ways])
def test_overhead(benchmark, op, way, mode):
    benchmark.group = f"{op}, 32 x 32, {POINTS} points or boxes, {mode}"
    with MODES[mode]():
        benchmark(CALLS[op][way])
