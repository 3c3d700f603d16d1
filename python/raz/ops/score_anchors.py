"""Sum or mean of a map inside boxes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check
from raz.ops._fold_batch import fold_batch
from raz.ops._linear import linear

_TABLES = (torch.float32, torch.float64, torch.int64)


def score_anchors(integral: Tensor, boxes: Tensor, *, reduction: str = "mean") -> Tensor:
    """Sum or average a map inside boxes, in constant time per box.

    Pixels are areas: an edge that runs through a pixel counts the covered part of it, which is
    exact for the piecewise constant map. Boxes are clipped to the map, and the mean divides by the
    clipped area. Empty, inverted and NaN boxes, and those wholly outside, score 0. A NaN of the map
    makes the scores NaN of all boxes that end below and right of it, as it does in the table.

    Args:
        integral: table of :func:`raz.ops.integral_image`, ``[B, H+1, W+1]``; float32, float64 or
            int64 (entries beyond 2^53 are rounded).
        boxes: edges ``(x1, y1, x2, y2)`` in pixels of the map, ``[B, N, 4]``; float32, float64,
            float16 or bfloat16. Infinite edges are allowed.
        reduction: "mean" (in units of the map) or "sum" (map times pixels).

    Returns:
        Scores ``[B, N]``, computed in float64 in a fixed order, so that every device gives the same
        bits. float64 where the table or the boxes are, else float32.

    Differentiable in both arguments. In the boxes it is the derivative to the right where an edge
    lies on a pixel's edge; there is none outside the map. The native
    kernels have no second derivative, and say so.

    Raises:
        TypeError: an argument is not a tensor of these dtypes.
        ValueError: the shapes do not fit, the devices differ, or ``reduction`` is unknown.

    Example:
        >>> import torch
        >>> from raz.ops import integral_image
        >>> table = integral_image(torch.ones(1, 4, 4))
        >>> score_anchors(table, torch.tensor([[[0.0, 0.0, 2.0, 2.5]]]), reduction="sum")
        tensor([[5.]], dtype=torch.float64)
    """
    _check.shape("integral", integral, "[B, H+1, W+1]")
    _check.shape("boxes", boxes, "[B, N, 4]")
    _check.dtype("integral", integral, _TABLES)
    _check.dtype("boxes", boxes, _check.FLOATS)
    _check.same_size("boxes", boxes, "integral", integral.shape[0])
    _check.same_device("boxes", boxes, "integral", integral)
    if 0 in integral.shape[1:]:
        raise ValueError(
            f"integral has shape {list(integral.shape)}; H+1 and W+1 must be at least 1"
        )
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise ValueError(f'reduction is {_check.told(reduction)}; it must be "mean" or "sum"')

    if not _native.serves("score_anchors", integral, boxes):
        return reference.score_anchors(integral, boxes, reduction=reduction)
    if boxes.dtype in _check.HALVES:
        boxes = boxes.float()
    scores: Tensor = _native.call(
        torch.ops.raz.score_anchors.default, integral, boxes, reduction == "mean"
    )
    return scores


@_registration.register_fake("score_anchors")
def _(integral: Tensor, boxes: Tensor, mean: bool) -> Tensor:
    wide = torch.float64 in (integral.dtype, boxes.dtype)
    return boxes.new_empty(boxes.shape[:2], dtype=torch.float64 if wide else torch.float32)


@_registration.register_fake("score_anchors_backward_integral")
def _(grad: Tensor, boxes: Tensor, height: int, width: int, mean: bool) -> Tensor:
    return grad.new_empty((boxes.shape[0], height + 1, width + 1))


@_registration.register_fake("score_anchors_backward_boxes")
def _(grad: Tensor, integral: Tensor, boxes: Tensor, mean: bool) -> Tensor:
    return boxes.new_empty(boxes.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    integral, boxes, ctx.mean = inputs
    ctx.table_shape, ctx.table_dtype = integral.shape, integral.dtype
    ctx.save_for_backward(boxes, integral if ctx.needs_input_grad[1] else None)


@_registration.register_gradient(
    "score_anchors",
    save=_save,
    kernels=("score_anchors_backward_integral", "score_anchors_backward_boxes"),
)
@linear
def _(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    boxes, integral = ctx.saved_tensors
    edges = boxes.double()
    of_integral = of_boxes = None
    if ctx.needs_input_grad[0]:
        height, width = ctx.table_shape[1] - 1, ctx.table_shape[2] - 1
        of_integral = torch.ops.raz.score_anchors_backward_integral.default(
            grad.double(), edges, height, width, ctx.mean
        ).to(ctx.table_dtype)
    if ctx.needs_input_grad[1]:
        of_boxes = torch.ops.raz.score_anchors_backward_boxes.default(
            grad.double(), integral, edges, ctx.mean
        ).to(boxes.dtype)
    return of_integral, of_boxes, None


for _op, _tensors in (
    ("score_anchors", 2),
    ("score_anchors_backward_integral", 2),
    ("score_anchors_backward_boxes", 3),
):
    _registration.register_vmap(_op)(fold_batch(_op, _tensors))
