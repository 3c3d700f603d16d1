"""Recurrent attentive zooming: from the network's maps to one `Result` (Liu et al., CVPR 2019).

`count_and_locate` does all of it. A calibrator calls `collect` once per image with low floors, then
`resolve` at as many thresholds as it likes, or `cell_counts` and `fuse_cells` for fusion alone.
`fixed_step` is one round of fixed sizes, for compiled graphs.
"""

from __future__ import annotations

from torch import Tensor

from raz.result import Result

from .budget import DEFAULT_BUDGET, Budget
from .fixed import fixed_step
from .fusion import average_counts, cell_counts, fuse_cells, fuse_counts, without_faint_cells
from .merging import merge_points, resolve
from .passes import MAX_BATCH_PIXELS, Network, Pass, Trace, collect
from .tiles import DEFAULT_TILE, Overlap
from .views import ImageSource

__all__ = [
    "DEFAULT_TILE",
    "MAX_BATCH_PIXELS",
    "Budget",
    "ImageSource",
    "Network",
    "Overlap",
    "Pass",
    "Trace",
    "average_counts",
    "cell_counts",
    "collect",
    "count_and_locate",
    "fixed_step",
    "fuse_cells",
    "fuse_counts",
    "merge_points",
    "resolve",
    "without_faint_cells",
]


def count_and_locate(
    model: Network,
    image: Tensor | ImageSource,
    *,
    budget: Budget = DEFAULT_BUDGET,
    tile: int = DEFAULT_TILE,
    overlap: Overlap = "exact",
    context: int = 32,
    seed: int = 0,
    path: str | None = None,
) -> Result:
    """Count and locate the persons in one image, zooming into its crowded regions.

    The same as `collect` with the model's own thresholds as floors, then `resolve`. Points lie
    strictly inside the image; without a proposed region any depth gives what depth 1 gives.

    Memory is bounded by the tile; what comes on top is told at `collect`.

    Args:
        model: in evaluation mode; see `Network`.
        image: uint8 [3, H, W], RGB, H and W at least 1; or a source of which windows are read.
        budget: how deep to look, and at how much; what it cuts off is in ``Result.skipped``.
        tile: longest side in pixels of what goes through the network at once, a multiple of 32.
        overlap: of tiles, "exact" or "fast", see `collect`.
        context: margin around a region in pixels of the pass that proposed it (ours).
        seed: of the anchors' centres.
        path: of the image, to be named in the result.

    Raises:
        TypeError: ``image`` is neither a uint8 tensor nor a source; ``tile`` is not an integer.
        ValueError: a shape or a number is out of range.
    """
    point = model.operating_point
    trace = collect(
        model,
        image,
        budget=budget,
        tile=tile,
        overlap=overlap,
        context=context,
        seed=seed,
        floor=min(point.peak_threshold(level) for level in range(1, budget.depth + 1)),
        region_floor=point.region_threshold,
        path=path,
    )
    return resolve(trace, point)
