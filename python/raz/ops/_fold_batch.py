"""The rule of torch.vmap for operators that already take a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def fold_batch(op: str, tensors: int) -> Callable[..., Any]:
    """Return the rule of an operator whose batch entries do not know of each other.

    The first ``tensors`` arguments begin with the batch: the mapped dimension becomes part of it.
    """

    def rule(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        count = info.batch_size
        pairs = zip(arguments[:tensors], in_dims[:tensors], strict=True)
        folded = [_fold(value, dim, count) for value, dim in pairs]
        operator = getattr(torch.ops.raz, op).default
        results = operator(*folded, *arguments[tensors:])
        if isinstance(results, Tensor):
            return _unfold(results, count), 0
        return tuple(_unfold(result, count) for result in results), (0,) * len(results)

    return rule


def _fold(value: Tensor, dim: int | None, count: int) -> Tensor:
    mapped = value.expand(count, *value.shape) if dim is None else value.movedim(dim, 0)
    return mapped.flatten(0, 1)


def _unfold(value: Tensor, count: int) -> Tensor:
    return value.reshape(count, value.shape[0] // count, *value.shape[1:])
