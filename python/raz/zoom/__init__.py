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
from .fusion import average_counts, cell_counts, fuse_cells, fuse_counts
from .merging import merge_points, resolve
from .recurrence import MAX_BATCH_PIXELS, Network, Pass, Trace, collect

__all__ = [
    "MAX_BATCH_PIXELS",
    "Budget",
    "Network",
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
]


def count_and_locate(
    model: Network,
    image: Tensor,
    *,
    budget: Budget = DEFAULT_BUDGET,
    context: int = 32,
    seed: int = 0,
    path: str | None = None,
) -> Result:
    """Count and locate the persons in one image, zooming into its crowded regions.

    The same as `collect` with the model's own thresholds as floors, then `resolve`. Points lie
    strictly inside the image; without a proposed region any depth gives what depth 1 gives.

    Memory beside the network's own: 12 bytes a pixel of the image or of a batch of enlarged crops
    (at most `MAX_BATCH_PIXELS` pixels, or one crop where that is larger), see `collect`.

    Args:
        model: in evaluation mode; see `Network`.
        image: uint8 [3, H, W], RGB, H and W at least 1; moved to the model's device.
        budget: how deep to look, and at how much; what it cuts off is in ``Result.skipped``.
        context: margin around a region in pixels of the pass that proposed it (ours).
        seed: of the anchors' centres.
        path: of the image, to be named in the result.

    Raises:
        TypeError: ``image`` is not a uint8 tensor.
        ValueError: a shape or a number is out of range.
    """
    point = model.operating_point
    trace = collect(
        model,
        image,
        budget=budget,
        context=context,
        seed=seed,
        floor=min(point.peak_threshold(level) for level in range(1, budget.depth + 1)),
        region_floor=point.region_threshold,
        path=path,
    )
    return resolve(trace, point)
