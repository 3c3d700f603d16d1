"""Checks of the operators' arguments. Errors name the argument, what it was, what it must be."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
HALVES = (torch.float16, torch.bfloat16)
_TRACING = (torch._C._TorchDispatchModeKey.FAKE, torch._C._TorchDispatchModeKey.PROXY)
_WHOLE = (int, torch.SymInt)  # int() of a size that a graph leaves open would fix it
_REAL = (float, int, torch.SymFloat, torch.SymInt)
MOST_INTEGER = 2**63 - 1
_MOST_ENTRIES = 2**24
MOST_IMAGES = 2**31
"""Most images of a batch that has maps: without pixels they need no memory, and each takes time."""


def tensor(name: str, value: object) -> None:
    """Raise TypeError unless ``value`` is a tensor that has every number in memory."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; it must be a torch.Tensor")
    if value.layout is not torch.strided or value.is_nested:
        kind = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        raise TypeError(f"{name} is {kind}; it must be a dense tensor")


def shape(name: str, value: Tensor, layout: str) -> None:
    """Raise unless ``value`` is a tensor of a layout such as "[N, 2]": letters are any size.

    Only the last entry may be a number, of one digit: every call of every operator comes here.
    """
    tensor(name, value)
    last = layout[-3:-1].strip()  # not the 1 of "H+1"
    if value.dim() != layout.count(",") + 1 or (last.isdigit() and value.shape[-1] != int(last)):
        raise ValueError(f"{name} has shape {list(value.shape)}; it must be {layout}")


def same_size(name: str, value: Tensor, other: str, size: int) -> None:
    """Raise ValueError unless ``value`` has as many rows as the argument named ``other``."""
    if value.shape[0] != size:
        raise ValueError(f"{name} has {value.shape[0]} rows; it must have {size}, like {other}")


def dtype(name: str, value: Tensor, allowed: Collection[torch.dtype]) -> None:
    """Raise TypeError unless the tensor's dtype is among ``allowed``."""
    if value.dtype not in allowed:
        names = ", ".join(str(entry).removeprefix("torch.") for entry in allowed)
        raise TypeError(f"{name} is {value.dtype}; it must be one of {names}")


def whole(name: str, value: int) -> int:
    """Return a whole number; raise unless it is one, of 64 bits."""
    if not isinstance(value, _WHOLE) or isinstance(value, bool):  # torch takes no bool for a size
        try:
            value = operator.index(value)
        except (TypeError, RuntimeError):
            raise TypeError(f"{name} is {told(value)}; it must be a whole number") from None
    if not -MOST_INTEGER - 1 <= value <= MOST_INTEGER:
        raise ValueError(f"{name} is {value}; it must be a signed 64-bit integer")
    return value


def real(name: str, value: float) -> float:
    """Return a number, NaN and infinities too; raise TypeError unless it is one."""
    if isinstance(value, _REAL):
        return value if not isinstance(value, int) else _as_float(name, value)
    if not isinstance(value, (str, bytes)):  # float() reads them
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            pass
    raise TypeError(f"{name} is {told(value)}; it must be a number")


def reals(name: str, values: Sequence[float]) -> list[float]:
    """Return numbers as a list; raise TypeError unless they are some."""
    try:
        count = len(values)
        entries = list(values) if count <= _MOST_ENTRIES else []
    except TypeError:  # also of a tensor without dimensions
        raise TypeError(f"{name} is {told(values)}; it must be a sequence of numbers") from None
    if count > _MOST_ENTRIES:
        raise ValueError(f"{name} has {count} entries; it must have at most {_MOST_ENTRIES}")
    return [real(f"{name}[{index}]", entry) for index, entry in enumerate(entries)]


def told(value: object) -> str:
    """Return a value as errors show it: in one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"a {type(value).__name__}"


def _as_float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} has {len(str(value))} digits; no float is so large") from None


def same_device(name: str, value: Tensor, other: str, reference: Tensor) -> None:
    """Raise ValueError unless both tensors are on one device."""
    if value.device != reference.device:
        raise ValueError(
            f"{name} is on {value.device}; it must be on {reference.device}, like {other}"
        )


def readable(value: Tensor) -> bool:
    """Tell whether values may be looked at.

    On an accelerator that would wait for the device; a tensor of torch.func has none of its own,
    nor has one that is traced, by torch.compile or by make_fx.
    """
    return (
        value.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not torch._C._functorch.is_functorch_wrapped_tensor(value)
        and not isinstance(value, FakeTensor)
        and all(torch._C._get_dispatch_mode(mode) is None for mode in _TRACING)
    )


def batch_index(name: str, value: Tensor, count: int, batch_size: int | None, like: Tensor) -> None:
    """Raise unless ``value`` is int64 [count] with entries in [0, batch_size).

    Values are looked at on the CPU only.
    """
    shape(name, value, "[N]")
    dtype(name, value, (torch.int64,))
    same_size(name, value, "the boxes or points", count)
    same_device(name, value, "the boxes or points", like)
    if batch_size is None or value.numel() == 0 or not readable(value):
        return
    if value.numel() <= 64:  # as a list in a third of the time of two tensors
        entries = value.tolist()
        low, high = min(entries), max(entries)
    else:
        low, high = map(int, value.aminmax())
    if low < 0 or high >= batch_size:
        raise ValueError(
            f"{name} holds {low if low < 0 else high}; it must be in [0, {batch_size})"
        )


def optional_batch(
    batch: Tensor | None, batch_size: int | None, points: Tensor, *, most: int = MOST_IMAGES
) -> int:
    """Return the number of images; raise unless ``batch`` and ``batch_size`` go together."""
    if batch is None:
        if batch_size is not None:
            raise ValueError(f"batch_size is {batch_size} without batch; give both or neither")
        return 1
    if batch_size is not None:
        batch_size = whole("batch_size", batch_size)
    if batch_size is None or batch_size < 0:
        raise ValueError(f"batch_size is {batch_size}; with batch it must be a number, at least 0")
    if batch_size > most:
        raise ValueError(f"batch_size is {batch_size}; it must be at most {most}")
    batch_index("batch", batch, points.shape[0], batch_size, points)
    return batch_size


def size(name: str, value: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width); raise unless they are two whole numbers, at least 0."""
    if not isinstance(value, (tuple, Sequence)):  # a tuple is told in a tenth of the time
        raise TypeError(f"{name} is {told(value)}; it must be (height, width)")
    if len(value) == 2:
        height, width = (side if isinstance(side, _WHOLE) else _side(side) for side in value)
        if 0 <= height <= MOST_INTEGER and 0 <= width <= MOST_INTEGER:
            return height, width
    raise ValueError(f"{name} is {told(value)}; it must be (height, width), whole and at least 0")


def _side(side: float) -> int:
    """Return a side as an integer; -1, which no size is, where it is no whole number."""
    try:
        integer = int(side)
        return integer if bool(integer == side) else -1
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return -1
