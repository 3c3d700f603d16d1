"""The native module raz._C: loaded once, on the first call of an operator, never at import.

Where it is missing or switched off (environment variable ``RAZ_DISABLE_NATIVE=1``), the operators
run their plain torch twins of :mod:`raz.reference` after one warning that names the cause.
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch.autograd import forward_ad

from raz import _registration


@functools.cache
def load() -> ModuleType | None:
    """Return raz._C, or None after one RuntimeWarning that says why there is none."""
    if os.environ.get("RAZ_DISABLE_NATIVE", "0") not in ("", "0"):
        cause = "RAZ_DISABLE_NATIVE is set"
    else:
        try:
            # From the package, not by path: an editable install keeps the module elsewhere.
            from raz import _C
        except ImportError as error:
            cause = str(error)
        else:
            importlib.import_module("raz.ops")  # whoever loads first, every operator is known now
            _registration.tell_torch()
            module: ModuleType = _C
            return module
    warnings.warn(
        f"raz runs without its native module ({cause}): same results, much slower. "
        "`raz doctor` says more.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def build_info() -> dict[str, Any] | None:
    """Return the facts of the native build (compiler, CUDA, architectures), or None without one."""
    module = load()
    return None if module is None else dict(module.build_info())


# torch.compile cannot trace through loading, and need not: the answer never changes.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _compiled_for(op: str, device_type: str) -> bool:
    return _look_up(op, device_type)


@functools.cache
def _look_up(op: str, device_type: str) -> bool:
    if load() is None:
        return False
    if device_type == "meta":
        return True
    key = {"cpu": "CPU", "cuda": "CUDA"}.get(device_type)
    if key is None:
        return False
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(f"raz::{op}", key))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _differentiable_on(op: str, device_type: str) -> bool:
    kernels = _registration.gradient_kernels(op)
    return bool(kernels) and all(_look_up(kernel, device_type) for kernel in kernels)


def serves(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether the native ``op`` can take these tensors, which are all on one device.

    It cannot on a device it is not compiled for. Where a gradient is asked for it takes kernels of
    that too; the reference, which torch itself differentiates, also serves forward-mode derivatives
    and the gradients of torch.func.
    """
    if torch.is_grad_enabled() and not _differentiates(op, tensor, *others):
        return False
    if forward_ad._current_level >= 0 and _any(_has_tangent, tensor, *others):
        return False
    compiled: bool = _compiled_for(op, tensor.device.type)
    return compiled


def _differentiates(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether the native operator gives the gradients that are asked for, if any are."""
    if tensor.requires_grad or any(other is not None and other.requires_grad for other in others):
        differentiable: bool = _differentiable_on(op, tensor.device.type)
        if not differentiable:
            return False
    # torch.library has no hook for torch.func.grad, as it has none for forward mode.
    if torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is None:
        return True
    return not _any(_tracked, tensor, *others)


def _any(holds: Callable[[torch.Tensor], bool], *tensors: torch.Tensor | None) -> bool:
    return any(tensor is not None and holds(tensor) for tensor in tensors)


def constant(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor without derivatives of any mode, for results that have none."""
    followed = tensor.requires_grad or forward_ad._current_level >= 0
    return tensor.detach() if followed else tensor


def _has_tangent(tensor: torch.Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]


def _tracked(tensor: torch.Tensor) -> bool:
    """Tell whether torch.func.grad, at any level, follows the tensor."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_gradtrackingtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False
