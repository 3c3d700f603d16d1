"""Speed of region proposals, from an attention map to at most ten boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_score_anchors import torch_indexing

from raz import ops, reference
from raz.reference.propose_regions import anchor_boxes, random_points

SIZES = {
    "480x270": (1, 270, 480),  # stride 8 of 3840x2160
    "1920x1080": (1, 1080, 1920),
    "8x480x270": (8, 270, 480),
}


def suppress(boxes, scores, threshold=0.3, most=10):
    """Suppress greedily in NumPy: sort once, then one vector operation for every box kept."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order].astype(np.float64), scores[order]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(boxes[best, 2:], boxes[left, 2:])
        sides -= np.maximum(boxes[best, :2], boxes[left, :2])
        common = np.maximum(sides, 0).prod(1)
        left = left[common <= threshold * (area[best] + area[left] - common)]
    return boxes[kept], scores[kept]


def torch_and_numpy(attention):
    height, width = attention.shape[1:]
    sums = torch.cumsum(torch.cumsum(attention, -1, dtype=torch.float64), -2)
    table = torch.nn.functional.pad(sums, (1, 0, 1, 0))
    points = random_points(0, 200, height, width)
    anchors = anchor_boxes(points, height, width, (1 / 3, 2 / 3), (0.5, 1.0, 2.0))
    scores = torch_indexing(table, anchors.expand(len(attention), -1, -1)).float().numpy()
    result = []
    for image_scores in scores:
        alive = image_scores >= np.float32(0.01)
        result.append(suppress(anchors.numpy()[alive], image_scores[alive]))
    return result


def integral_image_alone(attention):
    return ops.integral_image(attention)


CONTENDERS = {
    "raz": ops.propose_regions,
    "torch and NumPy": torch_and_numpy,
    "raz.reference": reference.propose_regions,
    "integral image alone": integral_image_alone,
}


def attention_map(batch, height, width):
    """Return maps of smooth hills."""
    coarse = torch.rand((batch, 1, 9, 16), generator=torch.Generator().manual_seed(0)) ** 4
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[:, 0]


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("size", SIZES)
def test_propose_regions(compare, size, contender):
    attention = attention_map(*SIZES[size])
    with torch.inference_mode():
        found = compare(
            CONTENDERS[contender],
            attention,
            op="propose_regions",
            size=size,
            target=20 if contender == "torch and NumPy" else None,
        )
    if contender == "torch and NumPy":
        boxes, _, counts = ops.propose_regions(attention)
        for b, (expected, _) in enumerate(found):
            np.testing.assert_allclose(boxes[b, : counts[b]].numpy(), expected)
