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
        mapped = [_mapped(value, dim, count) for value, dim in pairs]
        entries = mapped[0].shape[1]
        folded = [value.flatten(0, 1) for value in mapped]
        operator = getattr(torch.ops.raz, op).default
        results = operator(*folded, *arguments[tensors:])
        if isinstance(results, Tensor):
            return results.reshape(count, entries, *results.shape[1:]), 0
        unfolded = [result.reshape(count, entries, *result.shape[1:]) for result in results]
        return tuple(unfolded), (0,) * len(results)

    return rule


def _mapped(value: Tensor, dim: int | None, count: int) -> Tensor:
    return value.expand(count, *value.shape) if dim is None else value.movedim(dim, 0)
