"""What has to hold of one call of an operator: an answer that the reference gives too, or an error
that names an argument; in either case what was given is as before, and within seconds."""

from __future__ import annotations

import inspect
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from calls_operators import Call
from calls_values import described
from torch import Tensor

from raz import _native, ops

SLOW = 5.0
"""Seconds that no call of an affordable size may take (raz's machine of reference: under 0.1)."""

NO_MEMORY = re.compile(
    "(?i)memory|alloc|storage size|numel|overflow|invalid.*size|as a SymInt|unpacking long"
    "|negative output size"
)
ROUNDING = {
    "attention_map": 2e-7,
    "congestion": 1e-14,
    "density_map": 2e-7,
    "integral_image": 1e-5,
}
"""Operators that sum in another order than the reference; all others give the same bits."""

Answer = tuple[str, Any]


def name(call: Call) -> str:
    """The call in words."""
    arguments = ", ".join(f"{name}={described(value)}" for name, value in call.arguments.items())
    return f"{call.op}({arguments})" + (" and its gradient" if call.differentiated else "")


def tried(call: Call) -> str:
    """Make the call natively and by the reference; return how it was answered."""
    before = {name: kept(value) for name, value in call.arguments.items()}
    begin = time.monotonic()
    native = _answer(call)
    taken = time.monotonic() - begin
    with without_native():
        plain = _answer(call)
    assert taken < SLOW, f"took {taken:.1f} s"
    for argument, value in before.items():
        assert same(value, kept(call.arguments[argument])), f"{argument} is not as before"
    if "no memory" in (native[0], plain[0]):
        return "no memory"
    if any(isinstance(v, Tensor) and v.is_meta for v in call.arguments.values()):
        return f"meta {native[0]}"  # the reference needs numbers, and so do sizes of results
    if native[0] != "done":
        _named(call, native)
    assert native[0] == plain[0], f"natively {_told(native)}; the reference {_told(plain)}"
    if call.right:
        assert native[0] == "done", f"is as documented, yet {_told(native)}"
    if native[0] == "done":
        _agree(call, native[1], plain[1])
    return native[0]


def answered(call: Call) -> str:
    """Make the call natively alone, as for a sanitizer; return how it was answered."""
    return _answer(call)[0]


@contextmanager
def without_native() -> Iterator[None]:
    """Run every operator as its reference."""
    serves, load = _native.serves, _native.load
    _native.serves = lambda *_: False
    _native.load = lambda: None
    try:
        yield
    finally:
        _native.serves, _native.load = serves, load


def _answer(call: Call) -> Answer:
    """ "done" and the results, or the error's class and the error."""
    try:
        results = getattr(ops, call.op)(**call.arguments)
        results = results if isinstance(results, tuple) else (results,)
        return "done", (results, _gradients(call, results) if call.differentiated else ())
    except (MemoryError, RuntimeError, TypeError) as error:
        if _large(call) and (isinstance(error, MemoryError) or NO_MEMORY.search(str(error))):
            return "no memory", error
        return type(error).__name__, error
    except Exception as error:
        return type(error).__name__, error


def _gradients(call: Call, results: tuple[Any, ...]) -> tuple[Tensor | None, ...]:
    leaves = [v for v in call.arguments.values() if isinstance(v, Tensor) and v.requires_grad]
    differentiable = [v for v in results if isinstance(v, Tensor) and v.requires_grad]
    if not differentiable or not leaves:
        return ()
    total = torch.stack([value.double().sum() for value in differentiable]).sum()
    return torch.autograd.grad(total, leaves, allow_unused=True)


def _large(call: Call) -> bool:
    """Tell whether what is asked for could be too much: a number or a tensor is enormous."""
    numbers = []
    for value in call.arguments.values():
        if isinstance(value, Tensor):
            numbers += [value.numel(), *value.shape]
        elif isinstance(value, (list, tuple)):
            numbers += [v for v in value if isinstance(v, (int, float)) and v == v]
        elif isinstance(value, (int, float, np.number)) and value == value:
            numbers.append(value)
    return any(number >= 2**24 for number in numbers)


def _named(call: Call, answer: Answer) -> None:
    """An error must be of the documented classes, and tell the argument in one line."""
    kind, error = answer
    assert kind in ("TypeError", "ValueError"), _told(answer)
    parameters = inspect.signature(getattr(ops, call.op)).parameters
    words = set(re.findall(r"\w+", str(error)))
    assert words & set(parameters), f"{_told(answer)}, which names no argument"
    foreign = "not supported between|object is not|must be real number|unsupported operand|C\\+\\+"
    assert not re.search(foreign, str(error)), f"{_told(answer)}, which is not raz's"
    assert len(str(error)) < 1000, f"{kind} of {len(str(error))} characters"


