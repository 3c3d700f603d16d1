"""The passes of the network over an image and, round by round, over enlarged regions of it.

`collect_trace` runs the network and keeps what it found as a tree of passes. Nothing in that tree
depends on the thresholds that `raz.zoom.resolve` applies afterwards, but for the regions of the
cover, which follow the floor of attention. So calibration runs the network once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from raz.network import Network, as_network
from raz.result import SkippedRegion, SkipReason

from .budget import RemainingBudget
from .coordinates import CropGeometry, points_in_boxes, window_around
from .inference import Inference, PassOutput
from .probe import first_scale
from .proposals import InsideRegion, Proposal, cover, propose
from .resampling import DensityMap
from .scales import TOO_SMALL, UNRESOLVED
from .settings import ZoomSettings
from .tiles import Tiling
from .trace import MARGIN, Pass, Trace
from .views import ImageSource, TensorImage, View

ENLARGEMENT = 2
"""Each round enlarges its regions this many times (Liu et al., CVPR 2019)."""

MAX_BATCH_PIXELS = 4_194_304
"""Most pixels of enlarged crops in one batch (ours); a single larger crop goes alone."""

Front = list[tuple[Pass, InsideRegion]]
"""The passes of a round, with the attention that proposes the next round's regions."""


def collect_trace(
    model: Network,
    image: Tensor | ImageSource,
    settings: ZoomSettings = ZoomSettings(),
    *,
    floor: float = 0.05,
    region_floor: float | None = None,
    path: str | None = None,
) -> Trace:
    """Run the network over an image and, round by round, over its regions enlarged 2x.

    Without ``settings.depth`` a large image is seen reduced first (`raz.zoom.scales`), and rounds
    go on where the attention asks for them, to about twice the image's own resolution.

    Whether a point or a region is found does not depend on the thresholds: peaks are local maxima
    and non-maximum suppression is greedy by score, so dropping low scores later gives the same as
    never having asked for them. Collect once with low floors, then `raz.zoom.resolve` at any
    thresholds above them. (The regions of the cover follow ``region_floor``, so ask for them with
    the threshold that will be used. With ``max_zoom_pixels`` this holds to depth 2, since regions
    that are dropped later have used up pixels; with ``max_seconds`` nothing can be promised.)

    Deeper rounds sample the original image (4x, 8x, ...), never an enlarged crop of it. Regions of
    a round are grouped by size into batches of at most `MAX_BATCH_PIXELS` pixels.

    An image or an enlarged region longer than ``settings.tile`` goes through the network in
    overlapping tiles, and is never in memory whole, except for an image that is a tensor. The
    result is that of the whole: the same points where no score lies within 1e-4 of a threshold or
    of a tie, the same density within 1e-4; of a reduced view, up to rounding to bytes. Memory
    beside the network's own for one tile or batch: 12 bytes for each of its pixels, 28 bytes per
    cell of the image's maps, and 8 bytes per cell of all regions, 16 once they are merged
    (`raz.zoom.memory.required_bytes` adds it up).

    Args:
        model: in evaluation mode; see `Network`.
        image: uint8 [3, H, W], RGB, H and W at least 1; or a source of which windows are read.
        settings: how to zoom; regions that the limits cut off are kept as ``Pass.skipped``.
        floor: least score of a point, in [0, 1].
        region_floor: least mean attention of a region; by default the model's own threshold.
        path: of the image, to be named in the result.

    Raises:
        TypeError: ``image`` is neither a uint8 tensor nor a source.
        ValueError: a shape is wrong, the tile is too small for the network's receptive field, or
            the network cannot compute in ``settings.dtype``.

    Example:
        >>> import raz
        >>> image = torch.zeros(3, 64, 48, dtype=torch.uint8)
        >>> trace = collect_trace(raz.get_model("raznet_lite"), image, ZoomSettings(depth=1))
        >>> trace.root.box, trace.root.children
        ((0, 0, 48, 64), [])
    """
    model = as_network(model)
    _check(image)
    if region_floor is None:
        region_floor = model.operating_point.region_threshold
    tiling = settings.tiling(model.receptive_field)
    network = Inference(
        model,
        image,
        tiling,
        floor,
        mirrored=settings.quality == "best",
        dtype=settings.asked_dtype,
    )
    started = time.perf_counter()
    with torch.inference_mode():
        source = _source(image, tiling, network.device)
        scales = settings.scales(source.image_size)
        asking = region_floor
        if settings.depth is None and settings.quality == "fast":
            asking = max(region_floor, TOO_SMALL)
        first = first_scale(network, source, scales, settings.context, asking)
        scales = scales[scales.index(first) :]
        zoom = _Zoom(network, source, settings, scales, asking)
        root, attention = zoom.first_pass()
        first_done = time.perf_counter()
        rounds = zoom.grow(root, attention)
    zoom_done = time.perf_counter()
    return Trace(
        root=root,
        image_size=source.image_size,
        stride=model.stride,
        depth=1 + rounds,
        floor=floor,
        region_floor=region_floor,
        model=model.architecture,
        path=path,
        speed={"main": (first_done - started) * 1e3, "zoom": (zoom_done - first_done) * 1e3},
    )


