from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from raz.models import get_model
from raz.training.config import TrainingConfig
from raz.training.loop import learning_rate_factor, parameter_groups, train, training_mix
from raz.training.publish import publish


@pytest.fixture
def config(tiny_shanghaitech, tmp_path):
    return TrainingConfig(
        data=str(tiny_shanghaitech),
        output=str(tmp_path / "run"),
        minutes=0.005,
        batch_size=2,
        crop_size=64,
        synthetic_scenes=2,
        workers=0,
        bfloat16=False,
    )


@pytest.mark.slow
def test_train_resume_publish(config, tmp_path):
    train(config)
    first = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert first["step"] >= 1

    # However long the first steps took, a little time is left now.
    model = train(replace(config, minutes=first["seconds"] / 60 + 0.005))
    second = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert second["step"] > first["step"]
    assert not model.training
    mean = second["ema"]["mean"]
    assert all(torch.equal(value, mean[name]) for name, value in model.state_dict().items())

    path = tmp_path / "weights.safetensors"
    table = publish(model, config, path)
    assert "part A" in table
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["validation"]["B"]["fusion"]["mae"] >= 0
    assert "data" not in card["training"]
    loaded = get_model("raznet_lite", weights=str(path))
    assert loaded.operating_point == model.operating_point


def test_held_out_pictures_are_never_trained_on(config):
    mix = training_mix(config)
    names = {mix[i].name for i in range(60)}
    assert any(name.endswith(("_1", "_2")) for name in names)
    assert not any(name.endswith(("IMG_5", "IMG_10")) for name in names)


def test_divergence_names_the_pictures(config, monkeypatch):
    from raz.training import loop

    infinite = {"density": torch.tensor(float("nan"), requires_grad=True)}
    monkeypatch.setattr(loop, "raznet_losses", lambda *_: infinite)
    with pytest.raises(FloatingPointError, match=r"loss nan at step 0 on \['"):
        train(config)


def test_learning_rate_rises_then_falls():
    factors = [learning_rate_factor(p / 100, 0.05) for p in range(101)]
    assert factors[5] == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(0.01)
    assert factors[:6] == sorted(factors[:6])
    assert factors[5:] == sorted(factors[5:], reverse=True)


def test_trunk_learns_slower_and_vectors_do_not_decay(config):
    model = get_model("raznet_lite", weights=None)
    groups = parameter_groups(model, config)
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    for group in groups:
        decays = all(p.ndim > 1 for p in group["params"])
        assert group["weight_decay"] == (config.weight_decay if decays else 0.0)
    assert {g["peak_lr"] for g in groups} == {1e-3, 3e-4}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"model": "resnet"}, "model is 'resnet'; it must be one of raznet_lite"),
        ({"minutes": 0.0}, r"minutes is 0\.0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"crop_size": 100}, "crop_size is 100"),
    ],
)
def test_bad_settings(setting, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(data="d", output="o", **setting)
