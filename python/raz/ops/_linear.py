"""Forward mode over reverse: tangents of the gradient that a native backward is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd import forward_ad

from raz import _native

Backward = Callable[[Any, Tensor], tuple[Tensor | None, ...]]


def linear(backward: Backward) -> Backward:
    """Decorate a backward function, which is linear in the gradient, so that tangents pass too.

    The kernels that it calls would drop them. What it saved has none: the reference serves there.
    """

    @functools.wraps(backward)
    def extended(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if forward_ad._current_level < 0 or not _native.has_tangent(grad):
            return backward(ctx, grad)
        primal, tangent = forward_ad.unpack_dual(grad)  # type: ignore[no-untyped-call]
        both = zip(backward(ctx, primal), backward(ctx, tangent), strict=True)
        return tuple(_dual(*pair) for pair in both)

    return extended


def _dual(primal: Tensor | None, tangent: Tensor | None) -> Tensor | None:
    if primal is None or tangent is None:
        return None
    dual: Tensor = forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]
    return dual
