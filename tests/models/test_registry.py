from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest

import raz
from raz.models import RAZNet, RAZNetLiteWeights, RAZNetVGG16Weights, WeightsEnum, registry


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The registered models, which are those of before when the test is over."""
    copy = dict(registry._models)
    monkeypatch.setattr(registry, "_models", copy)
    return copy


def stub(*, weights: object = None, **options: object) -> Any:
    """Stands for a builder: the net only remembers how it was built."""
    net = RAZNet.__new__(RAZNet)
    super(RAZNet, net).__init__()
    net.built = (weights, options)
    return net


def test_a_registered_builder_is_built_by_name(models: dict[str, Any]) -> None:
    assert raz.register_model()(stub) is stub
    assert "stub" in raz.list_models()
    net = raz.get_model("stub", weights="a.safetensors", width=3)
    assert net.built == ("a.safetensors", {"width": 3})
    assert not net.training
    assert list(raz.get_model_weights("stub")) == []


def test_a_name_and_weights_may_be_given(models: dict[str, Any]) -> None:
    class StubWeights(WeightsEnum):
        pass

    raz.register_model("other", weights=StubWeights)(stub)
    assert raz.get_model_weights("other") is StubWeights
    assert "stub" not in models


def test_a_name_is_given_once_but_a_definition_may_run_again(models: dict[str, Any]) -> None:
    raz.register_model()(stub)
    raz.register_model()(stub)
    with pytest.raises(ValueError, match="name is 'raznet_lite'; it must be one that no other"):
        raz.register_model("raznet_lite")(stub)
    assert models["raznet_lite"].builder is raz.models.raznet_lite


def test_weights_by_name() -> None:
    assert raz.get_model_weights("raznet_lite") is RAZNetLiteWeights
    assert raz.get_model_weights("raznet_vgg16") is RAZNetVGG16Weights
    with pytest.raises(ValueError, match="name is 'resnet'; it must be one of"):
        raz.get_model_weights("resnet")


def test_installed_packages_register_by_an_entry_point(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        def load(self) -> None:
            raz.register_model("theirs")(stub)

    def entry_points(*, group: str) -> list[Entry]:
        assert group == "raz.models"
        return [Entry()]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    registry._import_plugins.cache_clear()
    assert raz.get_model("theirs", weights=None).built == (None, {})
    assert "theirs" in raz.list_models()
    registry._import_plugins.cache_clear()


def test_a_broken_plugin_is_named_and_hides_no_other_model(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        importlib.metadata.EntryPoint("broken", "raz_no_such_package", registry.PLUGINS),
        importlib.metadata.EntryPoint("sound", "raz.models", registry.PLUGINS),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: entries)
    registry._import_plugins.cache_clear()
    with pytest.warns(UserWarning, match="raz_no_such_package .entry point broken. are left out"):
        assert "raznet_lite" in raz.list_models()
    with pytest.raises(ValueError, match="name is 'resnet'; it must be one of"):
        raz.get_model("resnet")
    registry._import_plugins.cache_clear()
