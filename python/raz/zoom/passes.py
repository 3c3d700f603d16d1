"""The network's passes over an image and, again and again, over enlarged regions of it.

`collect_trace` runs the network and keeps what it saw as a tree of passes. Nothing in that tree
depends on the thresholds that `raz.zoom.resolve` applies afterwards, so calibration runs the
network once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from raz.network import Network
from raz.result import SkippedRegion, SkipReason

from .budget import Spending
from .coordinates import Box, CropGeometry, points_in_boxes, window_around
from .inference import Seen, look_at, look_in_tiles
from .proposals import Proposal, propose
from .seams import SEAM
from .settings import ZoomSettings
from .tiles import Tiling
from .views import ImageSource, TensorImage, View

ENLARGEMENT = 2
"""Each round enlarges its regions this many times (Liu et al., CVPR 2019)."""

MAX_BATCH_PIXELS = 4_194_304
"""Most pixels of enlarged crops in one batch (ours); a single larger crop goes alone."""


@dataclass
class Pass:
    """What one pass of the network saw in its region.

    Attributes:
        frame: the window that was looked at, context included, and its enlargement.
        box: the region in original pixels; the whole image for the first pass.
        score: mean attention of the region; 1 for the first pass.
        depth: passes down to this one, counted from 1.
        points: float64 [N, 2], peaks in original pixels, inside ``box`` or up to `SEAM` pixels
            beyond it as far as the window shows, raster order.
        scores: float32 [N], their scores, each at least the trace's ``floor``.
        seconds: wall clock of the pass, an equal share of its batch's.
        children: passes over the regions proposed in this one, by descending score.
        skipped: regions proposed in this one that the budget did not reach, by descending score.
    """

    frame: CropGeometry
    box: Box
    score: float
    depth: int
    points: Tensor
    scores: Tensor
    seconds: float = 0.0
    children: list[Pass] = field(default_factory=list)
    skipped: list[SkippedRegion] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """All passes over one image, before any threshold is chosen.

    Attributes:
        root: the pass over the whole image.
        density: float32 [h, w] on the CPU, persons per cell.
        image_size: (w, h) in pixels.
        stride: image pixels per cell of the density map.
        depth: rounds that were allowed.
        floor: least score of a collected point.
        region_floor: least score of a collected region.
        model: name of the model.
        path: of the image, where it has one.
        speed: milliseconds of "main" and "zoom".
    """

    root: Pass
    density: Tensor
    image_size: tuple[int, int]
    stride: int
    depth: int
    floor: float
    region_floor: float
    model: str
    path: str | None
    speed: dict[str, float]


@dataclass(frozen=True)
class _Task:
    """A region waiting for its pass."""

    parent: Pass
    proposal: Proposal
    frame: CropGeometry

    def skipped(self, reason: SkipReason) -> SkippedRegion:
        """The region as one that was not looked at."""
        box, score = self.proposal.box, self.proposal.score
        return SkippedRegion(box=box, score=score, depth=self.parent.depth + 1, reason=reason)


@dataclass(frozen=True)
class _Zooming:
    """One network zooming into one image: what stays the same over all rounds."""

    model: Network
    image: ImageSource
    tiling: Tiling | None
    device: torch.device
    dtype: torch.dtype
    floor: float
    region_floor: float
    max_regions: int
    context: int
    seed: int

    def look(self, images: Tensor) -> dict[str, Tensor]:
        """Run the network on float images [B, 3, h, w]: the one call of it in this package."""
        outputs: dict[str, Tensor] = self.model(images.to(self.dtype))
        expected = (images.shape[0], *images.shape[2:])
        if tuple(outputs["localization"].shape) != expected:
            raise ValueError(
                f"the model's localization has shape {tuple(outputs['localization'].shape)}, "
                f"must be {expected} like its input"
            )
        return outputs

    def see(
        self, frames: Sequence[CropGeometry], cells: Collection[str], stop: Callable[[], bool]
    ) -> list[Seen]:
        """One pass over frames of one size: together, or in tiles where they are larger than one.

        Returns:
            what was seen in each; fewer where ``stop`` put an end to it between two tiles.
        """
        views = [View(self.image, frame, self.device) for frame in frames]
        if self.tiling is None or self.tiling.fits(views[0].size):
            return look_at(self.look, views, floor=self.floor, cells=cells)
        tiled: list[Seen] = []
        for view in views:
            seen = look_in_tiles(
                self.look,
                view,
                self.tiling,
                stride=self.model.stride,
                floor=self.floor,
                cells=cells,
                stop=stop,
            )
            if seen is None:
                break
            tiled.append(seen)
        return tiled

    def main(self) -> tuple[Pass, Tensor, Tensor]:
        """Pass over the whole image, its density [h, w] and its attention [h, w]."""
        width, height = self.image.image_size
        frame = CropGeometry(0, 0, width, height)
        [seen] = self.see([frame], ("density", "attention"), lambda: False)
        points, scores, cells = seen
        root = Pass(frame, frame.box, 1.0, 1, frame.points_to_image(points), scores)
        return root, cells["density"].float().cpu(), cells["attention"]

    def tasks(self, parent: Pass, attention: Tensor) -> list[_Task]:
        """Regions that the attention map of a pass proposes inside that pass's own region."""
        proposals = propose(
            attention,
            parent.frame,
            parent.box,
            stride=self.model.stride,
            threshold=self.region_floor,
            max_regions=self.max_regions,
            seed=self.seed,
        )
        scale = parent.frame.scale
        context = self.context / scale
        return [
            _Task(
                parent,
                proposal,
                window_around(proposal.box, context, self.image.image_size, scale * ENLARGEMENT),
            )
            for proposal in proposals
        ]

    def zoom(
        self, tasks: Sequence[_Task], spending: Spending, *, last: bool
    ) -> list[tuple[Pass, Tensor | None]]:
        """Hang one pass below its parent for every region of a round that can be afforded.

        Returns:
            These passes and their attention maps, in the tasks' order; no maps of the last round.
        """
        sizes = [task.frame.size for task in tasks]
        chosen = spending.afford(
            [task.proposal.score for task in tasks], [height * width for height, width in sizes]
        )
        seen: dict[int, tuple[Pass, Tensor | None]] = {}
        most = MAX_BATCH_PIXELS
        if self.tiling is not None:
            most = min(most, self.tiling.side**2)
        for batch in batches_by_size([sizes[index] for index in chosen], most):
            if spending.time_is_up():
                break
            indices = [chosen[position] for position in batch]
            passes = self.zoom_batch([tasks[index] for index in indices], spending, last=last)
            seen.update(zip(indices, passes, strict=False))
        for index, task in enumerate(tasks):
            if index in seen:
                task.parent.children.append(seen[index][0])
            else:
                task.parent.skipped.append(
                    task.skipped("max_seconds" if index in chosen else "max_zoom_pixels")
                )
        return [seen[index] for index in sorted(seen)]

    def zoom_batch(
        self, tasks: Sequence[_Task], spending: Spending, *, last: bool
    ) -> list[tuple[Pass, Tensor | None]]:
        """One pass over each of several regions of one size, and its attention unless it is last.

        Nothing where time was up between two tiles of a region.
        """
        started = time.perf_counter()
        cells = () if last else ("attention",)
        seen = self.see([task.frame for task in tasks], cells, spending.time_is_up)
        passes = [
            (_pass_over(task, points, scores), maps.get("attention"))
            for task, (points, scores, maps) in zip(tasks, seen, strict=False)
        ]
        for each, _ in passes:
            each.seconds = (time.perf_counter() - started) / len(tasks)
        return passes


