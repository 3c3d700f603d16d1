"""torch's opcheck for the calls of native operators that the tests make."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from raz import _registration

from . import devices

# For every kind of call. The first one of each form (with and without a gradient, with and without
# optional arguments) is traced too, which takes up to a second.
QUICK = ("test_schema", "test_autograd_registration", "test_faketensor")
TRACED = "test_aot_dispatch_dynamic"
EVERY = os.environ.get("RAZ_OPCHECK") == "every"
"""Check every call, not one of each kind: CI does."""
LARGEST = 1 << 16  # elements, and side: the checks copy and compare what they are given

Call = tuple[Any, tuple[Any, ...]]
_seen: set[Any] = set()
_traced: set[Any] = set()


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Note the native calls while the block runs: of kinds not seen before, or every one."""
    calls: list[Call] = []
    packets = {op: getattr(torch.ops.raz, op) for op in _registration._fakes}
    for op, packet in packets.items():
        setattr(torch.ops.raz, op, _Recorded(packet, calls))
    try:
        yield calls
    finally:
        for op, packet in packets.items():
            setattr(torch.ops.raz, op, packet)


def check(operator: Any, arguments: tuple[Any, ...]) -> None:
    """Run opcheck on one call."""
    tensors = [value for value in arguments if isinstance(value, torch.Tensor)]
    differentiated = any(tensor.requires_grad for tensor in tensors)
    form = (operator, differentiated, *map(type, arguments))
    utils = QUICK
    if form not in _traced and all(tensor.numel() for tensor in tensors):
        _traced.add(form)
        utils = (*QUICK, TRACED)
    with warnings.catch_warnings():  # opcheck's own, since torch 2.14
        warnings.filterwarnings("ignore", r"The \.grad attribute of a Tensor that is not a leaf")
        torch.library.opcheck(operator, arguments, test_utils=utils)


class _Recorded:
    """Stands for an operator in torch.ops.raz."""

    def __init__(self, packet: Any, calls: list[Call]) -> None:
        self._packet = packet
        self._calls = calls
        self.default = devices.StandIn(packet.default, self._note)

    def __call__(self, *arguments: Any) -> Any:
        return self._packet(*arguments)

    def _note(self, *arguments: Any) -> Any:
        result = self._packet.default(*arguments)  # a call that fails is not noted
        transformed = torch._C._functorch.maybe_current_level() is not None
        if not transformed and all(map(_checkable, arguments)):
            # Backward is called with what required a gradient in forward.
            op = self._packet.__name__
            asks = torch.is_grad_enabled() and bool(_registration.gradient_kernels(op))
            kind = (op, *(_kind(value, asks) for value in arguments))
            if EVERY or kind not in _seen:
                _seen.add(kind)
                leaves = tuple(_leaf(value, asks) for value in arguments)
                self._calls.append((self._packet.default, leaves))
        return result


def _checkable(value: Any) -> bool:
    if not isinstance(value, torch.Tensor):
        return True
    largest = max(value.numel(), *value.shape, 0)
    return value.device.type == devices.DEVICE and largest <= LARGEST


def _kind(value: Any, asks: bool) -> Any:
    """Return what an operator could tell two arguments apart by, beside their values and sizes."""
    if not isinstance(value, torch.Tensor):
        return type(value)
    differentiated = asks and value.requires_grad
    return value.dtype, value.dim(), value.numel() == 0, value.is_contiguous(), differentiated


def _leaf(value: Any, asks: bool) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    with torch.inference_mode(False):
        leaf = value.clone() if value.is_inference() else value.detach()
        return leaf.requires_grad_(asks and value.requires_grad)
