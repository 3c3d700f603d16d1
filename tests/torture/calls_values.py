"""Tensors as strangers give them (any dtype, shape, strides, values), and what is no tensor.

Everything depends on the generator that is given, and on nothing else.
"""

from __future__ import annotations

import decimal
import fractions
import math
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
OTHERS = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.complex64,
    torch.complex128,
    torch.float8_e4m3fn,
)
EXTREMES = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e-45, 6e-8, 65504.0, 3.4e38, 1e300)
WHOLE = (-(2**63), -(2**31), -1, 0, 1, 2, 2**31 - 1, 2**31, 2**32, 2**40, 2**53 + 1, 2**63 - 1)
BEYOND = (-(2**63) - 1, 2**63, 2**64, 10**30)
NUMBERS = (*EXTREMES, -1.0, 0.5, 2.5, 1e18, -1e300)

LAYOUTS = ("plain", "transposed", "sliced", "expanded", "flipped", "strided", "negated", "offset")


def generator(random: Random) -> torch.Generator:
    return torch.Generator().manual_seed(random.getrandbits(62))


def values(random: Random, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """Float64 numbers around low..high: spread evenly, on few levels, or with extremes."""
    numbers = torch.rand(shape, generator=generator(random), dtype=torch.float64)
    kind = random.choice(("even", "even", "levels", "extremes", "equal", "wide"))
    numbers = low + numbers * (high - low)
    if kind == "levels":
        numbers = numbers.mul(4).round().div(4)
    elif kind == "equal":
        numbers.fill_(low + random.random() * (high - low))
    elif kind == "wide":
        numbers = numbers.sign() * torch.exp2(numbers.abs().clamp(max=40) * 4 - 60)
    elif kind == "extremes" and numbers.numel():
        for _ in range(1 + numbers.numel() // 6):
            numbers.view(-1)[random.randrange(numbers.numel())] = random.choice(EXTREMES)
    return numbers


def laid_out(random: Random, tensor: Tensor) -> Tensor:
    """The same numbers in another order of memory (but for "expanded", which repeats some)."""
    layout = random.choice(LAYOUTS)
    if layout == "transposed" and tensor.dim() > 1:
        order = list(range(tensor.dim()))
        random.shuffle(order)
        return tensor.permute(order).contiguous().permute(*np.argsort(order).tolist())
    if layout == "sliced" and tensor.dim():
        dim = random.randrange(tensor.dim())
        length = tensor.shape[dim]
        wider = torch.cat([tensor, tensor, tensor], dim)
        return wider.narrow(dim, length, length)
    if layout == "strided" and tensor.dim():
        return tensor.repeat_interleave(2, -1)[..., ::2]
    if layout == "expanded" and tensor.dim() and tensor.numel():
        dim = random.randrange(tensor.dim())
        return tensor.narrow(dim, 0, 1).expand(tensor.shape)
    if layout == "flipped" and tensor.dim():
        return tensor.flip(-1).contiguous().flip(-1)
    if layout == "negated" and tensor.is_floating_point() and tensor.dtype in FLOATS[:2]:
        return torch.complex(tensor, -tensor).conj().imag  # a view whose sign torch turns lazily
    if layout == "offset":
        return torch.cat([tensor.new_zeros(1), tensor.flatten()])[1:].view(tensor.shape)
    return tensor


def floats(
    random: Random,
    shape: tuple[int, ...],
    low: float = 0.0,
    high: float = 1.0,
    dtypes: tuple[torch.dtype, ...] = FLOATS,
) -> Tensor:
    """A tensor of one of these dtypes; integers hold what fits."""
    dtype = random.choice(dtypes)
    numbers = values(random, shape, low, high)
    if not dtype.is_floating_point:
        limits = torch.iinfo(dtype)
        most = min(limits.max, 2**53)
        numbers = numbers.mul(200).nan_to_num().clamp(max(limits.min, -most), most)
    return laid_out(random, numbers.to(dtype))


def labels(random: Random, count: int, images: int) -> Tensor:
    """The image of each of ``count`` rows, int64 in [0, images)."""
    numbers = torch.randint(max(images, 1), (count,), generator=generator(random))
    return laid_out(random, numbers)


def other_tensor(random: Random, tensor: Tensor) -> Tensor:
    """The tensor with one thing changed that makes it another argument, mostly a wrong one."""
    try:
        return _changed(random, tensor)
    except RuntimeError:  # torch has no such tensor: sparse ones of few bits, for one
        return tensor


def _changed(random: Random, tensor: Tensor) -> Tensor:
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if tensor.numel() > 2**20 or not plain:  # changed already
        return tensor
    kind = random.choice(
        ("dtype", "rank", "cut", "meta", "sparse", "gradient", "zero", "moved", "huge", "row")
    )
    if kind == "dtype":
        return tensor.to(random.choice((*FLOATS, *OTHERS)))
    if kind == "rank":
        changes = (tensor.unsqueeze(0), tensor.flatten(), tensor.squeeze(), tensor.sum())
        return random.choice(changes)
    if kind == "cut" and tensor.dim():
        dim = random.randrange(tensor.dim())
        return tensor.narrow(dim, 0, random.randint(0, tensor.shape[dim]))
    if kind == "row" and tensor.dim():
        return torch.cat([tensor, tensor], random.randrange(tensor.dim()))
    if kind == "meta":
        return tensor.to("meta")
    if kind == "sparse":
        return tensor.to_sparse()
    if kind == "gradient" and tensor.is_floating_point():
        return tensor.detach().requires_grad_()
    if kind == "zero":
        return torch.zeros_like(tensor)
    if kind == "moved" and tensor.dim() > 1:
        return tensor.movedim(random.randrange(tensor.dim()), random.randrange(tensor.dim()))
    if kind == "huge" and tensor.dim() and 1 in tensor.shape:
        sizes = list(tensor.shape)
        sizes[sizes.index(1)] = 2**31 + 1
        return tensor.expand(sizes)
    if tensor.is_floating_point():
        extreme = torch.tensor(random.choice(EXTREMES), dtype=torch.float64)
        return extreme.to(tensor.dtype).expand(tensor.shape).clone()
    return torch.full_like(tensor, random.choice((-1, 0, 1, 7)))


def whole_number(random: Random) -> int:
    return random.choice(WHOLE)


def number(random: Random) -> float:
    return random.choice(NUMBERS)


def stranger(random: Random) -> Any:
    """What is, mostly, no right argument at all."""
    return random.choice(
        (
            lambda: None,
            lambda: random.choice(WHOLE),
            lambda: random.choice(BEYOND),
            lambda: random.choice(NUMBERS),
            lambda: random.choice(("", "adaptive", "mean", "8", "Köln", b"\x00")),
            lambda: random.choice((True, False)),
            lambda: random.choice(([], (), {}, set(), range(2), [1, 2], (1.5, 2), [[1, 2], [3]])),
            lambda: random.choice((1j, fractions.Fraction(1, 3), decimal.Decimal(3))),
            lambda: random.choice((object(), object, len, ...)),
            lambda: np.zeros(random.choice(((), (0,), (2,), (3, 2), (1, 4, 4)))),
            lambda: random.choice((np.float32(0.5), np.int64(3), np.float64("nan"), np.bool_(1))),
            lambda: torch.tensor(random.choice((0, 3, 0.5, math.nan, True, 1j))),
            lambda: torch.zeros(random.choice(((0,), (1,), (2,), (0, 2), (2, 0, 3)))),
            lambda: torch.device("cpu"),
            lambda: torch.float32,
            lambda: (whole_number(random), whole_number(random)),
            lambda: (number(random), number(random)),
        )
    )()


def described(value: Any) -> str:
    """One argument in words; a tensor by its kind, shape and strides."""
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        strides = f" strides {list(value.stride())}" if value.layout == torch.strided else " sparse"
        device = "" if value.device.type == "cpu" else f" on {value.device}"
        numbers = ""
        if value.device.type == "cpu" and value.layout == torch.strided and 0 < value.numel() < 9:
            numbers = f" {value.tolist()}"
        return f"{kind}{list(value.shape)}{strides}{device}{numbers}"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype}{list(value.shape)}" + (
            f" {value.tolist()}" if value.size <= 8 else ""
        )
    return repr(value)[:80]