@dataclass(frozen=True)
class _Task:
    """A region waiting for its pass.

    ``before`` is the parent's attention. Where that is below `TOO_SMALL` the parent could count,
    and this pass is the closer look at it: nobody there is too dense for this one, and if
    ``fitting``, there is no further look. (Of a reduced parent that is not believed where this pass
    finds people too dense: far from their size, the attention of dense crowds vanishes.)
    """

    parent: Pass
    proposal: Proposal
    crop: CropGeometry
    before: InsideRegion
    fitting: bool

    def skipped(self, reason: SkipReason) -> SkippedRegion:
        """The region as one that the limits cut off."""
        box, score = self.proposal.box, self.proposal.score
        return SkippedRegion(box=box, score=score, depth=self.parent.depth + 1, reason=reason)

    def done(self, output: PassOutput, stride: int) -> tuple[Pass, InsideRegion]:
        """The pass over the region, with the peaks of its crop that lie in it or near it."""
        box = self.proposal.box
        points, scores, maps = output
        located = self.crop.points_to_image(points)
        margin = self.parent.crop.pixels(MARGIN)
        edges = torch.tensor([box], dtype=torch.float64)
        reach = edges + torch.tensor([-margin, -margin, margin, margin], dtype=torch.float64)
        inside = points_in_boxes(located, reach)[:, 0]
        where = InsideRegion.of_pass(
            maps["attention"], self.crop, box, stride, centres=self.fitting
        )
        dense = where.attention >= TOO_SMALL
        asked = self.before.shown_in(where) >= TOO_SMALL
        if self.parent.crop.scale < 1:
            asked |= dense
        crowded = asked & dense
        density = maps["density"].float().cpu()
        seen = Pass(
            self.crop,
            box,
            self.proposal.score,
            self.parent.depth + 1,
            located[inside],
            scores[inside],
            density,
            where.persons_in(crowded, density),
        )
        return seen, where.only(asked) if self.fitting else where