def collect_trace(
    model: Network,
    image: Tensor | ImageSource,
    settings: ZoomSettings = ZoomSettings(),
    *,
    floor: float = 0.05,
    region_floor: float | None = None,
    path: str | None = None,
) -> Trace:
    """Look at an image, then round by round at its regions enlarged 2x, and keep all of it.

    A point's existence and a region's do not depend on the thresholds: peaks are local maxima and
    non-maximum suppression is greedy by score, so dropping low scores later gives the same as never
    having asked for them. Collect once with low floors, then `raz.zoom.resolve` at any thresholds
    above them. (With a budget of pixels this holds to depth 2, since regions that are dropped later
    have used it up; with one of seconds nothing can be promised.)

    Deeper rounds sample the original image (4x, 8x, ...), never an enlarged crop of it. Regions of
    a round are grouped by size into batches of at most `MAX_BATCH_PIXELS` pixels.

    An image or an enlarged region longer than ``settings.tile`` goes through the network in
    overlapping tiles, and is never in memory whole, except for an image that is a tensor. The
    result is that of the whole: the same points where no score lies within 1e-4 of a threshold or
    of a tie, the same density within 1e-4. Memory beside the network's own for one tile or batch:
    12 bytes for each of its pixels, 24 bytes per cell of the image's maps, and at depth 3 or more
    4 bytes per cell of all regions of a round (`raz.zoom.memory.required_bytes` adds it up).

    Args:
        model: in evaluation mode; see `Network`.
        image: uint8 [3, H, W], RGB, H and W at least 1; or a source of which windows are read.
        settings: how to zoom; what its limits cut off is kept as ``Pass.skipped``.
        floor: least score of a point, in [0, 1].
        region_floor: least mean attention of a region; by default the model's own threshold.
        path: of the image, to be named in the result.

    Raises:
        TypeError: ``image`` is neither a uint8 tensor nor a source.
        ValueError: a shape is wrong, or the tile is too small for the network's receptive field.
    """
    _check(image)
    if region_floor is None:
        region_floor = model.operating_point.region_threshold
    cut = settings.tiling(model.receptive_field)
    device, dtype = placement(model, image)
    started = time.perf_counter()
    with torch.inference_mode():
        zooming = _Zooming(
            model,
            _source(image, cut, device),
            cut,
            device,
            dtype,
            floor,
            region_floor,
            settings.max_regions,
            settings.context,
            settings.seed,
        )
        root, density, attention = zooming.main()
        looked = time.perf_counter()
        _zoom_in(zooming, root, attention, settings)
    zoomed = time.perf_counter()
    return Trace(
        root=root,
        density=density,
        image_size=zooming.image.image_size,
        stride=model.stride,
        depth=settings.depth,
        floor=floor,
        region_floor=region_floor,
        model=model.architecture,
        path=path,
        speed={"main": (looked - started) * 1e3, "zoom": (zoomed - looked) * 1e3},
    )


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


