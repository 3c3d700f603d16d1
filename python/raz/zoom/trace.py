"""What the passes over an image found, before any threshold is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from raz.operating_point import MAX_NMS_RADIUS
from raz.result import SkippedRegion

from .coordinates import Box, CropGeometry
from .seams import SEAM

__all__ = ["MARGIN", "Pass", "Trace"]

MARGIN = SEAM + MAX_NMS_RADIUS
"""Pixels around a region in which peaks are kept (ours): one there may suppress one inside. They
are pixels of the image, or of the proposing pass if that is reduced."""


@dataclass
class Pass:
    """What one pass of the network found in its region.

    Attributes:
        crop: the window that went through the network, context included, and its scale.
        box: the region in original pixels; the whole image for the first pass.
        score: of the `Proposal`: mean attention of the region; 1 for the first pass.
        depth: passes down to this one, counted from 1.
        points: float64 [N, 2], peaks in original pixels, in raster order. They lie inside ``box``
            or up to `MARGIN` pixels beyond it, as far as the window reaches.
        scores: float32 [N], their scores, each at least the trace's ``floor``.
        density: float32 [h, w] on the CPU, persons per cell of the whole window, as the network
            gave it.
        crowded: float32 [h, w] on the CPU, those persons in ``box`` who stand too dense to be
            counted at this scale: the attention of their cells is at least
            `raz.zoom.scales.TOO_SMALL`, here and in the proposing pass.
        seconds: wall clock of the pass, an equal share of its batch's.
        children: passes over the regions proposed in this one, by descending score.
        skipped: regions proposed in this one that the limits cut off, by descending score.

    Example:
        >>> import torch
        >>> from raz.zoom.coordinates import CropGeometry
        >>> crop = CropGeometry(0, 0, 64, 48)
        >>> points, scores, nobody = torch.empty(0, 2), torch.empty(0), torch.zeros(6, 8)
        >>> Pass(crop, crop.box, 1.0, 1, points, scores, nobody, nobody).box
        (0, 0, 64, 48)
    """

    crop: CropGeometry
    box: Box
    score: float
    depth: int
    points: Tensor
    scores: Tensor
    density: Tensor
    crowded: Tensor
    seconds: float = 0.0
    children: list[Pass] = field(default_factory=list)
    skipped: list[SkippedRegion] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """All passes over one image, before any threshold is chosen.

    `raz.zoom.collect_trace` makes one, `raz.zoom.resolve` turns it into a result.

    Attributes:
        root: the pass over the whole image.
        image_size: (w, h) in pixels.
        stride: pixels of a pass per cell of its density map.
        depth: rounds that were allowed.
        floor: least score of a collected point.
        region_floor: least score of a collected region.
        model: name of the model.
        path: of the image, if it has one.
        speed: milliseconds of "main" and "zoom".

    Example:
        >>> import raz, torch
        >>> image = torch.zeros(3, 64, 48, dtype=torch.uint8)
        >>> trace = raz.zoom.collect_trace(raz.get_model("raznet_lite"), image)
        >>> trace.image_size, trace.root.density.shape
        ((48, 64), torch.Size([8, 6]))
    """

    root: Pass
    image_size: tuple[int, int]
    stride: int
    depth: int
    floor: float
    region_floor: float
    model: str
    path: str | None
    speed: dict[str, float]


Scored = TypeVar("Scored", Pass, SkippedRegion)


def regions_above(regions: Sequence[Scored], threshold: float) -> list[Scored]:
    """Regions at or above the threshold by precedence: score, ties in the order proposed."""
    scores = torch.tensor([region.score for region in regions], dtype=torch.float32)
    above = (scores >= threshold).tolist()
    kept = [region for region, stays in zip(regions, above, strict=True) if stays]
    return sorted(kept, key=lambda region: -region.score)
