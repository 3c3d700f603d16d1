"""From the passes over an image to one set of points and one count."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from raz.density import calibrated_density, points_that_stay
from raz.operating_point import OperatingPoint
from raz.result import Region, Result, SkippedRegion

from .coordinates import Box, points_in_boxes, raster_order
from .doubts import doubts
from .fusion import fuse_counts
from .resampling import DensityMap, replace_density
from .seams import SEAM, points_of_owners
from .trace import Pass, Trace, regions_above

Located = tuple[Tensor, Tensor]
"""Points float64 [N, 2] in original pixels and their scores float32 [N]."""


def merge_points(
    base: Located, boxes: Sequence[Box], zoomed: Sequence[Located], *, seam: float = SEAM
) -> Located:
    """Replace the points inside regions by those found in the zoom into them.

    Every place of the image belongs to one source: the first box that contains it, or the base if
    no box does. A point stays if its own source owns its place, so overlapping regions give no head
    twice. At the seams heads are counted once, see `raz.zoom.seams`. (Replacement: Liu et al., CVPR
    2019. The precedence of overlapping regions and the treatment of seams are ours.)

    Args:
        base: points and scores of the enclosing pass.
        boxes: regions in original pixels, in order of precedence.
        zoomed: points and scores found in each of them and up to ``seam`` pixels around.
        seam: pixels within which points of two sources are one head; 0 only replaces.

    Returns:
        The points that stay: the base's, then each region's in the order given.

    Example:
        >>> base = torch.tensor([[1.0, 1.0], [9.0, 9.0]]).double(), torch.tensor([0.5, 0.6])
        >>> zoomed = torch.tensor([[2.0, 2.0]]).double(), torch.tensor([0.9])
        >>> points, scores = merge_points(base, [(0.0, 0.0, 4.0, 4.0)], [zoomed], seam=0)
        >>> points.tolist()
        [[9.0, 9.0], [2.0, 2.0]]
    """
    if not boxes:
        return base
    edges = torch.tensor(list(boxes), dtype=torch.float64)
    located = [base, *zoomed]
    points = torch.cat([points for points, _ in located])
    scores = torch.cat([scores for _, scores in located])
    outside = len(boxes)
    source = torch.tensor([outside, *range(outside)]).repeat_interleave(
        torch.tensor([len(scores) for _, scores in located])
    )
    stays = points_of_owners(points, scores, source, owners(points, edges), seam=seam)
    return points[stays], scores[stays]


def resolve(
    trace: Trace,
    operating_point: OperatingPoint,
    *,
    depth: int | None = None,
    seam: float = SEAM,
) -> Result:
    """Turn the passes over an image into a result at the given thresholds.

    In each pass the density is corrected (`raz.density.calibrated_density`), and points too near
    to a better one are suppressed (`raz.ops.point_nms`, `raz.density.suppression_radius`). Then
    regions replace the points and the density of the pass that proposed them. Points are in raster
    order. The count is eq. 4 of Liu et al., CVPR 2019, clamped at 0.
    A `Region` counts ``points_before`` and ``count_before`` in the pass that proposed it,
    ``points_after`` and ``count_after`` in the same box when all regions of that pass are merged
    in.

    Args:
        trace: made by `raz.zoom.collect_trace`.
        operating_point: thresholds and corrections. With the cover its ``region_threshold`` should
            be the trace's ``region_floor``, by which the regions were drawn.
        depth: passes to use, at most the trace's; by default all.
        seam: pixels within which points of two passes at a seam are one head, from 0 (regions only
            replace) to `SEAM`.

    Raises:
        ValueError: a threshold lies below the trace's floors, or the depth or the seam is out of
            range.

    Example:
        >>> import raz
        >>> from raz.zoom import collect_trace
        >>> model = raz.get_model("raznet_lite")
        >>> trace = collect_trace(model, torch.zeros(3, 64, 48, dtype=torch.uint8), floor=0.1)
        >>> resolve(trace, model.operating_point).count_points
        0
    """
    started = time.perf_counter()
    depth = trace.depth if depth is None else depth
    _check(trace, operating_point, depth)
    if not 0 <= seam <= SEAM:
        raise ValueError(f"seam is {seam}; it must be from 0 to {SEAM}")
    resolver = _Resolver(operating_point, trace.stride, depth, seam)
    (points, scores), merged, regions = resolver.resolve(trace.root, SEAM)
    order = raster_order(points)
    points = points[order].to(torch.float32)
    density = merged.values.float()
    fused = fuse_counts(
        density, points, trace.image_size, operating_point.fusion_threshold, trace.stride
    )
    persons = float(density.sum(dtype=torch.float64))
    speed = {**trace.speed, "merge": (time.perf_counter() - started) * 1e3}
    return Result(
        points=points,
        scores=scores[order],
        density=density,
        # Written so that a NaN stays one: max(0.0, nan) is 0.0.
        count=0.0 if fused < 0 else fused,
        count_density=persons,
        count_points=points.shape[0],
        regions=regions,
        skipped=tuple(
            sorted(
                _skipped(trace.root, operating_point, depth),
                key=lambda region: (region.depth, -region.score),
            )
        ),
        image_size=trace.image_size,
        scale=trace.root.crop.scale,
        warnings=doubts(trace, operating_point, depth, regions, persons),
        model=trace.model,
        speed={**speed, "total": sum(speed.values())},
        path=trace.path,
        spread=operating_point.spread,
        stride=trace.stride,
    )


@dataclass(frozen=True)
class _Resolver:
    """Merges passes into those that proposed them, from the deepest up."""

    point: OperatingPoint
    stride: int
    depth: int
    seam: float

    def resolve(self, node: Pass, reach: float) -> tuple[Located, DensityMap, tuple[Region, ...]]:
        """Points and density of a pass with its regions merged in, and their tree.

        Args:
            node: the pass.
            reach: original pixels around its box in which its points are of use.
        """
        own, density = self._located(node, reach), self._density(node)
        children: list[Pass] = []
        if node.depth < self.depth:
            children = regions_above(node.children, self.point.region_threshold)
        resolved = [self.resolve(child, node.crop.pixels(SEAM)) for child in children]
        boxes = [child.box for child in children]
        points = merge_points(
            own, boxes, [found for found, _, _ in resolved], seam=node.crop.pixels(self.seam)
        )
        zoomed = [below for _, below, _ in resolved]
        merged = replace(density, values=replace_density(density, boxes, zoomed))
        regions = tuple(
            Region(
                box=child.box,
                score=child.score,
                depth=child.depth,
                scale=float(child.crop.scale),
                points_before=_count_in(own[0], child.box),
                points_after=_count_in(points[0], child.box),
                count_before=density.integral(child.box),
                count_after=merged.integral(child.box),
                crowded=float(child.crowded.sum()),
                seconds=child.seconds,
                children=below,
            )
            for child, (_, _, below) in zip(children, resolved, strict=True)
        )
        return points, merged, regions

    def _density(self, node: Pass) -> DensityMap:
        corrected = calibrated_density(node.density, self.point, node.depth)
        return DensityMap.of_crop(corrected, node.crop, self.stride)

    def _located(self, node: Pass, reach: float) -> Located:
        """The points of a pass that are good enough, not suppressed, and in reach of its box."""
        above = node.scores >= self.point.peak_threshold(node.depth)
        points, scores = node.points[above], node.scores[above]
        pixels = node.crop.points_from_image(points).float()
        stay = points_that_stay(pixels, scores, node.density, self.point, node.depth, self.stride)
        edges = torch.tensor([node.box], dtype=torch.float64)
        edges += torch.tensor([-reach, -reach, reach, reach], dtype=torch.float64)
        stay &= points_in_boxes(points, edges)[:, 0]
        return points[stay], scores[stay]


def _skipped(node: Pass, operating_point: OperatingPoint, depth: int) -> list[SkippedRegion]:
    """Regions that the limits cut off, of those that these thresholds let through."""
    if node.depth >= depth:
        return []
    threshold = operating_point.region_threshold
    skipped = regions_above(node.skipped, threshold)
    for child in regions_above(node.children, threshold):
        skipped += _skipped(child, operating_point, depth)
    return skipped


def owners(points: Tensor, boxes: Tensor) -> Tensor:
    """Index of the first of K boxes [..., K, 4] that holds each of N points [..., N, 2].

    int64 [..., N], K for a point that lies in none.
    """
    inside = points_in_boxes(points, boxes)
    nowhere = inside.new_ones((*inside.shape[:-1], 1))
    return torch.cat([inside, nowhere], dim=-1).to(torch.uint8).argmax(dim=-1)


def _count_in(points: Tensor, box: Box) -> int:
    return int(points_in_boxes(points, torch.tensor([box], dtype=torch.float64)).sum())


def _check(trace: Trace, operating_point: OperatingPoint, depth: int) -> None:
    if not 1 <= depth <= trace.depth:
        raise ValueError(f"depth is {depth}; it must be from 1 to the trace's {trace.depth}")
    for level in range(1, depth + 1):
        threshold = operating_point.peak_threshold(level)
        if threshold < trace.floor:
            raise ValueError(
                f"operating_point has the peak threshold {threshold} at depth {level}; it must be "
                f"at least the trace's floor {trace.floor}"
            )
    if depth > 1 and operating_point.region_threshold < trace.region_floor:
        raise ValueError(
            f"operating_point has the region threshold {operating_point.region_threshold}; it must "
            f"be at least the trace's region_floor {trace.region_floor}"
        )
