"""When a count is doubtful, because heads are not of a size at which the network counts (ours)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from raz.operating_point import OperatingPoint
from raz.result import Region

from .scales import UNRESOLVED
from .trace import Pass, Trace, regions_above

FEWEST = 10.0
"""Persons that raise no doubt, and those for whom the shares below are meant at least."""

DISAGREEMENT = 0.25
"""Share of the count by which two scales may differ. On the calibration images of ShanghaiTech,
`raznet_lite` (SHANGHAITECH_V4) has at most .14 between an image and its enlarged regions (ours)."""


def doubts(
    trace: Trace, point: OperatingPoint, depth: int, regions: Sequence[Region], count: float
) -> tuple[str, ...]:
    """Say in one line each why the count of an image is doubtful.

    Args:
        trace: of the image.
        point: thresholds at which it was resolved.
        depth: passes that were used.
        regions: of the result.
        count: persons by its density.

    Returns:
        A line where too many persons stand too dense at the finest scale that was seen there, and
        one where the last two scales disagree. Differences of at most `FEWEST` persons
        raise no doubt.
    """
    lines: list[str] = []
    if not math.isfinite(count):
        return ()
    persons = max(count, FEWEST)
    unresolved = _unresolved(trace.root, point, depth, trace.stride)
    if unresolved > max(FEWEST, UNRESOLVED * persons):
        lines.append(
            f"about {min(1.0, unresolved / persons):.0%} of the persons stand too dense to be "
            "counted at the finest scale at which they were seen"
        )
    before, after = _last_two(regions)
    if abs(after - before) > max(FEWEST, DISAGREEMENT * persons):
        lines.append(
            f"in the zoomed regions {before:.0f} persons were counted at one scale and {after:.0f} "
            "at the next: heads may have sizes that the model does not know"
        )
    return tuple(lines)


def _unresolved(node: Pass, point: OperatingPoint, depth: int, stride: int) -> float:
    """Persons below a pass who stand too dense at the finest scale that was used."""
    if node.depth == depth:
        return float(node.crowded.sum())
    unseen = torch.ones_like(node.crowded, dtype=torch.bool)
    y, x = (
        node.crop.cell_centres(cells, stride, axis)
        for cells, axis in zip(node.crowded.shape, (1, 0), strict=True)
    )
    below = 0.0
    for child in regions_above(node.children, point.region_threshold):
        x1, y1, x2, y2 = child.box
        unseen &= ~(((y1 <= y) & (y < y2))[:, None] & (x1 <= x) & (x < x2))
        below += _unresolved(child, point, depth, stride)
    return float(node.crowded[unseen].sum()) + below


def _last_two(regions: Sequence[Region]) -> tuple[float, float]:
    """Persons in the regions that were not zoomed into further, before and after their pass."""
    before = after = 0.0
    for region in regions:
        if region.children:
            counts = _last_two(region.children)
        else:
            counts = region.count_before, region.count_after
        before, after = before + counts[0], after + counts[1]
    return before, after
