"""Greedy non-maximum suppression of points."""

from __future__ import annotations

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check

_MAX_RADIUS = 1e18  # its square is finite in float32


def point_nms(
    points: Tensor,
    scores: Tensor,
    radius: float,
    *,
    batch: Tensor | None = None,
    radii: Tensor | None = None,
) -> Tensor:
    """Suppress points until none lies within its radius of a better one of its image.

    Greedy by score, ties to the lower index: a point is suppressed by a kept one of its own image
    at distance <= its own radius r, which is ``radius`` or, if given, its entry of ``radii``. So
    whatever the radii, leaving out the points of lowest score changes nothing of the rest. The test
    is ``dx * dx + dy * dy <= r * r`` in float32 without fused multiply-add, so that every device
    agrees; a point with a NaN or infinite coordinate neither suppresses nor is suppressed.

    Args:
        points: (x, y) of shape ``[N, 2]``, in pixels; float32, float64, float16 or bfloat16, taken
            as float32.
        scores: ``[N]``, of these dtypes, taken as float32; points whose score is NaN are dropped.
        radius: pixels, in [0, 1e18]; 0 removes duplicates.
        batch: int64 ``[N]``, the image of every point, any labels; by default all are of one image.
        radii: ``[N]``, of the dtypes above, taken as float32: pixels, of each point; at most
            ``radius``, larger ones are taken as ``radius``. A point whose radius is below 0 or NaN
            is never suppressed; it suppresses others by their radii. By default ``radius`` is that
            of every point. A bound far above the radii costs time on an accelerator.

    Returns:
        int64 ``[M]``: indexes of the kept points by descending score. M depends on the data: on an
        accelerator that waits for the device once (:func:`point_nms_mask` does not).

    Raises:
        TypeError: an argument is not a tensor of the dtypes above.
        ValueError: shapes or devices do not fit, or ``radius`` is out of range.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([1, 2])
        >>> radii = torch.tensor([0.5, 2.0, 2.0])
        >>> point_nms(points, torch.tensor([0.5, 0.9, 0.7]), 2.0, radii=radii)
        tensor([1, 2, 0])
    """
    radius = _check_arguments(points, scores, radius, batch, radii)
    points, scores = _plain(points), _plain(scores)
    radii = None if radii is None else _plain(radii)
    if not _native.serves("point_nms", points, scores, batch, radii):
        return reference.point_nms(points, scores, radius, batch=batch, radii=radii)
    keep: Tensor = torch.ops.raz.point_nms.default(points, scores, radius, batch, radii)
    return keep


def point_nms_mask(
    points: Tensor,
    scores: Tensor,
    radius: float,
    *,
    batch: Tensor | None = None,
    radii: Tensor | None = None,
) -> Tensor:
    """Tell which points :func:`point_nms` keeps, with no data-dependent size.

    Arguments and errors are those of :func:`point_nms`.

    Returns:
        bool ``[N]``: True for the kept points.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> point_nms_mask(points, torch.tensor([0.5, 0.9, 0.7]), 2.0)
        tensor([False,  True,  True])
    """
    radius = _check_arguments(points, scores, radius, batch, radii)
    points, scores = _plain(points), _plain(scores)
    radii = None if radii is None else _plain(radii)
    if not _native.serves("point_nms_mask", points, scores, batch, radii):
        return reference.point_nms_mask(points, scores, radius, batch=batch, radii=radii)
    mask: Tensor = torch.ops.raz.point_nms_mask.default(points, scores, radius, batch, radii)
    return mask


def _plain(value: Tensor) -> Tensor:
    """Float32 without derivatives: none reaches indexes."""
    return _native.constant(value).float()


def _check_arguments(
    points: Tensor, scores: Tensor, radius: float, batch: Tensor | None, radii: Tensor | None
) -> float:
    _check.shape("points", points, "[N, 2]")
    _check.dtype("points", points, _check.FLOATS)
    _check.shape("scores", scores, "[N]")
    _check.dtype("scores", scores, _check.FLOATS)
    _check.same_size("scores", scores, "points", points.shape[0])
    _check.same_device("scores", scores, "points", points)
    if batch is not None:
        _check.batch_index("batch", batch, points.shape[0], None, points)
    if radii is not None:
        _check.shape("radii", radii, "[N]")
        _check.dtype("radii", radii, _check.FLOATS)
        _check.same_size("radii", radii, "points", points.shape[0])
        _check.same_device("radii", radii, "points", points)
    radius = _check.real("radius", radius)
    if not 0 <= radius <= _MAX_RADIUS:
        raise ValueError(f"radius is {radius}; it must be in [0, {_MAX_RADIUS:g}] pixels")
    return radius


@_registration.register_fake("point_nms")
def _(
    points: Tensor, scores: Tensor, radius: float, batch: Tensor | None, radii: Tensor | None
) -> Tensor:
    return points.new_empty((torch.library.get_ctx().new_dynamic_size(),), dtype=torch.int64)


@_registration.register_fake("point_nms_mask")
def _(
    points: Tensor, scores: Tensor, radius: float, batch: Tensor | None, radii: Tensor | None
) -> Tensor:
    return points.new_empty((points.shape[0],), dtype=torch.bool)
