"""The operators of raz.ops and right arguments of each; one of them may be made a stranger's."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from calls_values import (
    FLOATS,
    floats,
    labels,
    number,
    other_tensor,
    stranger,
    values,
    whole_number,
)
from torch import Tensor

from raz import ops

MAPS = (*FLOATS, torch.uint8, torch.int32, torch.int64)
Arguments = dict[str, Any]


class Call(NamedTuple):
    """One call of an operator: its name, its arguments, and whether they are as documented."""

    op: str
    arguments: Arguments
    right: bool
    differentiated: bool = False


def drawn(number_of_case: int) -> Call:
    """The call of a number: the same number, the same call."""
    random = Random(number_of_case)
    op = random.choice(tuple(OPERATORS))
    arguments = OPERATORS[op](random)
    kind = random.random()
    if kind < 0.5:
        differentiated = kind < 0.1 and _with_gradients(arguments)
        return Call(op, arguments, True, differentiated)
    for _ in range(random.choice((1, 1, 1, 2))):
        name = random.choice(tuple(arguments))
        arguments[name] = _strange(random, name, arguments[name])
    return Call(op, arguments, False)


def affordable(call: Call) -> bool:
    """Tell whether the call is refused or done within a second, by what is documented.

    Between what is small and what is refused lies what a user may wish and wait for.
    """
    whole = {name: value for name, value in call.arguments.items() if isinstance(value, int)}
    tensors = [value for value in call.arguments.values() if isinstance(value, Tensor)]
    sizes = call.arguments.get("size")
    pixels = 0
    if isinstance(sizes, (tuple, list)) and all(isinstance(side, (int, float)) for side in sizes):
        pixels = math.prod(side if side == side else 0 for side in sizes)
    images = max(whole.get("batch_size", 1), 1)
    if 2**12 < images < 2**40:
        return False
    if 2**22 < pixels * images <= 2**42 and call.op != "congestion":
        return False
    if whole.get("num_points", 0) > 2**16 and call.op == "propose_regions":
        return whole["num_points"] > 2**24
    if call.op in ("find_peaks", "integral_image", "propose_regions"):
        return all(value.numel() <= 2**22 or value.device.type == "meta" for value in tensors)
    if call.op in ("point_map", "density_map", "attention_map", "congestion"):
        points = [value.shape[0] for value in tensors if value.dim() and value.device.type == "cpu"]
        return all(not 2**20 < count < 2**34 for count in points)
    return True


def _with_gradients(arguments: Arguments) -> bool:
    """Ask for the gradients of all floating tensors; false if there is none."""
    asked = False
    for name, value in arguments.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            arguments[name] = value.detach().requires_grad_()
            asked = True
    return asked


def _strange(random: Random, name: str, value: Any) -> Any:
    if random.random() < 0.35:
        return stranger(random)
    if isinstance(value, Tensor):
        return other_tensor(random, value)
    if isinstance(value, np.ndarray):
        return other_array(random, value)
    if name == "size":
        return random.choice(
            (
                lambda: (whole_number(random), whole_number(random)),
                lambda: (whole_number(random), random.choice((0, 1))),
                lambda: [random.choice((2.0, 2.5, math.nan, "2", None, True)), 3],
                lambda: torch.Size((2, 3)),
                lambda: torch.tensor([2, 3]),
                lambda: np.array([2, 3]),
                lambda: (np.int64(2), np.float32(3)),
                lambda: (2, 3, 4),
            )
        )()
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return whole_number(random)
    return number(random)


def other_array(random: Random, array: np.ndarray[Any, Any]) -> Any:
    if not array.ndim:  # changed already
        return array

    def with_one(special: float) -> Any:
        changed = array.astype(np.float64, copy=True)
        if changed.size:
            changed.flat[random.randrange(changed.size)] = special
        return changed

    return random.choice(
        (
            lambda: array.astype(random.choice(("i1", "u8", "f2", "c16", "?", "O", "U8", "M8[s]"))),
            lambda: array[None],
            lambda: array.ravel(),
            lambda: array.tolist(),
            lambda: array.T,
            lambda: array[:0],
            lambda: np.repeat(array, 2, axis=0),
            lambda: torch.from_numpy(array.astype(np.float64)).requires_grad_(),
            lambda: np.ma.masked_array(array),
            lambda: with_one(number(random)),
        )
    )()


# Right arguments ----------------------------------------------------------------------------------


def _size(random: Random) -> tuple[int, int]:
    sides = (0, 1, 2, 3, 5, 8, 9, 17, 40, 64, 65, 130)
    return random.choice(sides), random.choice(sides)


def _heads(random: Random, size: tuple[int, int], most: int = 40) -> Tensor:
    count = random.choice((0, 1, 2, 3, 4, 5, random.randrange(1, most)))
    return floats(random, (count, 2), -3.0, max(size) + 3.0)


def _batch(random: Random, rows: Tensor) -> Arguments:
    if random.random() < 0.5:
        return {"batch": None, "batch_size": None}
    images = random.choice((1, 2, 5)) if rows.shape[0] else random.choice((0, 1, 2))
    return {"batch": labels(random, rows.shape[0], images), "batch_size": images}


def _attention_map(random: Random) -> Arguments:
    size = _size(random)
    points = _heads(random, size)
    return {
        "points": points,
        "size": size,
        "stride": random.choice((1, 2, 7, 8, 100, 2**31)),
        "limit": random.choice((0.0, 1.0, 12.0, 1e9, math.inf, -math.inf)),
        "sigma": random.choice((1e-300, 0.3, 1, 4.0, 30.0, 1e9)),
        "neighbours": random.choice((0, 1, 3, 32)),
        **_batch(random, points),
    }


def _congestion(random: Random) -> Arguments:
    points = _heads(random, (64, 64))
    return {
        "points": points,
        "neighbours": random.choice((1, 2, 3, 5, 32)),
        **_batch(random, points),
    }


def _density_map(random: Random) -> Arguments:
    size = _size(random)
    points = _heads(random, size)
    return {
        "points": points,
        "size": size,
        "sigma": random.choice(("adaptive", 0.3, 2, 15.0, 400.0, 1e-300, 1e300)),
        "stride": random.choice((1, 3, 8, 100, 2**40)),
        **_batch(random, points),
    }


def _point_map(random: Random) -> Arguments:
    size = _size(random)
    points = _heads(random, size)
    return {"points": points, "size": size, **_batch(random, points)}


def _maps(random: Random) -> tuple[int, int, int]:
    width = random.choice((0, 1, 2, 3, 7, 16, 31, 64, 65, 300))
    return random.choice((0, 1, 1, 2, 3)), random.choice((0, 1, 2, 3, 8, 33)), width


def _find_peaks(random: Random) -> Arguments:
    return {
        "x": floats(random, _maps(random), -0.2, 1.0),
        "threshold": random.choice((-math.inf, -1.0, 0.0, 0.3, 0.5, 1e300, math.inf, 1)),
        "smooth": random.choice((1, 3)),
        "max_points": random.choice((None, 0, 1, 5, 1000)),
    }


def _integral_image(random: Random) -> Arguments:
    shape = (_maps(random), _maps(random)[1:], (2, *_maps(random)), (1, 2, 0, 3, 2))
    x = floats(random, random.choice(shape), -1.0, 1.0, MAPS)
    tables = (None, torch.float32, torch.float64)
    dtype = random.choice(tables if x.is_floating_point() else (*tables, torch.int64))
    return {"x": x, "dtype": dtype}


def _score_anchors(random: Random) -> Arguments:
    count, height, width = _maps(random)
    table = ops.integral_image(values(random, (count, height, width), -1.0, 2.0))
    kind = random.choice((torch.float32, torch.float64, torch.int64))
    if kind == torch.int64:
        table = table.nan_to_num().clamp(-(2**50), 2**50)
    boxes = floats(random, (count, random.choice((0, 1, 4, 40)), 4), -4.0, max(height, width) + 4.0)
    return {
        "integral": table.to(kind),
        "boxes": boxes,
        "reduction": random.choice(("mean", "sum")),
    }


def _crop_and_resize(random: Random) -> Arguments:
    count, height, width = _maps(random)
    channels = random.choice((0, 1, 3, 4))
    images = floats(random, (count, channels, height, width), 0.0, 1.0, (*FLOATS, torch.uint8))
    boxes = floats(
        random, (random.choice((0, 1, 4)) if count else 0, 4), -5.0, max(height, width) + 5.0
    )
    of_channels = (
        lambda: None,
        lambda: [0.5] * channels,
        lambda: values(random, (channels,), 0.1, 2.0).abs().nan_to_num(1.0).clamp(1e-3).float(),
    )
    sides = (0, 1, 2, 7, 16, 33)
    return {
        "images": images,
        "boxes": boxes,
        "batch": labels(random, boxes.shape[0], count),
        "size": (random.choice(sides), random.choice(sides)),
        "mean": random.choice(of_channels)(),
        "std": random.choice(of_channels)(),
    }


def _point_nms(random: Random) -> Arguments:
    points = _heads(random, (40, 40), most=90)
    count = points.shape[0]
    return {
        "points": points,
        "scores": floats(random, (count,)),
        "radius": random.choice((0, 0.0, 0.5, 1.0, 3.0, 50.0, 1e18)),
        "batch": random.choice((None, labels(random, count, 3) * 2**60 - 2**62)),
        "radii": random.choice((None, floats(random, (count,), -1.0, 9.0))),
    }


def _propose_regions(random: Random) -> Arguments:
    def some(most: float) -> list[float]:
        return [random.uniform(0.01, most) for _ in range(random.randrange(4))]

    return {
        "attention": floats(random, _maps(random), -0.3, 1.0),
        "num_points": random.choice((0, 1, 5, 40)),
        "scales": random.choice((some(2), [1e-300, 1e300])),
        "ratios": random.choice((some(9), tuple(some(9)), [5e-324, 1e308])),
        "score_threshold": random.choice((-1.0, 0.0, 0.01, 0.5, 1e300, -1e300, 0)),
        "iou_threshold": random.choice((0.0, 0.3, 1.0, 1, 5e-324)),
        "max_regions": random.choice((0, 1, 10, 100)),
        "seed": random.choice((0, 1, -(2**63), 2**63 - 1, random.getrandbits(62))),
    }


def points(random: Random, most: int = 30) -> np.ndarray[Any, Any]:
    count = random.choice((0, 1, 2, 5, random.randrange(1, most)))
    span = random.choice((2.0, 9.0, 100.0))
    array = np.array([[random.uniform(-1, span) for _ in range(2)] for _ in range(count)])
    array = array.reshape(-1, 2)
    kind = random.choice(("plain", "whole", "single", "fortran", "reversed", "far"))
    if kind == "whole":
        return array.astype(random.choice(("i4", "i8", "i2")))
    if kind == "single":
        return array.astype(random.choice((np.float32, ">f8", np.float16)))
    if kind == "far" and array.size:
        array.flat[0] = random.choice((1e300, -1.7e308, 5e-324, -0.0))
    return {"fortran": np.asfortranarray(array), "reversed": array[::-1]}.get(kind, array)


def _radius(random: Random) -> float:
    return random.choice((0.0, 0, 0.5, 1.0, 2.0, 30.0, 1e155, 5e-324, math.inf))


def _match_points(random: Random) -> Arguments:
    truth = points(random)
    of_heads = np.array([_radius(random) for _ in range(len(truth))], dtype=np.float64)
    return {
        "pred": points(random),
        "truth": truth,
        "radius": random.choice((of_heads, _radius(random), of_heads.tolist())),
        "order": random.choice(("any", "benchmark")),
    }


def _count_matches(random: Random) -> Arguments:
    radii = np.sort([float(_radius(random)) for _ in range(random.choice((0, 1, 4, 100)))])
    return {"pred": points(random), "truth": points(random), "radii": radii}


OPERATORS: dict[str, Callable[[Random], Arguments]] = {
    "attention_map": _attention_map,
    "congestion": _congestion,
    "count_matches": _count_matches,
    "crop_and_resize": _crop_and_resize,
    "density_map": _density_map,
    "find_peaks": _find_peaks,
    "integral_image": _integral_image,
    "match_points": _match_points,
    "point_map": _point_map,
    "point_nms": _point_nms,
    "point_nms_mask": _point_nms,
    "propose_regions": _propose_regions,
    "score_anchors": _score_anchors,
}