def _zoom_in(zooming: _Zooming, root: Pass, attention: Tensor, settings: ZoomSettings) -> None:
    """Grow the tree below the first pass, one round after the other."""
    spending = Spending(settings)
    front: list[tuple[Pass, Tensor | None]] = [(root, attention)]
    for level in range(2, settings.depth + 1):
        tasks = [
            task
            for parent, seen in front
            if seen is not None
            for task in zooming.tasks(parent, seen)
        ]
        front = zooming.zoom(tasks, spending, last=level == settings.depth)


def _pass_over(task: _Task, points: Tensor, scores: Tensor) -> Pass:
    """Keep the peaks of a crop that lie in its region or at its seams, not in all the context."""
    box = task.proposal.box
    located = task.frame.points_to_image(points)
    edges = torch.tensor([box], dtype=torch.float64)
    reach = edges + torch.tensor([-SEAM, -SEAM, SEAM, SEAM], dtype=torch.float64)
    inside = points_in_boxes(located, reach)[:, 0]
    return Pass(
        task.frame,
        box,
        task.proposal.score,
        task.parent.depth + 1,
        located[inside],
        scores[inside],
    )


def _source(image: Tensor | ImageSource, cut: Tiling | None, device: torch.device) -> ImageSource:
    """The image as a source. A small one goes to the network's device at once, whole."""
    if not isinstance(image, Tensor):
        return image
    whole = cut is None or cut.fits((image.shape[-2], image.shape[-1]))
    return TensorImage(image.to(device) if whole else image)


def placement(model: Network, image: Tensor | ImageSource) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a module's weights; a model without any runs at the image's."""
    if isinstance(model, torch.nn.Module):
        for parameter in model.parameters():
            if parameter.is_floating_point():
                return parameter.device, parameter.dtype
    return image.device if isinstance(image, Tensor) else torch.device("cpu"), torch.float32


def _check(image: Tensor | ImageSource) -> None:
    if not isinstance(image, Tensor) and hasattr(image, "image_size") and hasattr(image, "read"):
        return
    if not isinstance(image, Tensor) or image.dtype != torch.uint8:
        kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"image is {kind}, must be a uint8 tensor [3, H, W] or a ImageSource")
    if image.ndim != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise ValueError(
            f"image has shape {tuple(image.shape)}, must be [3, H, W] with at least one pixel"
        )
