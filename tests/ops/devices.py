"""The tests of operators on another device: every native call goes there and comes back.

``RAZ_TEST_DEVICE=cuda``: tests that make their tensors on the CPU then run the CUDA kernels,
forward and, because the copies are differentiable, backward.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from raz import _registration

DEVICE = os.environ.get("RAZ_TEST_DEVICE", "cpu")


@contextmanager
def native_calls_on(device: str) -> Iterator[None]:
    """Run native operators that are given CPU tensors on ``device`` while the block runs."""
    packets = {op: getattr(torch.ops.raz, op) for op in _registration._fakes}
    for op, packet in packets.items():
        setattr(torch.ops.raz, op, _Elsewhere(packet, torch.device(device)))
    try:
        yield
    finally:
        for op, packet in packets.items():
            setattr(torch.ops.raz, op, packet)


class StandIn:
    """Called instead of an operator's overload, and in all else the overload: torch looks at it."""

    def __init__(self, overload: Any, call: Callable[..., Any]) -> None:
        self._overload = overload
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._overload, name)


class _Elsewhere:
    """Stands for an operator in torch.ops.raz."""

    def __init__(self, packet: Any, device: torch.device) -> None:
        self._overload = packet.default
        self._device = device
        self.default = StandIn(packet.default, self)

    def __call__(self, *arguments: Any) -> Any:
        tensors = [value for value in arguments if isinstance(value, torch.Tensor)]
        if any(tensor.device.type != "cpu" for tensor in tensors):
            return self._overload(*arguments)
        result = self._overload(*(_moved(value, self._device) for value in arguments))
        if isinstance(result, torch.Tensor):
            return result.cpu()
        return tuple(value.cpu() for value in result)


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value
