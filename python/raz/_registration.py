"""What torch is told of the operators beside their kernels: shapes, gradients, rules of torch.vmap.

The files of :mod:`raz.ops` put it here when they are imported; torch gets it when the native module
is loaded, which defines the operators. Importing raz registers nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Gradient(NamedTuple):
    backward: Callable[..., Any]
    save: Callable[..., Any] | None
    kernels: tuple[str, ...]


_fakes: dict[str, Callable[..., Any]] = {}
_gradients: dict[str, _Gradient] = {}
_vmap_rules: dict[str, Callable[..., Any]] = {}


def register_fake(op: str) -> Callable[[_Function], _Function]:
    """Decorate the shape function ("fake kernel") of ``raz::op``."""

    def keep(fake: _Function) -> _Function:
        _fakes[op] = fake
        return fake

    return keep


def register_gradient(
    op: str, *, save: Callable[..., Any], kernels: tuple[str, ...]
) -> Callable[[_Function], _Function]:
    """Decorate the backward function of ``raz::op``.

    Args:
        op: name of the operator.
        save: keeps what backward needs, ``save(ctx, inputs, output)``.
        kernels: the operators that backward calls; where a device lacks one, the reference
            differentiates there.
    """

    def keep(backward: _Function) -> _Function:
        _gradients[op] = _Gradient(backward, save, kernels)
        return backward

    return keep


def register_vmap(op: str) -> Callable[[_Function], _Function]:
    """Decorate the rule of ``raz::op`` for torch.vmap, ``rule(info, in_dims, *arguments)``."""

    def keep(rule: _Function) -> _Function:
        _vmap_rules[op] = rule
        return rule

    return keep


def gradient_kernels(op: str) -> tuple[str, ...]:
    """Return the operators that backward of ``raz::op`` calls; none where it has no gradient."""
    gradient = _gradients.get(op)
    return () if gradient is None else gradient.kernels


@functools.cache  # torch forgets nothing, whatever happens to the module
def tell_torch() -> None:
    """Register everything that was kept, and an error for each gradient and rule that is not.

    Where raz was taken out of ``sys.modules`` and is imported again, torch was told the first time.
    """
    for op, fake in _fakes.items():
        if torch._C._dispatch_has_kernel_for_dispatch_key(f"raz::{op}", "FuncTorchBatched"):
            return
        torch.library.register_fake(f"raz::{op}", fake)
        torch.library.register_vmap(f"raz::{op}", _vmap_rules.get(op, _refuse_vmap(op)))
    for op, gradient in (_second_derivatives() | _gradients).items():
        torch.library.register_autograd(
            f"raz::{op}", gradient.backward, setup_context=gradient.save
        )


def _second_derivatives() -> dict[str, _Gradient]:
    refused = {}
    for op, gradient in _gradients.items():
        for kernel in gradient.kernels:
            refused[kernel] = _Gradient(_refuse_second_derivative(op), None, ())
    return refused


def _refuse_second_derivative(op: str) -> Callable[..., Any]:
    def backward(*_: Any) -> Any:
        raise RuntimeError(f"raz.ops.{op} has no second derivative")

    return backward


def _refuse_vmap(op: str) -> Callable[..., Any]:
    def rule(*_: Any) -> Any:
        raise RuntimeError(
            f"raz.ops.{op} cannot be mapped by torch.vmap; give it the whole batch, or loop"
        )

    return rule
