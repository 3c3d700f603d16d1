"""The native module raz._C: loaded once, on the first call of an operator, never at import.

Where it is missing or switched off (environment variable ``RAZ_DISABLE_NATIVE=1``), the operators
run their plain torch twins of :mod:`raz.reference` after one warning that names the cause.
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import torch
from torch.autograd import forward_ad

from raz import _registration
from raz.forking import held_while_forking, one_thread_in_children

_loading = held_while_forking(threading.RLock())


def load() -> ModuleType | None:
    """Return raz._C, or None after one RuntimeWarning that says why there is none.

    The first call may come from several threads at once: one loads, the others wait for it.
    """
    with _loading:
        return _load()


@functools.cache
def _load() -> ModuleType | None:
    one_thread_in_children()
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
        stacklevel=3,
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
def _has_gradient(op: str) -> bool:
    return bool(_registration.gradient_kernels(op))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _differentiable_on(op: str, device_type: str) -> bool:
    kernels = _registration.gradient_kernels(op)
    return bool(kernels) and all(_look_up(kernel, device_type) for kernel in kernels)


# What a level of torch.func follows, a trace cannot ask of a tensor, which looks constant there.
# The levels themselves are known while tracing, and a compiled function is guarded by them.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _transformed() -> bool:
    """Tell whether a transform of torch.func is at work."""
    return torch._C._functorch.maybe_current_level() is not None


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _differentiated() -> bool:
    """Tell whether a transform of torch.func that differentiates is at work."""
    kinds = torch._C._functorch.TransformType
    levels = torch._C._functorch.get_interpreter_stack() or ()
    return any(level.key() in (kinds.Grad, kinds.Jvp) for level in levels)


def serves(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether the native ``op`` can take these tensors, which are all on one device.

    It cannot on a device it is not compiled for. Where a gradient is asked for it takes kernels of
    that too; the reference, which torch itself differentiates, also serves forward-mode derivatives
    and the gradients of torch.func.
    """
    if torch.is_grad_enabled() and not _differentiates(op, tensor, *others):
        return False
    if forward_ad._current_level >= 0 and _moved(op, tensor, *others):
        return False
    compiled: bool = _compiled_for(op, tensor.device.type)
    return compiled


def call(operator: Callable[..., Any], *arguments: Any) -> Any:
    """Call a native operator; past torch's autograd, where nothing there is asked for.

    What torch.library registers of a gradient is Python, which every call outside of inference mode
    would pass, for some microseconds. Whoever traces, transforms or intercepts calls is given the
    whole of it.
    """
    if (
        torch.compiler.is_compiling()
        or torch.is_inference_mode_enabled()  # passes it already
        or _transformed()
        or torch._C._len_torch_dispatch_stack() > 0
        or (torch.is_grad_enabled() and any(map(_asks, arguments)))
    ):
        return operator(*arguments)
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*arguments)


def _asks(argument: object) -> bool:
    return isinstance(argument, torch.Tensor) and argument.requires_grad


def _differentiates(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether the native operator gives the gradients that are asked for, if any are."""
    if not _transformed():  # nearly always: every call passes here
        asked = tensor.requires_grad or any(t is not None and t.requires_grad for t in others)
        differentiable: bool = not asked or _differentiable_on(op, tensor.device.type)
        return differentiable
    if _any(_requires_grad, tensor, *others) and not _differentiable_on(op, tensor.device.type):
        return False
    # torch.library has no hook for torch.func.grad, as it has none for forward mode.
    if torch.compiler.is_compiling():
        # Operators without gradients are given constants.
        return not (_has_gradient(op) and _differentiated())
    return not _any(_tracked, tensor, *others)


def _moved(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether a forward-mode derivative is asked for; no native operator gives one."""
    if torch.compiler.is_compiling() and _transformed():
        natively: bool = _has_gradient(op)
        return natively  # as above
    return _any(has_tangent, tensor, *others)


def follows(tensor: torch.Tensor) -> bool:
    """Tell whether derivatives of any mode are asked for with respect to the tensor, or may be."""
    if torch.compiler.is_compiling() and _transformed():
        return True
    if torch.is_grad_enabled() and _requires_grad(tensor):
        return True
    return forward_ad._current_level >= 0 and has_tangent(tensor)


def constant(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor without derivatives of any mode, for results that have none."""
    followed = tensor.requires_grad or forward_ad._current_level >= 0 or _transformed()
    return tensor.detach() if followed else tensor


def _any(holds: Callable[[torch.Tensor], bool], *tensors: torch.Tensor | None) -> bool:
    return any(tensor is not None and holds(tensor) for tensor in tensors)


def _layers(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the tensor and what the wrappers of torch.func hide in it, outermost first."""
    functorch = torch._C._functorch
    yield tensor
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
        yield tensor


def _requires_grad(tensor: torch.Tensor) -> bool:
    if tensor.requires_grad or torch.compiler.is_compiling() or not _transformed():
        return tensor.requires_grad
    return any(layer.requires_grad for layer in _layers(tensor))


def _tracked(tensor: torch.Tensor) -> bool:
    """Tell whether torch.func.grad, at any level, follows the tensor."""
    tracks = torch._C._functorch.is_gradtrackingtensor
    return any(tracks(layer) and layer.requires_grad for layer in _layers(tensor))


def has_tangent(tensor: torch.Tensor) -> bool:
    """Tell whether the tensor, or one that wrappers of torch.func hide in it, is a dual one."""
    if torch.compiler.is_compiling() or not _transformed():
        return _is_dual(tensor)
    # torch.vmap has no rule for taking a dual tensor apart.
    batched = torch._C._functorch.is_batchedtensor
    return any(not batched(layer) and _is_dual(layer) for layer in _layers(tensor))


def _is_dual(tensor: torch.Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]
