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
from typing import Any, TypeVar

import torch

_Fake = TypeVar("_Fake", bound=Callable[..., Any])
_fakes: dict[str, Callable[..., Any]] = {}


def register_fake(op: str) -> Callable[[_Fake], _Fake]:
    """Decorate the shape function ("fake kernel") of ``raz::op``; torch gets it on loading."""

    def keep(fake: _Fake) -> _Fake:
        _fakes[op] = fake
        return fake

    return keep


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
            importlib.import_module("raz.ops")  # whoever loads first, every fake is known now
            for op, fake in _fakes.items():
                torch.library.register_fake(f"raz::{op}", fake)
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


def serves(op: str, tensor: torch.Tensor, *others: torch.Tensor | None) -> bool:
    """Tell whether the native ``op`` can take these tensors, which are all on one device.

    It cannot on a device it is not compiled for, nor where a gradient is asked for: the native
    operators have no backward yet, and the reference is differentiable by torch itself.
    """
    if torch.is_grad_enabled() and (
        tensor.requires_grad or any(other is not None and other.requires_grad for other in others)
    ):
        return False
    compiled: bool = _compiled_for(op, tensor.device.type)
    return compiled
