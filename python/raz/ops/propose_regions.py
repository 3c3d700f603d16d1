"""Region proposals from attention maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._fold_batch import fold_batch

MOST_ANCHORS = 2**24
"""Most anchors of one map; a quarter of a minute or so of one CPU core."""


def propose_regions(
    attention: Tensor,
    *,
    num_points: int = 200,
    scales: Sequence[float] = (1 / 3, 2 / 3),
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    score_threshold: float = 0.01,
    iou_threshold: float = 0.3,
    max_regions: int = 10,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Propose the regions that are worth zooming into: high attention, little overlap.

    Anchors stand at uniformly random points, one for every scale and ratio, clipped to the map.
    Their score is the mean attention inside. Those below the threshold are dropped; of the others
    the highest is kept, what overlaps it too much is suppressed, and so on (Liu et al., CVPR 2019;
    the mean as score and the IoU of 0.3 are ours). ``csrc/include/raz/propose_regions.h`` defines
    the arithmetic exactly: native and plain torch agree in every bit on the CPU. Other devices may
    sum the integral image in another order: the same anchors, but a score may differ in its last
    float32 bit. No gradient flows through.

    Args:
        attention: maps ``[B, H, W]``, larger is more congested; float32, float64, float16 or
            bfloat16. Any values; an anchor whose mean is NaN is dropped.
        num_points: number of random points; a function of ``seed`` and the map's size alone, so
            the same for every image of a batch and on every device. Times the numbers of scales
            and ratios it must be at most 2^24.
        scales: sides of the square anchors in units of the map's shorter edge, positive.
        ratios: width over height, positive; all anchors of one scale have the same area.
        score_threshold: least mean attention of a region, compared in float32.
        iou_threshold: in [0, 1]; anchors whose intersection over union with a better region is
            greater are suppressed.
        max_regions: most regions per image (K).
        seed: of the random points, a signed 64-bit integer.

    Returns:
        ``boxes`` float32 ``[B, K, 4]``, edges (x1, y1, x2, y2) in pixels of the map; ``scores``
        float32 ``[B, K]``, descending, ties in the order point, scale, ratio; ``counts`` int64
        ``[B]``, the number of regions found. Rows past the count are 0.

    Raises:
        TypeError: an argument is not of the type above.
        ValueError: ``attention`` is not [B, H, W], or another argument is out of its range.

    Example:
        >>> import torch
        >>> attention = torch.zeros(1, 12, 16)
        >>> attention[0, 2:6, 4:8] = 1.0
        >>> boxes, scores, counts = propose_regions(attention, max_regions=2)
        >>> boxes.shape, counts
        (torch.Size([1, 2, 4]), tensor([2]))
    """
    _check.shape("attention", attention, "[B, H, W]")
    _check.dtype("attention", attention, _check.FLOATS)
    num_points = _count("num_points", num_points)
    max_regions = _count("max_regions", max_regions)
    scales, ratios = _positive("scales", scales), _positive("ratios", ratios)
    score_threshold = _check.real("score_threshold", score_threshold)
    iou_threshold = _check.real("iou_threshold", iou_threshold)
    seed = _check.whole("seed", seed)
    anchors = num_points * len(scales) * len(ratios)
    if anchors > MOST_ANCHORS:
        raise ValueError(
            f"num_points is {num_points}; with {len(scales)} scales and {len(ratios)} ratios it "
            f"must be at most {MOST_ANCHORS} anchors altogether, not {anchors}"
        )
    if not -math.inf < score_threshold < math.inf:
        raise ValueError(f"score_threshold is {score_threshold}; it must be finite")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"iou_threshold is {iou_threshold}; it must be in [0, 1]")

    attention = _native.constant(attention)
    if not _native.serves("propose_regions", attention):
        return reference.propose_regions(
            attention,
            num_points=num_points,
            scales=scales,
            ratios=ratios,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            max_regions=max_regions,
            seed=seed,
        )
    if attention.dtype in _check.HALVES:
        attention = attention.float()
    boxes, scores, counts = torch.ops.raz.propose_regions.default(
        attention,
        num_points,
        scales,
        ratios,
        score_threshold,
        iou_threshold,
        max_regions,
        seed,
    )
    return boxes, scores, counts


def _count(name: str, value: int) -> int:
    value = _check.whole(name, value)
    if not 0 <= value <= 2**31:
        raise ValueError(f"{name} is {value}; it must be in [0, {2**31}]")
    return value


def _positive(name: str, values: Sequence[float]) -> list[float]:
    entries = _check.reals(name, values)
    if not all(0 < value < math.inf for value in entries):
        raise ValueError(f"{name} is {tuple(entries)}; every entry must be positive and finite")
    return entries


@_registration.register_fake("propose_regions")
def _(
    attention: Tensor,
    num_points: int,
    scales: Sequence[float],
    ratios: Sequence[float],
    score_threshold: float,
    iou_threshold: float,
    max_regions: int,
    seed: int,
) -> tuple[Tensor, Tensor, Tensor]:
    batch = attention.shape[0]
    return (
        attention.new_empty((batch, max_regions, 4), dtype=torch.float32),
        attention.new_empty((batch, max_regions), dtype=torch.float32),
        attention.new_empty((batch,), dtype=torch.int64),
    )


_registration.register_vmap("propose_regions")(fold_batch("propose_regions", tensors=1))
