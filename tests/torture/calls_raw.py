"""Calls of torch.ops.raz.* themselves, past the checks of raz.ops: nothing may break, whatever the
answer is. Arguments have the schema's types, and one or two of them a stranger's values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import torch
from calls_operators import OPERATORS
from calls_values import described, floats, number, other_tensor, whole_number
from torch import Tensor

Positional = list[Any]


class RawCall(NamedTuple):
    """An operator of torch.ops.raz and what it is given."""

    op: str
    arguments: Positional


def drawn(number_of_case: int) -> RawCall:
    """The call of a number: the same number, the same call."""
    random = Random(number_of_case)
    op = random.choice(tuple(RAW))
    arguments = RAW[op](random)
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        index = random.randrange(len(arguments))
        arguments[index] = _strange(random, arguments[index])
    return RawCall(op, arguments)


def name(call: RawCall) -> str:
    return f"torch.ops.raz.{call.op}({', '.join(map(described, call.arguments))})"


def tried(call: RawCall) -> str:
    """Make the call; return how it was answered."""
    try:
        results = getattr(torch.ops.raz, call.op).default(*call.arguments)
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        return _refused(error)
    except (IndexError, ZeroDivisionError) as error:
        assert any(isinstance(v, Tensor) and v.is_meta for v in call.arguments)
        return f"raw {type(error).__name__}"  # of the shape function, which checks nothing
    for result in results if isinstance(results, tuple) else (results,):
        assert isinstance(result, Tensor), f"a {type(result).__name__}"
    return "raw done"


def _refused(error: Exception) -> str:
    told = f"{type(error).__name__}: {str(error)[:300]}"
    assert not re.search(r"INTERNAL ASSERT|[Uu]nknown (C\+\+ )?exception", told), told
    return f"raw {type(error).__name__}"


def affordable(call: RawCall) -> bool:
    """As of the operators: between what is small and what is refused lies what takes long."""
    tensors = [value for value in call.arguments if isinstance(value, Tensor)]
    if any(value.numel() > 2**22 and value.device.type == "cpu" for value in tensors):
        return False
    whole = [value for value in call.arguments if isinstance(value, int) and value > 1]
    if any(value > 2**16 for value in whole) and call.op.endswith("_map"):
        return False  # images and rows without pixels: no memory refuses them
    if call.op == "attention_map" and math.prod(whole) > 2**24:  # it looks at every pixel
        return False
    return not any(2**16 < value < 2**50 for value in whole)


def _strange(random: Random, value: Any) -> Any:
    if isinstance(value, Tensor):
        return other_tensor(random, value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return whole_number(random)
    if isinstance(value, float):
        return number(random)
    if isinstance(value, list):
        return [number(random) for _ in range(random.randrange(4))]
    if isinstance(value, torch.dtype):
        return random.choice((torch.float32, torch.int64, torch.bool, torch.complex64))
    return random.choice((None, random.randrange(9), number(random), torch.zeros(2)))


def _images(arguments: dict[str, Any]) -> int:
    return 1 if arguments["batch_size"] is None else arguments["batch_size"]


def _attention_map(random: Random) -> Positional:
    a = OPERATORS["attention_map"](random)
    numbers = [a["stride"], float(a["limit"]), float(a["sigma"]), a["neighbours"]]
    return [a["points"].double(), *a["size"], *numbers, a["batch"], _images(a)]


def _congestion(random: Random) -> Positional:
    a = OPERATORS["congestion"](random)
    return [a["points"].double(), a["neighbours"], a["batch"]]


def _sigma(sigma: Any) -> float | None:
    return None if isinstance(sigma, str) else float(sigma)


def _density_map(random: Random) -> Positional:
    a = OPERATORS["density_map"](random)
    points = a["points"].to(random.choice((torch.float32, torch.float64)))
    return [points, *a["size"], _sigma(a["sigma"]), a["stride"], a["batch"], _images(a)]


def _density_map_backward(random: Random) -> Positional:
    points, height, width, sigma, stride, batch, images = _density_map(random)
    grad = floats(
        random, (images, -(-height // stride), -(-width // stride)), -1, 1, (torch.float64,)
    )
    return [grad, points.double(), height, width, sigma, stride, batch]


def _point_map(random: Random) -> Positional:
    a = OPERATORS["point_map"](random)
    return [a["points"].float(), *a["size"], a["batch"], _images(a)]


def _find_peaks(random: Random) -> Positional:
    a = OPERATORS["find_peaks"](random)
    return [a["x"].float(), float(a["threshold"]), a["smooth"], a["max_points"]]


def _integral_image(random: Random) -> Positional:
    a = OPERATORS["integral_image"](random)
    x, tables = a["x"], (torch.float32, torch.float64)
    if not x.is_floating_point():
        return [x, torch.int64]
    return [x.to(random.choice(tables)), random.choice(tables)]


def _integral_image_backward(random: Random) -> Positional:
    shape = tuple(random.choice((0, 1, 2, 9, 33)) for _ in range(3))
    kinds = (torch.float32, torch.float64)
    return [floats(random, shape, -1, 1, kinds), random.choice(kinds)]


def _score_anchors(random: Random) -> Positional:
    a = OPERATORS["score_anchors"](random)
    boxes = a["boxes"].to(random.choice((torch.float32, torch.float64)))
    return [a["integral"], boxes, a["reduction"] == "mean"]


def _score_anchors_backward_integral(random: Random) -> Positional:
    table, boxes, mean = _score_anchors(random)
    grad = floats(random, tuple(boxes.shape[:2]), -1, 1, (torch.float64,))
    return [grad, boxes.double(), table.shape[1] - 1, table.shape[2] - 1, mean]


def _score_anchors_backward_boxes(random: Random) -> Positional:
    table, boxes, mean = _score_anchors(random)
    grad = floats(random, tuple(boxes.shape[:2]), -1, 1, (torch.float64,))
    return [grad, table, boxes.double(), mean]


def _crop_and_resize(random: Random) -> Positional:
    a = OPERATORS["crop_and_resize"](random)
    images = a["images"]
    if images.dtype in (torch.float16, torch.bfloat16):
        images = images.float()
    sums = torch.float64 if images.dtype == torch.float64 else torch.float32
    of_channels = [None if a[key] is None else torch.as_tensor(a[key]) for key in ("mean", "std")]
    of_channels = [None if value is None else value.to(sums) for value in of_channels]
    return [images, a["boxes"].double(), a["batch"], *a["size"], *of_channels]


def _crop_grad(random: Random, arguments: Positional) -> Tensor:
    images, boxes, _, height, width, *_ = arguments
    sums = torch.float64 if images.dtype == torch.float64 else torch.float32
    shape = (boxes.shape[0], images.shape[1], height, width)
    return floats(random, shape, -1, 1, (sums,))


def _crop_and_resize_backward_images(random: Random) -> Positional:
    arguments = _crop_and_resize(random)
    images, boxes, batch = arguments[:3]
    count, _, height, width = images.shape
    grad = _crop_grad(random, arguments)
    return [grad, boxes, batch, count, height, width, arguments[-1]]


def _crop_and_resize_backward_boxes(random: Random) -> Positional:
    arguments = _crop_and_resize(random)
    return [_crop_grad(random, arguments), *arguments[:3], arguments[-1]]


def _point_nms(random: Random) -> Positional:
    a = OPERATORS["point_nms"](random)
    radii = None if a["radii"] is None else a["radii"].float()
    return [a["points"].float(), a["scores"].float(), float(a["radius"]), a["batch"], radii]


def _propose_regions(random: Random) -> Positional:
    a = OPERATORS["propose_regions"](random)
    sides = [list(a["scales"]), list(a["ratios"])]
    limits = [float(a["score_threshold"]), float(a["iou_threshold"])]
    return [a["attention"].float(), a["num_points"], *sides, *limits, a["max_regions"], a["seed"]]


RAW: dict[str, Callable[[Random], Positional]] = {
    "attention_map": _attention_map,
    "congestion": _congestion,
    "crop_and_resize": _crop_and_resize,
    "crop_and_resize_backward_boxes": _crop_and_resize_backward_boxes,
    "crop_and_resize_backward_images": _crop_and_resize_backward_images,
    "density_map": _density_map,
    "density_map_backward": _density_map_backward,
    "find_peaks": _find_peaks,
    "integral_image": _integral_image,
    "integral_image_backward": _integral_image_backward,
    "point_map": _point_map,
    "point_nms": _point_nms,
    "point_nms_mask": _point_nms,
    "propose_regions": _propose_regions,
    "score_anchors": _score_anchors,
    "score_anchors_backward_boxes": _score_anchors_backward_boxes,
    "score_anchors_backward_integral": _score_anchors_backward_integral,
}
