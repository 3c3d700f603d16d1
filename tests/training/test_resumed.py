"""A checkpoint of anybody: what is no state of a training is named before anything goes on."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from raz.errors import WeightsError
from raz.training import checkpoint
from raz.training.distributed import World
from raz.training.resumed import is_recipe
from raz.training.run import Run, begun_state

from .runs import config_of

WORLD = World(0, 1, torch.device("cpu"))


@pytest.fixture
def state(settings) -> dict[str, Any]:
    """The state of a training after a step, on its own."""
    run = Run(config_of(settings), WORLD)
    for parameter in run.stage.trainable:
        parameter.grad = torch.ones_like(parameter)
    run.stage.optimizer.step()
    run.step = run.stage.step = 1
    found = copy.deepcopy(run.state_dict())
    run.close()
    return found


def go_on(settings: dict[str, Any], state: dict[str, Any]) -> None:
    config = config_of(settings)
    checkpoint.save_state(checkpoint.Path(config.output) / checkpoint.STATE, state)
    found = begun_state(config, resume=True, extend=False)
    Run(config, WORLD, found).close()


def put(state: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split("/")
    inner: Any = state
    for name in path:
        inner = inner[int(name) if name.isdigit() else name]
    inner[int(last) if last.isdigit() else last] = value


def test_a_whole_state_goes_on(settings, state) -> None:
    go_on(settings, state)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("step", -1, "step is -1; it must be a whole number"),
        ("step", True, "step is True"),
        ("stage", 7, "stage is 7; it must be below 1"),
        ("stage_step", 9, "beyond the last step"),
        ("seconds", float("nan"), "seconds is nan"),
        ("best", "x", "best is x; it must be an error"),
        ("model", [], "model is a list"),
        ("ema", None, "ema.mean is missing"),
        ("ema/updates", 2**70, "ema.updates is"),
        ("ema/mean", {}, "averaged weights: .* is missing, or too much"),
        ("images", {"a": [-1, "d1"]}, "images holds no numbers and digests"),
        ("images", {"a": ["d1", 1]}, "images holds no numbers and digests"),
        ("operating_point", {}, "operating_point holds no thresholds"),
        ("operating_point", '{"residuals": 1}', "operating_point holds no thresholds"),
        ("plateau", {}, "plateau.factor is missing"),
        ("plateau/factor", 0, "plateau.factor is 0"),
        ("plateau/stalled", float("inf"), "plateau.stalled is inf"),
        ("clipping/norms", torch.ones(3), "norms are not 100 numbers"),
        ("optimizer/state/0/exp_avg", torch.ones(1), "exp_avg has the shape"),
        ("optimizer/state/0/exp_avg", "x", "exp_avg is no tensor"),
        ("optimizer/state/0/step", torch.tensor(-1.0), "step is below 0"),
        ("optimizer/state/0", {}, "parameter 0 holds other than step, exp_avg, exp_avg_sq"),
        ("optimizer/param_groups", [], "the optimizer is one of other parameters"),
    ],
)
def test_what_no_training_wrote_is_named(place, value, reason, settings, state) -> None:
    put(state, place, value)
    with pytest.raises(WeightsError, match=f"holds no state of .* training: .*{reason}"):
        go_on(settings, state)


@pytest.mark.parametrize("where", ["model", "ema", "exp_avg", "exp_avg_sq"])
def test_numbers_that_are_not_finite_are_not_gone_on_from(where, settings, state) -> None:
    moments = state["optimizer"]["state"][0]
    tensors = {"model": state["model"], "ema": state["ema"]["mean"]}.get(where)
    tensor = next(iter(tensors.values())) if tensors else moments[where]
    tensor.fill_(torch.nan)
    with pytest.raises(WeightsError, match="values that are not finite, such as nan"):
        go_on(settings, state)


def test_settings_of_the_optimizer_are_those_of_the_recipe(settings, state) -> None:
    """Not those of the file, which could hold anything."""
    for group in state["optimizer"]["param_groups"]:
        group |= {"betas": (float("nan"), "x"), "weight_decay": 1e9, "maximize": True}
    config = config_of(settings)
    run = Run(config, WORLD, state)
    for group in run.stage.optimizer.param_groups:
        assert group["betas"] == (0.9, 0.999)
        assert group["weight_decay"] in (0.0, config.optimizer.weight_decay)
        assert not group["maximize"]
    run.close()


def test_settings_within_settings_are_no_recipe() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert is_recipe({"a": [0.1, None, "x"], "b": True, "c": 2**64 - 1})
    for value in (endless, {"a": 1}, [[1]], torch.ones(1), 10**9999):
        assert not is_recipe({"a": value})
    assert not is_recipe({1: 2})
