from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from raz.models import get_model
from raz.training.config import Optimizer, Stage
from raz.training.optimizer import GradientClipping, make_optimizer, parameter_groups
from raz.training.stages import prepare


def test_trunk_learns_slower_and_vectors_do_not_decay() -> None:
    model = get_model("raznet_lite", weights=None)
    groups = parameter_groups(model, Optimizer())
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    for group in groups:
        decays = all(p.ndim > 1 for p in group["params"])
        assert group["weight_decay"] == (1e-2 if decays else 0.0)
    assert {g["peak_lr"] for g in groups} == {1e-3, 3e-4}


def test_what_a_stage_does_not_train_is_left_out() -> None:
    model = get_model("raznet_lite", weights=None)
    prepare(model, Stage(kind="proposal"), "batch")
    groups = parameter_groups(model, Optimizer())
    assert sum(len(g["params"]) for g in groups) == len(list(model.proposal.parameters()))


@pytest.mark.parametrize(("name", "kind"), [("adam", "Adam"), ("adamw", "AdamW")])
def test_optimizers(name, kind) -> None:
    model = get_model("raznet_lite", weights=None)
    assert type(make_optimizer(model, Optimizer(name=name))).__name__ == kind


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_fused_step_is_the_plain_one_for_any_layout(name) -> None:
    def trained(fused: bool) -> nn.Sequential:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, (1, 3)))
        model = model.to(memory_format=torch.channels_last)
        optimizer = make_optimizer(model, Optimizer(name=name))
        for group in optimizer.param_groups:
            assert group["fused"]
            group.update(lr=group["peak_lr"], fused=fused)
        images = torch.randn(2, 3, 9, 9).to(memory_format=torch.channels_last)
        for _ in range(5):
            optimizer.zero_grad()
            model(images).square().sum().backward()
            optimizer.step()
        return model

    for plain, fused in zip(trained(False).parameters(), trained(True).parameters(), strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)


def gradient_of(length: float) -> nn.Parameter:
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([0.6, 0.8]) * length
    return parameter


def clipped(clipping: GradientClipping, length: float) -> float:
    parameter = gradient_of(length)
    assert clipping.clip([parameter]).item() == pytest.approx(length)
    assert parameter.grad is not None
    return parameter.grad.norm().item()


def test_gradients_are_clipped_at_a_multiple_of_the_running_median() -> None:
    clipping = GradientClipping(3.0, torch.device("cpu"))
    assert clipped(clipping, 50.0) == pytest.approx(50.0)  # nothing is usual yet
    for _ in range(4):
        clipped(clipping, 1.0)
    assert clipped(clipping, 2.5) == pytest.approx(2.5)
    assert clipped(clipping, 10.0) == pytest.approx(3.0)


def test_only_the_last_hundred_norms_count() -> None:
    clipping = GradientClipping(1.0, torch.device("cpu"))
    for _ in range(100):
        clipped(clipping, 1.0)
    for _ in range(100):
        clipped(clipping, 0.5)
    assert clipped(clipping, 5.0) == pytest.approx(0.5)


def test_clipping_resumes() -> None:
    first = GradientClipping(2.0, torch.device("cpu"))
    for length in (1.0, 2.0, 3.0):
        clipped(first, length)
    second = GradientClipping(2.0, torch.device("cpu"))
    second.load_state_dict(first.state_dict())
    assert clipped(second, 90.0) == clipped(first, 90.0) == pytest.approx(4.0)


def test_no_gradient_is_no_trouble() -> None:
    assert clipped(GradientClipping(1.0, torch.device("cpu")), 0.0) == 0.0
    parameter = gradient_of(math.nan)
    assert math.isnan(GradientClipping(1.0, torch.device("cpu")).clip([parameter]).item())
