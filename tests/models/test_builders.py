from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from raz.errors import WeightsError
from raz.models import (
    OperatingPoint,
    RAZNet,
    RAZNetLiteWeights,
    RAZNetVGG16Weights,
    builders,
    centerface,
    efficientnet_lite,
    get_model,
    layers,
    list_models,
    pretrained,
    raznet_lite,
    registry,
    save_weights,
)
from raz.models.layers import fold_norms


def test_names() -> None:
    own = [
        name for name in list_models() if registry._models[name].builder in vars(builders).values()
    ]
    assert own == ["raznet_lite", "raznet_lite_2", "raznet_vgg16"]


def test_an_unknown_name_is_a_value_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"'resnet'.*raznet_lite, raznet_lite_2, raznet_vgg16"):
        get_model("resnet", weights=None)


def test_a_net_by_name_is_in_evaluation_mode_and_takes_options() -> None:
    model = get_model("raznet_lite", weights=None, width=16)
    assert not model.training
    assert model.neck.mix.conv.out_channels == 16  # type: ignore[union-attr]


def test_weights_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="weights is a int; it must be a path"):
        get_model("raznet_lite", weights=5)  # type: ignore[arg-type]


def test_weights_from_a_path(lite: RAZNet, tmp_path: Path) -> None:
    path = save_weights(lite, tmp_path / "a.safetensors", dtype=torch.float32)
    for given in (path, str(path)):
        state = get_model("raznet_lite", weights=given).state_dict()
        assert all(torch.equal(state[k], v) for k, v in lite.state_dict().items())


def test_default_is_the_published_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = raznet_lite()
    model.operating_point = OperatingPoint((0.25,))
    member = RAZNetLiteWeights.SHANGHAITECH_V4
    assert RAZNetLiteWeights.DEFAULT is member
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    entry = dataclasses.replace(member.value, sha256=None)
    monkeypatch.setattr(member, "_value_", entry)
    with pytest.raises(WeightsError, match="no such weights file"):
        get_model("raznet_lite")
    save_weights(model, tmp_path / member.value.file)
    for given in ("DEFAULT", "SHANGHAITECH_V4", member):
        assert get_model("raznet_lite", weights=given).operating_point == model.operating_point
    monkeypatch.setattr(member, "_value_", dataclasses.replace(entry, sha256="0" * 64))
    with pytest.raises(WeightsError, match="not the file that was published"):
        get_model("raznet_lite")


def test_vgg16_says_that_it_has_no_weights_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(RAZNetVGG16Weights) == []
    monkeypatch.setattr(builders, "VGGLocalizationBranch", _Tiny)
    monkeypatch.setattr(builders, "VGGCountingBranch", _Tiny)
    with pytest.raises(WeightsError, match=r"none are published.*weights=None"):
        get_model("raznet_vgg16")


def test_a_member_of_another_net_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builders, "VGGLocalizationBranch", _Tiny)
    monkeypatch.setattr(builders, "VGGCountingBranch", _Tiny)
    with pytest.raises(WeightsError, match="not weights of raznet_vgg16"):
        get_model("raznet_vgg16", weights=RAZNetLiteWeights.DEFAULT)


class _Tiny(torch.nn.Module):
    """In place of a branch whose random weights would take a second to draw."""

    out_channels = 1

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()


@pytest.mark.parametrize("name", ["raznet_lite", "raznet_lite_2", "raznet_vgg16"])
def test_folded_normalisations_change_nothing(name: str) -> None:
    """Statistics of a batch, random scales and shifts, in float64: no rounding hides an error."""
    torch.manual_seed(0)
    model = get_model(name, weights=None).double()
    images = torch.rand(1, 3, 40, 72, dtype=torch.float64)
    for norm in (part for part in model.modules() if isinstance(part, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model.maps(images)
    model.eval()
    folded = copy.deepcopy(model)
    fold_norms(folded)
    fold_norms(folded)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        for module in (layers, efficientnet_lite, centerface):
            patch.setattr(module, "conv_norm", lambda x, conv, norm: norm(conv(x)))
        expected = model.maps(images)
    with torch.no_grad():
        found = folded.maps(images)
    for key, values in expected.items():
        assert values.std() > 0
        torch.testing.assert_close(found[key], values, atol=0, rtol=1e-9)
