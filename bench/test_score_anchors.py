"""Speed of scoring boxes from an integral image."""

from __future__ import annotations

import pytest
import torch

from raz import ops, reference

SIZES = {"480x270": (270, 480), "1920x1080": (1080, 1920)}


def torch_indexing(table, boxes):
    """Return fractional sums, by bilinear interpolation at the four corners of every box."""
    batch, height, width = table.shape
    limit = boxes.new_tensor((width - 1, height - 1)).double()
    corners = torch.minimum(boxes.double().reshape(batch, -1, 2, 2).clamp(min=0), limit)
    low = corners.floor()
    part = corners - low
    low = low.long()
    high = torch.minimum(low + 1, limit.long())
    x = torch.stack((low[..., 0], high[..., 0]), -1)  # [B, N, corner, low or high]
    y = torch.stack((low[..., 1], high[..., 1]), -1) * width
    y = y + (torch.arange(batch) * height * width).reshape(-1, 1, 1, 1)
    index = y[:, :, :, None, :, None] + x[:, :, None, :, None, :]  # [B, N, y, x, low/high, ...]
    entries = table.reshape(-1).index_select(0, index.reshape(-1)).reshape(index.shape)
    down, across = part[:, :, :, None, 1], part[:, :, None, :, 0]
    rows = torch.lerp(entries[..., 0], entries[..., 1], across[..., None])
    sums = torch.lerp(rows[..., 0], rows[..., 1], down)  # [B, N, y1 or y2, x1 or x2]
    total = (sums[:, :, 1, 1] - sums[:, :, 0, 1]) - (sums[:, :, 1, 0] - sums[:, :, 0, 0])
    sides = corners[:, :, 1] - corners[:, :, 0]
    area = sides.prod(-1)
    return torch.where((sides > 0).all(-1), total / area, 0.0)


CONTENDERS = {
    "raz": ops.score_anchors,
    "torch indexing": torch_indexing,
    "raz.reference": reference.score_anchors,
}


def boxes_within(height, width):
    generator = torch.Generator().manual_seed(1)
    centre = torch.rand(8, 1200, 2, generator=generator) * torch.tensor((width, height))
    half = (0.1 + torch.rand(8, 1200, 2, generator=generator)) * min(height, width) / 4
    return torch.cat((centre - half, centre + half), -1)


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("size", SIZES)
def test_score_anchors(compare, size, contender):
    height, width = SIZES[size]
    image = torch.rand((8, height, width), generator=torch.Generator().manual_seed(0)) ** 8
    table, boxes = ops.integral_image(image), boxes_within(height, width)
    with torch.inference_mode():
        scores = compare(
            CONTENDERS[contender],
            table,
            boxes,
            op="score_anchors",
            size=size,
            note="8 x 1,200 boxes",
            target=10 if contender == "torch indexing" else None,
        )
    torch.testing.assert_close(scores, reference.score_anchors(table, boxes), rtol=1e-6, atol=1e-9)