def _told(answer: Answer) -> str:
    kind, value = answer
    return kind if kind == "done" else f"{kind}: {str(value)[:300]}"


# Agreement ----------------------------------------------------------------------------------------


def _agree(call: Call, native: Any, plain: Any) -> None:
    if call.op == "match_points":
        ours, theirs = native[0], plain[0]
        assert len(ours[0]) == len(theirs[0]), f"{len(ours[0])} pairs, not {len(theirs[0])}"
        if call.arguments["order"] == "benchmark":
            assert all(map(np.array_equal, ours, theirs)), "other pairs than the reference"
        return
    for index, (ours, theirs) in enumerate(zip(native[0], plain[0], strict=True)):
        _equal(call, ours, theirs, f"result {index}", ROUNDING.get(call.op, 0.0))
    for index, (ours, theirs) in enumerate(zip_longest(native[1], plain[1])):
        if ours is None or theirs is None:  # of what nothing depends on: none, or zeros
            known = ours if theirs is None else theirs
            assert known is None or not known.any(), f"gradient {index} on one side alone"
        elif _ordinary(call):
            half = ours.dtype in (torch.float16, torch.bfloat16)
            _equal(call, ours, theirs, f"gradient {index}", 0.02 if half else 1e-4, scaled=True)


def _ordinary(call: Call) -> bool:
    """Tell whether sums of the arguments lose little: gradients are compared only there."""
    tensors = [value for value in call.arguments.values() if isinstance(value, Tensor)]
    boxes = call.arguments["boxes"].detach().double() if call.op == "score_anchors" else None
    if boxes is not None:  # a mean over less than float64 tells pixels apart by is rounding alone
        areas = (boxes[..., 2:] - boxes[..., :2]).prod(-1).abs()
        if bool(((areas > 0) & (areas < 1e-6)).any()):
            return False
    return all(
        bool((value.detach().double().abs() < 1e6).all())
        for value in tensors
        if value.is_floating_point()
    )


def _equal(
    call: Call, ours: Any, theirs: Any, what: str, rounding: float, scaled: bool = False
) -> None:
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype, f"{what} is {ours.dtype}, not {theirs.dtype}"
        assert np.array_equal(ours, theirs), f"{what} is {ours}, not {theirs}"
        return
    assert ours.dtype == theirs.dtype, f"{what} is {ours.dtype}, not {theirs.dtype}"
    assert ours.shape == theirs.shape, f"{what} is {list(ours.shape)}, not {list(theirs.shape)}"
    assert ours.device == theirs.device, f"{what} is on {ours.device}, not {theirs.device}"
    if ours.device.type != "cpu" or ours.numel() == 0:
        return
    ours, theirs = ours.detach().double(), theirs.detach().double()
    if torch.equal(ours.nan_to_num(nan=0.5), theirs.nan_to_num(nan=0.5)):
        assert torch.equal(ours.isnan(), theirs.isnan()), f"{what} has NaN elsewhere"
        return
    assert rounding, f"{what} differs {_where(ours, theirs)}"
    largest = _largest(call, theirs) if scaled or call.op == "integral_image" else 1e-7
    if not largest < 1e37:  # beyond float32 sums overflow or not, by their order
        return
    near = torch.isclose(ours, theirs, rtol=rounding, atol=rounding * largest, equal_nan=True)
    assert bool(near.all()), f"{what} differs {_where(ours, theirs, ~near)}"


def _largest(call: Call, result: Tensor) -> float:
    """What the rounding of a sum is relative to: all that was summed."""
    x = call.arguments.get("x")
    sums = x.detach().double().abs().sum() if isinstance(x, Tensor) else result.abs().max()
    return 1.0 + float(sums) if math.isfinite(float(sums)) else math.inf


def _where(ours: Tensor, theirs: Tensor, wrong: Tensor | None = None) -> str:
    if wrong is None:
        wrong = (ours != theirs) & ~(ours.isnan() & theirs.isnan())
    places = wrong.nonzero()
    place = tuple(places[0].tolist())
    return f"at {list(place)}: {ours[place].item()!r}, not {theirs[place].item()!r}"


# What was given -----------------------------------------------------------------------------------

_KEPT = 2**16


def kept(value: Any) -> Any:
    """A copy to compare with, of what can be changed."""
    if isinstance(value, Tensor):
        facts = (value.dtype, value.shape, value.requires_grad, value.device, value._version)
        if value.device.type == "cpu" and value.layout == torch.strided and value.numel() <= _KEPT:
            numbers = value.detach().resolve_conj().resolve_neg().flatten()
            bits = numbers.clone(memory_format=torch.contiguous_format).view(torch.uint8)
            return *facts, value.stride(), bits.numpy()
        return facts
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.strides, value.copy()
    return repr(value)[:200] if not hasattr(value, "__next__") else None


def same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.tobytes() == other.tobytes()
    return bool(one == other)
