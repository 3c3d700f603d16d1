"""What a checkpoint says, looked over before anything goes on from it: it may come from anybody."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from raz.errors import shown
from raz.models.weights import unusable
from raz.network import OperatingPoint


class StateError(ValueError):
    """What a checkpoint holds is not what a training wrote."""


def is_recipe(recipe: object) -> bool:
    """Tell whether it maps names to plain values and flat lists of them, as a recipe does."""
    return isinstance(recipe, dict) and all(
        isinstance(name, str) and all(map(_is_plain, value if _is_list(value) else [value]))
        for name, value in recipe.items()
    )


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _is_plain(value: object) -> bool:
    if isinstance(value, int):  # Python refuses to write those of thousands of digits
        return -(2**63) <= value < 2**64
    return value is None or isinstance(value, (float, str))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_within(value: object, low: float, high: float) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and low <= value <= high  # type: ignore[operator]


def _is_time(value: object) -> bool:
    return _is_within(value, 0, 1e12)


def _is_error(value: object) -> bool:
    return _is_within(value, 0, math.inf)  # before the first validation


def _is_share(value: object) -> bool:
    return _is_within(value, 1e-300, 1)


def _are_tensors(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(each, Tensor) for name, each in value.items()
    )


def _is_point(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        OperatingPoint.from_json(value)
    except ValueError:
        return False
    return True


def _are_images(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str)
        and isinstance(each, list)
        and [type(part) for part in each] == [int, str]
        and _is_count(each[0])
        for name, each in value.items()
    )


_COUNT = (_is_count, "a whole number, at least 0")
_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "recipe": (is_recipe, "settings by name"),
    "model": (_are_tensors, "tensors by name"),
    "ema.mean": (_are_tensors, "tensors by name"),
    "ema.updates": _COUNT,
    "step": _COUNT,
    "stage": _COUNT,
    "validated_step": _COUNT,
    "stage_step": _COUNT,
    "seconds": (_is_time, "seconds, at least 0"),
    "best": (_is_error, "an error, at least 0"),
    "clipping.count": _COUNT,
    "clipping.norms": (lambda value: isinstance(value, Tensor), "a tensor"),
    "plateau.factor": (_is_share, "in (0, 1]"),
    "plateau.best": (_is_error, "an error, at least 0"),
    "plateau.stalled": (
        lambda value: _is_count(int(value) if isinstance(value, float) else value),
        "a whole number, at least 0",
    ),
    "optimizer.state": (lambda value: isinstance(value, dict), "numbers by parameter"),
    "optimizer.param_groups": (lambda value: isinstance(value, list), "a list of groups"),
}
"""What the entries of a checkpoint must be; others, see `check_values`, are not in the oldest."""


def check_values(state: Mapping[str, Any]) -> None:
    """Refuse entries that are missing or of another kind than a training writes.

    Raises:
        StateError: the message names the first.
    """
    for name, (allowed, rule) in _RULES.items():
        value: Any = state
        for depth, part in enumerate(name.split("."), 1):
            if not isinstance(value, Mapping) or part not in value:
                raise StateError(f"{'.'.join(name.split('.')[:depth])} is missing")
            value = value[part]
        try:
            good = allowed(value)
        except (ValueError, OverflowError):  # of a float that is no integer
            good = False
        if not good:
            what = shown(value, 40) if _is_plain(value) else f"a {type(value).__name__}"
            raise StateError(f"{name} is {what}; it must be {rule}")
    if max(state["stage_step"], state["validated_step"]) > state["step"]:
        raise StateError("a step of a stage, or a validated one, is beyond the last step")
    if not isinstance(state.get("raz"), (str, type(None))):
        raise StateError("raz is no version")
    if not isinstance(state.get("stream"), (int, type(None))):
        raise StateError("stream is no number")
    if "images" in state and not _are_images(state["images"]):
        raise StateError("images holds no numbers and digests of images by part")
    if "operating_point" in state and not _is_point(state["operating_point"]):
        raise StateError("operating_point holds no thresholds")


def check_stored(what: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not those of the net, by name, shape and finite values.

    Args:
        what: they are, for messages.
        found: of the checkpoint.
        wanted: of the net.

    Raises:
        StateError: the message names the first.
    """
    if found.keys() != wanted.keys():
        different = min(found.keys() ^ wanted.keys())
        raise StateError(f"{what}: {shown(different)} is missing, or too much")
    for name, value in found.items():
        _check_tensor(f"{what}: {name}", value, wanted[name])


def optimizer_state(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return what an optimizer loads: its own settings, and the moments of a checkpoint.

    The settings are a function of the recipe, so those of the file are not needed. The moments go
    to fused kernels, which take shapes for granted.

    Args:
        saved: of a checkpoint that passed `check_values`.
        optimizer: new, over the same parameters.

    Raises:
        StateError: it is of other parameters, or holds what are no moments.
    """
    own = optimizer.state_dict()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    sizes = [_size(group) for group in saved["param_groups"]]
    if sizes != [len(group["params"]) for group in own["param_groups"]]:
        raise StateError("the optimizer is one of other parameters")
    for index, moments in saved["state"].items():
        if not isinstance(index, int) or not 0 <= index < len(parameters):
            raise StateError(f"the optimizer has no parameter {shown(index, 40)}")
        _check_moments(f"optimizer: parameter {index}", moments, parameters[index])
    return {"state": saved["state"], "param_groups": own["param_groups"]}


def _size(group: object) -> int | None:
    members = group.get("params") if isinstance(group, dict) else None
    return len(members) if isinstance(members, list) else None


def _check_moments(name: str, moments: object, parameter: nn.Parameter) -> None:
    expected = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
    if not isinstance(moments, dict) or moments.keys() != expected.keys():
        raise StateError(f"{name} holds other than {', '.join(expected)}")
    for key, wanted in expected.items():
        value = moments[key]
        if not isinstance(value, Tensor):
            raise StateError(f"{name}: {key} is no tensor")
        _check_tensor(f"{name}: {key}", value, wanted)
        if key != "exp_avg" and bool((value < 0).any()):
            raise StateError(f"{name}: {key} is below 0")


def _check_tensor(name: str, value: Tensor, wanted: Tensor) -> None:
    if value.layout != torch.strided or value.is_meta or value.dtype != wanted.dtype:
        raise StateError(f"{name} is no dense tensor of {wanted.dtype}")
    if value.shape != wanted.shape:
        raise StateError(f"{name} has the shape {tuple(value.shape)}, not {tuple(wanted.shape)}")
    if problems := unusable(name, value, wanted):
        raise StateError(problems[0])
