from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from raz.models import get_model
from raz.training.config import Stage, TrainingConfig, make_config
from raz.training.stages import (
    StageLosses,
    has_idle_parameters,
    prepare,
    synchronize_norms,
    trained_modules,
)


@pytest.fixture
def config() -> TrainingConfig:
    return make_config({"bfloat16": False})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return get_model("raznet_lite", weights=None)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        (Stage("counting"), {"backbone", "neck", "counting"}),
        (Stage("counting", trunk=False), {"counting"}),
        (Stage("localization"), {"localization"}),
        (Stage("localization", trunk=True), {"backbone", "neck", "localization"}),
        (Stage("proposal"), {"proposal"}),
        (Stage("joint"), {"backbone", "neck", "counting", "localization", "proposal"}),
        (Stage("zoom"), {"backbone", "neck", "counting", "localization", "proposal"}),
    ],
)
def test_a_stage_changes_its_modules_and_nothing_else(stage, names, model, config) -> None:
    assert set(trained_modules(stage)) == names
    prepare(model, stage, "batch")
    before = copy.deepcopy(model.state_dict())
    losses = StageLosses(model, config, stage)
    torch.manual_seed(1)
    points = torch.rand(20, 2) * 64
    terms = losses(torch.rand(2, 3, 64, 64), [points, points[:3]], 0)
    sum(terms.values()).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    changed = {
        name.partition(".")[0]
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == names


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("counting", {"density"}),
        ("localization", {"localization"}),
        ("proposal", {"attention"}),
        ("joint", {"density", "localization", "attention"}),
        (
            "zoom",
            {"density", "localization", "attention", "zoom_localization", "zoom_attention"},
        ),
    ],
)
def test_losses_of_a_stage(kind, names, model, config) -> None:
    prepare(model, Stage(kind), "frozen")
    points = torch.tensor([[32.0, 32.0]])
    terms = StageLosses(model, config, Stage(kind))(torch.rand(1, 3, 64, 64), [points], 0)
    assert set(terms) == names


def test_the_weight_of_zooming(model, config) -> None:
    prepare(model, Stage("zoom"), "frozen")
    points = torch.rand(30, 2) * 64
    images = torch.rand(1, 3, 64, 64)
    one = StageLosses(model, config, Stage("zoom"))(images, [points], 0)
    two = StageLosses(model, config, Stage("zoom", zoom_weight=2.0))(images, [points], 0)
    assert one["zoom_localization"].item() > 0
    assert two["zoom_localization"].item() == pytest.approx(2 * one["zoom_localization"].item())
    assert two["density"].item() == one["density"].item()


def test_the_counting_stage_spends_no_time_on_other_branches(model, config, monkeypatch) -> None:
    prepare(model, Stage("counting"), "frozen")
    for branch in (model.localization, model.proposal):
        monkeypatch.setattr(branch, "forward", None)
    terms = StageLosses(model, config, Stage("counting"))(
        torch.rand(1, 3, 64, 64), [torch.tensor([[32.0, 32.0]])], 0
    )
    assert terms["density"].item() > 0


@pytest.mark.parametrize(
    ("name", "stride", "frozen"),
    [
        ("raznet_lite", 1, set()),
        ("raznet_lite", 4, {"_conv_stem", "_bn0", "_blocks.0", "_blocks.1", "_blocks.2"}),
        ("raznet_vgg16", 2, {"features.0", "features.2", "features.5", "features.7"}),
    ],
)
def test_layers_of_fine_stride_keep_their_weights(name, stride, frozen) -> None:
    net = get_model(name, weights=None)
    prepare(net, Stage("joint", frozen_stride=stride), "batch")
    net.backbone(torch.rand(1, 3, 64, 64))[-1].sum().backward()
    still = {n for n, p in net.backbone.named_parameters() if not p.requires_grad}
    assert {n for n, p in net.backbone.named_parameters() if p.grad is None} == still
    assert {n for n in still if not n.startswith(tuple(f"{f}." for f in frozen))} == set()
    assert {f for f in frozen if any(n.startswith(f"{f}.") for n in still)} == frozen


def test_frozen_norms_keep_their_statistics(model, config) -> None:
    prepare(model, Stage("joint"), "frozen")
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_a_head_that_no_loss_reads_is_found(model, config) -> None:
    prepare(model, Stage("joint"), "batch")
    before = copy.deepcopy(model.state_dict())
    device = torch.device("cpu")
    assert not has_idle_parameters(StageLosses(model, config, Stage("joint")), device)
    assert has_idle_parameters(StageLosses(model, config, Stage("counting")), device)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_only_norms_that_follow_the_batch_are_synchronised(model) -> None:
    prepare(model, Stage("joint"), "sync")
    names = list(model.state_dict())
    follows = {n: m.training for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert any(follows.values())
    assert not all(follows.values())  # the trunk's are frozen
    synchronize_norms(model)
    converted = {n for n, m in model.named_modules() if isinstance(m, nn.SyncBatchNorm)}
    assert converted == {name for name, training in follows.items() if training}
    assert list(model.state_dict()) == names


@pytest.mark.parametrize(("setting", "fast"), [(True, False), (False, True), ("auto", True)])
def test_the_net_runs_in_bfloat16_where_it_is_asked_for_or_fast(
    setting, fast, model, monkeypatch
) -> None:
    monkeypatch.setattr("raz.training.stages.has_fast_bfloat16", lambda device: fast)
    losses = StageLosses(model, make_config({"bfloat16": setting}), Stage())
    seen = []
    model.backbone.register_forward_hook(lambda module, _, outputs: seen.append(outputs[0].dtype))
    losses(torch.rand(1, 3, 64, 64), [torch.tensor([[32.0, 32.0]])], 0)
    assert seen == [torch.float32 if setting is False else torch.bfloat16]
