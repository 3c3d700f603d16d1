"""Recurrent attentive zooming: from the network's maps to one `Result` (Liu et al., CVPR 2019).

`count_and_locate` does all of it. A calibrator calls `collect` once per image with low floors, then
`resolve` at as many thresholds as it likes, or `cell_counts` and `fuse_cells` for fusion alone.
`fixed_step` is one round of fixed sizes, for compiled graphs.
"""

from __future__ import annotations

from torch import Tensor

from raz.result import Result

from .fixed import fixed_step
from .fusion import average_counts, cell_counts, fuse_cells, fuse_counts
from .merging import merge_points, resolve
from .recurrence import MAX_BATCH_PIXELS, Network, Pass, Trace, collect

__all__ = [
    "MAX_BATCH_PIXELS",
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
    depth: int = 2,
    max_regions: int = 10,
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
        depth: passes, 1 or more; 1 is no zoom, 2 the paper's headline.
        max_regions: most regions proposed by one attention map (Liu et al., CVPR 2019: 10).
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
        depth=depth,
        max_regions=max_regions,
        context=context,
        seed=seed,
        floor=min(point.peak_threshold(level) for level in range(1, max(depth, 1) + 1)),
        region_floor=point.region_threshold,
        path=path,
    )
    return resolve(trace, point)
