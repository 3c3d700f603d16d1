"""Peaks of a map: from a localization map to points."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._fold_batch import fold_batch
from raz.reference._mean3 import mean3

_EXACT_SIDE = 2**23
"""Longest side on which float32 tells the centre of every pixel."""


def find_peaks(
    x: Tensor,
    *,
    threshold: float,
    smooth: int = 3,
    max_points: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the peaks of a map; a plateau is one peak.

    The map is smoothed by a 3x3 mean (Liu et al., CVPR 2019) over the pixels inside the image
    only (ours: with zero padding heads at the border would fall below the threshold). A peak is an
    8-connected component of equal smoothed values >= ``threshold`` with no greater and no NaN
    neighbour, reported at its first pixel in raster order; so heads 1 to 3 pixels apart give one
    point, and heads nearer than 2 pixels to the border move by up to 1.5 pixels.

    Everything is computed in float32 and in a fixed order, ``mean = ((r0 + r1) + r2) / n`` of row
    sums ``(a + b) + c``, so that every device agrees on ties.

    Args:
        x: maps of shape ``[B, H, W]``; float32, float64, float16 or bfloat16.
        threshold: the least smoothed value of a peak, rounded to float32; not NaN.
        smooth: 3 for the 3x3 mean, 1 for the map as it is.
        max_points: keep the highest ones of an image, ties to the earlier one in raster order.
            By default all are kept, and the size of the result depends on the data: on an
            accelerator that waits for the device once.

    Returns:
        ``points`` float32 ``[B, K, 2]``: (x, y) in pixels, pixel centres, in raster order;
        ``scores`` float32 ``[B, K]``: the smoothed values there;
        ``counts`` int64 ``[B]``: the number of peaks found, which may exceed K.
        K is ``max_points``, or the largest count. Rows of an image past its count are -1 with
        score 0. Scores are differentiable in ``x``, by plain torch: any number of times, in any
        mode. Beyond 2^23 pixels float32 rounds points: where ``x`` has a gradient such maps take
        plain torch, and compiled and exported graphs read scores at the rounded points.

    Raises:
        TypeError: ``x`` is not a tensor of these dtypes.
        ValueError: ``x`` is not ``[B, H, W]``, ``threshold`` is NaN, ``smooth`` is not 1 or 3,
            or ``max_points`` is negative.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 5, 6)
        >>> x[0, 2, 3] = 0.9
        >>> points, scores, counts = find_peaks(x, threshold=0.5, smooth=1)
        >>> points[0], counts
        (tensor([[3.5000, 2.5000]]), tensor([1]))
    """
    _check.shape("x", x, "[B, H, W]")
    _check.dtype("x", x, _check.FLOATS)
    threshold, smooth = _check.real("threshold", threshold), _check.whole("smooth", smooth)
    if threshold != threshold:
        raise ValueError(f"threshold is {threshold}; it must be a number")
    if smooth not in (1, 3):
        raise ValueError(f"smooth is {smooth}; it must be 1 or 3")
    if max_points is not None:
        max_points = _check.whole("max_points", max_points)
        if max_points < 0:
            raise ValueError(f"max_points is {max_points}; it must be None or at least 0")

    still = _native.constant(x)
    if not _native.serves("find_peaks", still) or (_native.follows(x) and _too_long(x)):
        return reference.find_peaks(x, threshold=threshold, smooth=smooth, max_points=max_points)
    points, scores, counts = torch.ops.raz.find_peaks.default(
        still.float(), threshold, smooth, max_points
    )
    if _native.follows(x):
        scores = _scores_at(points, x.float(), smooth)
    return points, scores, counts


def _too_long(x: Tensor) -> bool:
    """Tell whether points of x do not tell their pixels. Sizes of graphs are not looked at."""
    if torch.compiler.is_compiling() or any(isinstance(side, torch.SymInt) for side in x.shape):
        return False
    return max(x.shape[1:]) > _EXACT_SIDE


def _scores_at(points: Tensor, x: Tensor, smooth: int) -> Tensor:
    """Read the scores of points [B, K, 2] where torch can differentiate them; 0 for missing ones.

    In the reference's order: they are the same bits as the native scores.
    """
    _, height, width = x.shape
    values = mean3(x) if smooth == 3 else x
    column, row = points.long().unbind(-1)
    index = (row * width + column).masked_fill(column < 0, height * width)
    return pad(values.flatten(1), (0, 1)).gather(1, index)


@_registration.register_fake("find_peaks")
def _(
    x: Tensor, threshold: float, smooth: int, max_points: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.library.get_ctx().new_dynamic_size() if max_points is None else max_points
    return (
        x.new_empty((x.shape[0], rows, 2)),
        x.new_empty((x.shape[0], rows)),
        x.new_empty((x.shape[0],), dtype=torch.int64),
    )


_fold_batch = fold_batch("find_peaks", tensors=1)


@_registration.register_vmap("find_peaks")
def _(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    if arguments[-1] is None:
        raise RuntimeError("raz.ops.find_peaks can be mapped by torch.vmap only with max_points")
    return _fold_batch(info, in_dims, *arguments)
