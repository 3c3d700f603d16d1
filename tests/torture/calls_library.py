"""Strangers' arrays and tensors, given to what is around the operators: metrics, results, images,
areas, the ground. Each call is made twice, and has to answer the same, in finite numbers."""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from calls_checked import kept, same
from calls_operators import other_array, points
from calls_values import described, floats, number, other_tensor, stranger
from torch import Tensor

import raz
import raz.metrics
from raz.ground import Ground
from raz.intervals import Spread
from raz.metrics.derived import function_of
from raz.metrics.registry import protocol_types

REFUSED = (ValueError, TypeError, IndexError, raz.RazError)
TORCH = ("model",)
"""What is a module of torch: what it is given is torch's to refuse, in torch's words."""

NOT_OURS = re.compile(
    "not supported between|object is not|must be real number|unsupported operand|could not convert"
    "|has no attribute|ambiguous|float\\(\\) argument|iterable|broadcast|inhomogeneous|dimension"
)


class Call(NamedTuple):
    """One call: its name, what is called, its arguments, and how its results become numbers."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    right: bool


def drawn(number_of_case: int) -> Call:
    """The call of a number: the same number, the same call."""
    random = Random(number_of_case)
    name = random.choice(tuple(ENTRIES))
    function, arguments = ENTRIES[name](random)
    right = random.random() < 0.4
    if not right and arguments:
        changed = random.choice(tuple(arguments))
        strange = _strange(random, arguments[changed])
        if not (isinstance(strange, Tensor) and strange.numel() > 2**24):  # takes its time
            arguments[changed] = strange
    return Call(name, function, arguments, right)


def described_call(call: Call) -> str:
    told = ", ".join(f"{name}={described(value)}" for name, value in call.arguments.items())
    return f"{call.name}({told})"


def tried(call: Call) -> str:
    """Make the call twice; return how it was answered."""
    before = {name: kept(value) for name, value in call.arguments.items()}
    first, second = _answer(call), _answer(call)
    for name, value in before.items():
        assert same(value, kept(call.arguments[name])), f"{name} is not as before"
    assert first == second, f"the second time {second}, not {first}"
    assert not (call.right and first.startswith("refused")), f"is right, yet {first}"
    return first.split(":")[0]


def _answer(call: Call) -> str:
    try:
        return f"done: {_finite(call.function(**call.arguments))}"
    except (*REFUSED, RuntimeError, AttributeError, KeyError) as error:
        if call.name in TORCH:
            return f"refused {type(error).__name__}: {error}"
        if not isinstance(error, REFUSED):
            raise
        told = f"{type(error).__name__}: {error}"
        if isinstance(error, raz.RazError):  # of files and memory, which differ each time
            return f"refused {type(error).__name__}"
        _named(call, str(error), told)
        return f"refused {type(error).__name__}: {error}"


def _named(call: Call, text: str, told: str) -> None:
    words = set(re.findall(r"\w+", text))
    names = set(inspect.signature(call.function).parameters) | set(call.arguments)
    names |= {name.removesuffix("s") for name in names}
    ours = words & (names | EXTRA_WORDS.get(call.name, set()))
    assert ours, f"{told[:300]}, which names no argument"
    assert not NOT_OURS.search(text), f"{told[:300]}, which is not raz's"


def _finite(answer: Any) -> str:
    """The answer as text; NaN and infinities are wrong where arguments were finite."""
    if isinstance(answer, raz.Result):
        return str((answer.count, answer.points.tolist(), answer.to_json() and len(answer)))
    if isinstance(answer, Tensor):
        return str(answer.tolist())
    return repr(answer)


def _strange(random: Random, value: Any) -> Any:
    if random.random() < 0.4:
        return stranger(random)
    if isinstance(value, Tensor):
        return other_tensor(random, value)
    if isinstance(value, np.ndarray):
        return other_array(random, value)
    if isinstance(value, list) and value:
        changed = list(value)
        index = random.randrange(len(value))
        changed[index] = random.choice((_strange(random, value[index]), stranger(random)))
        return random.choice((changed, value[1:], value + value, tuple(value)))
    return number(random)


# Metrics ------------------------------------------------------------------------------------------


def _of_protocol(protocol: Any, random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    images = random.choice((0, 1, 2, 3))
    names = list(inspect.signature(protocol.update).parameters)[1:]
    arguments: dict[str, Any] = {name: [] for name in names}
    for _ in range(images):
        found, heads = points(random, 9), points(random, 9)
        found = np.where(np.abs(found.astype(np.float64)) < 1e6, found, 1.0)
        heads = np.where(np.abs(heads.astype(np.float64)) < 1e6, heads, 1.0)
        each = {
            "predictions": found,
            "heads": heads,
            "scores": np.array([random.random() for _ in found]),
            "sizes": (100, 120),
            "sigmas": np.array([[random.uniform(1, 9), random.uniform(9, 20)] for _ in heads]),
            "levels": np.array([random.randrange(5) for _ in heads], dtype=np.int64),
            "predicted": random.uniform(0, 99),
            "true": random.randrange(99),
            "weather": random.randrange(4),
            "luminances": random.randrange(3),
        }
        each["sigmas"] = each["sigmas"].reshape(-1, 2)
        if "predicted" in names:
            each["levels"] = random.randrange(5)
        for name in names:
            arguments[name].append(each[name])
    return function_of(protocol), arguments


# Results ------------------------------------------------------------------------------------------


def result(random: Random) -> raz.Result:
    width, height = random.choice(((16, 8), (64, 48), (1, 1), (65, 130)))
    count = random.choice((0, 1, 7))
    xy = torch.rand(count, 2, generator=torch.Generator().manual_seed(random.getrandbits(40)))
    density = torch.full((-(-height // 8), -(-width // 8)), 0.125)
    return raz.Result(
        points=xy * torch.tensor([width, height]),
        scores=torch.linspace(0, 1, count),
        density=density,
        count=float(count),
        count_density=float(density.sum()),
        count_points=count,
        image_size=(width, height),
        spread=Spread((0.0, 0.1, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4)),
    )


def _area(random: Random, of: raz.Result) -> Any:
    width, height = of.image_size
    corners = [
        [random.uniform(-5, width + 5), random.uniform(-5, height + 5)]
        for _ in range(random.choice((3, 4, 9)))
    ]
    return random.choice(
        (
            corners,
            np.array(corners),
            torch.tensor(corners),
            np.ones((height, width), dtype=bool),
            torch.zeros(height, width, dtype=torch.bool),
        )
    )


def _in_area(method: str, random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    of = result(random)
    return getattr(of, method), {"area": _area(random, of)}


def _interval(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    return result(random).interval, {"level": random.choice((0.1, 0.5, 0.8))}


def _interval_in(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    of = result(random)
    return of.interval_in, {"area": _area(random, of), "level": 0.5}


def _filtered(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    of = result(random)
    return of.filtered, {"min_score": random.random(), "area": _area(random, of)}


def _selected(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    of = result(random)
    mask = np.array([random.random() < 0.5 for _ in range(len(of))], dtype=bool)

    def select(index: Any) -> Any:
        chosen = of[index]
        return chosen if isinstance(chosen, tuple) else json.loads(chosen.to_json())["points"]

    kinds = (mask, np.flatnonzero(mask), torch.from_numpy(mask), slice(None, None, 2), [])
    return select, {"index": random.choice(kinds)}


# Images -------------------------------------------------------------------------------------------


@functools.cache
def predictor() -> raz.Predictor:
    torch.manual_seed(0)
    model = raz.get_model("raznet_lite", weights=None).eval()
    return raz.Predictor(model, settings=raz.ZoomSettings(depth=1))


def _predicted(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    height, width = random.choice(((1, 1), (8, 9), (33, 48), (64, 65)))
    array = np.array([[[random.randrange(256)] * 3] * width] * height, dtype=np.uint8)
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    kinds = (array, array[:, :, 0], tensor, array[:, ::-1], tensor.flip(-1))
    return predictor(), {"image": random.choice(kinds)}


def _model(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    shape = (random.choice((1, 2)), 3, *random.choice(((8, 8), (32, 48), (64, 40))))
    images = floats(random, shape, 0.0, 1.0, (torch.float32,)).nan_to_num().clamp(0, 1)

    def model(images: Any) -> Any:
        with torch.inference_mode():
            outputs = predictor().model(images)
        for name, value in outputs.items():
            if isinstance(images, Tensor) and bool((images.abs() <= 1).all()):
                assert bool(value.isfinite().all()), f"{name} is not finite"
        return {name: float(value.double().sum()) for name, value in outputs.items()}

    return model, {"images": images}


# The rest -----------------------------------------------------------------------------------------


def _ground(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    corners = np.array([(0.0, 100.0), (100.0, 100.0), (70.0, 50.0), (30.0, 50.0)])

    def ground(pixels: Any, metres: Any, polygon: Any) -> float:
        area = Ground.of_points(pixels, metres).area(polygon)
        assert math.isfinite(area), f"area is {area}"
        return area

    metres = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 20.0), (0.0, 20.0)])
    return ground, {"pixels": corners, "metres": metres, "polygon": corners.copy()}


def _congestion(random: Random) -> tuple[Callable[..., Any], dict[str, Any]]:
    def congestion(points: Any, neighbours: Any) -> list[float]:
        return raz.data.congestion(points, neighbours).tolist()

    array = points(random).astype(np.float64)
    return congestion, {"points": array, "neighbours": random.choice((1, 3, 32))}


Entry = Callable[[Random], tuple[Callable[..., Any], dict[str, Any]]]
ENTRIES: dict[str, Entry] = {
    **{
        f"metrics.{protocol.function}": functools.partial(_of_protocol, protocol)
        for protocol in protocol_types().values()
    },
    **{
        f"Result.{method}": functools.partial(_in_area, method)
        for method in ("count_in", "density_in")
    },
    "Result.interval": _interval,
    "Result.interval_in": _interval_in,
    "Result.filtered": _filtered,
    "Result[]": _selected,
    "Predictor": _predicted,
    "model": _model,
    "Ground": _ground,
    "data.congestion": _congestion,
}
EXTRA_WORDS = {
    **{name: {"polygon", "mask", "area"} for name in ENTRIES if name.startswith("Result")},
    "Result[]": {"index", "mask"},
    **{name: {"lists", "size"} for name in ENTRIES if name.startswith("metrics")},
    "Ground": {"matrix"},
    "Predictor": {"tensor", "array"},
}