@dataclass(frozen=True)
class _Zoom:
    """One network zooming into one image: what stays the same over all rounds."""

    network: Inference
    image: ImageSource
    settings: ZoomSettings
    scales: tuple[float, ...]
    region_floor: float

    def first_pass(self) -> tuple[Pass, InsideRegion]:
        """Run the pass over the whole image; return it and its attention."""
        width, height = self.image.image_size
        crop = CropGeometry(0, 0, width, height, self.scales[0])
        self.network.progress.begin(crop.scale, self.network.parts(crop.size), first=True)
        [(points, scores, maps)] = self.network.run(
            [self._view(crop)], keep=("density", "attention"), stop=lambda: False
        )
        located, density = crop.points_to_image(points), maps["density"].float().cpu()
        where = InsideRegion.of_pass(maps["attention"], crop, crop.box, self.network.stride)
        crowded = where.persons_in(where.attention >= TOO_SMALL, density)
        return Pass(crop, crop.box, 1.0, 1, located, scores, density, crowded), where

    def grow(self, root: Pass, attention: InsideRegion) -> int:
        """Grow the tree of passes below the first one, one round after the other.

        Returns:
            The rounds: all, but for the one that the settings leave to need, if there is none.
        """
        budget = RemainingBudget(self.settings)
        front: Front = [(root, attention)]
        for index, scale in enumerate(self.scales[1:]):
            if self.settings.is_last_resort(scale) and not self._is_needed(root, front):
                return index
            tasks = [task for parent, where in front for task in self._tasks(parent, where)]
            front = self._round(tasks, budget)
        return len(self.scales) - 1

    def _is_needed(self, root: Pass, front: Front) -> bool:
        """Whether too many persons stand too dense in the passes of the last round.

        As `raz.zoom.doubts` asks later, but before any correction of the density.
        """
        first_look = DensityMap.of_crop(root.density, root.crop, self.network.stride)
        persons, crowded = float(first_look.values.sum()), 0.0
        for seen, where in front:
            own = where.persons_in(torch.ones_like(where.attention, dtype=torch.bool), seen.density)
            persons += float(own.sum()) - first_look.integral(seen.box)
            crowded += float(seen.crowded.sum())
        return crowded > UNRESOLVED * persons

    def _tasks(self, parent: Pass, where: InsideRegion) -> list[_Task]:
        """Regions that the attention map of a pass proposes inside that pass's own region."""
        settings = self.settings
        if settings.regions == "cover":
            proposals = cover(where, self.region_floor, settings.max_regions)
        else:
            proposals = propose(where, self.region_floor, settings.max_regions, settings.seed)
        scale = parent.crop.scale
        context, size = settings.context / scale, self.image.image_size
        fitting = settings.depth is None
        return [
            _Task(parent, each, crop, where, fitting)
            for each in proposals
            for crop in [window_around(each.box, context, size, scale * ENLARGEMENT)]
        ]

    def _round(self, tasks: Sequence[_Task], budget: RemainingBudget) -> Front:
        """Hang one pass below its parent for every region of a round that can be afforded.

        Returns:
            These passes with their attention, in the tasks' order.
        """
        sizes = [task.crop.size for task in tasks]
        chosen = budget.choose(
            [task.proposal.score for task in tasks], [height * width for height, width in sizes]
        )
        done: dict[int, tuple[Pass, InsideRegion]] = {}
        if chosen:
            total = sum(self.network.parts(sizes[index]) for index in chosen)
            self.network.progress.begin(tasks[0].crop.scale, total, first=False)
        batches = [
            [chosen[position] for position in batch]
            for batch in batches_by_size([sizes[index] for index in chosen], self._batch_pixels())
        ]
        for indices, passes in zip(batches, self._passes(batches, tasks, budget), strict=False):
            done.update(zip(indices, passes, strict=False))
        for index, task in enumerate(tasks):
            if index in done:
                task.parent.children.append(done[index][0])
            else:
                reason: SkipReason = "max_seconds" if index in chosen else "max_zoom_pixels"
                task.parent.skipped.append(task.skipped(reason))
        return [done[index] for index in sorted(done)]

    def _passes(
        self, batches: Sequence[Sequence[int]], tasks: Sequence[_Task], budget: RemainingBudget
    ) -> Iterator[Front]:
        """Run one pass over batches of regions of one size, given by the tasks' numbers.

        Regions that time ran out for, also between two of their tiles, are left out.
        """
        started = time.perf_counter()
        outputs = self.network.run_each(
            [[self._view(tasks[index].crop) for index in batch] for batch in batches],
            keep=("density", "attention"),
            stop=budget.time_is_up,
        )
        for batch, found in zip(batches, outputs, strict=False):
            front = [
                tasks[index].done(output, self.network.stride)
                for index, output in zip(batch, found, strict=False)
            ]
            ended = time.perf_counter()
            for seen, _ in front:
                seen.seconds = (ended - started) / len(batch)
            started = ended
            yield front

    def _view(self, crop: CropGeometry) -> View:
        return View(self.image, crop, self.network.device)

    def _batch_pixels(self) -> int:
        tiling = self.network.tiling
        return MAX_BATCH_PIXELS if tiling is None else min(MAX_BATCH_PIXELS, tiling.side**2)


def batches_by_size(
    sizes: Sequence[tuple[int, int]], max_pixels: int | None = None
) -> Iterator[list[int]]:
    """Group crops of equal size (h, w) into batches of bounded pixels.

    Args:
        sizes: of the crops.
        max_pixels: of one batch, by default `MAX_BATCH_PIXELS`; a larger crop goes alone.

    Yields:
        Indices into ``sizes``, every one in exactly one batch, sizes by first appearance.
    """
    limit = MAX_BATCH_PIXELS if max_pixels is None else max_pixels
    groups: dict[tuple[int, int], list[int]] = {}
    for index, size in enumerate(sizes):
        groups.setdefault(size, []).append(index)
    for (height, width), indices in groups.items():
        step = max(1, limit // (height * width))
        for start in range(0, len(indices), step):
            yield indices[start : start + step]


def _source(
    image: Tensor | ImageSource, tiling: Tiling | None, device: torch.device
) -> ImageSource:
    """The image as a source. A small one goes to the network's device at once, whole."""
    if not isinstance(image, Tensor):
        return image
    whole = tiling is None or tiling.fits((image.shape[-2], image.shape[-1]))
    return TensorImage(image.to(device) if whole else image)


def _check(image: Tensor | ImageSource) -> None:
    if not isinstance(image, Tensor) and hasattr(image, "image_size") and hasattr(image, "read"):
        return
    if not isinstance(image, Tensor) or image.dtype != torch.uint8:
        kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"image is {kind}; it must be a uint8 tensor [3, H, W] or an ImageSource")
    if image.ndim != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise ValueError(
            f"image has shape {tuple(image.shape)}; it must be [3, H, W] with at least one pixel"
        )
