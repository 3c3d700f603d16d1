"""Batches that cannot fit the memory are refused before they are made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raz.cli.main import main
from raz.errors import ResourceError
from raz.models import raznet_lite
from raz.training import step_memory
from raz.training.config import Stage, TrainingConfig, config_toml, make_config
from raz.training.distributed import World
from raz.training.engine import train
from raz.training.stages import prepare
from raz.training.step_memory import check_step_memory

from . import tiny
from .runs import config_of

ALONE = World(0, 1, torch.device("cpu"))


def of_pixel(config: TrainingConfig) -> float:
    model = tiny.raznet_tiny()
    return step_memory._least_bytes(model, config.all_stages[0], config, ALONE.device)


@pytest.mark.parametrize("kind", ["counting", "localization", "proposal", "joint", "zoom"])
def test_it_is_what_the_backward_pass_reads(kind: str) -> None:
    config = make_config({"stages": [{"kind": kind, "steps": 1}], "bfloat16": False})
    model = tiny.raznet_tiny()
    prepare(model, Stage(kind=kind, steps=1), "batch")  # type: ignore[arg-type]
    own = {value.untyped_storage().data_ptr() for value in model.state_dict().values()}
    kept: dict[int, int] = {}

    def keep(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        maps = model.maps(torch.zeros(2, 3, 160, 160), counting_alone=kind == "counting")
    expected = sum(kept.values()) / (2 * 160**2) + 15
    del maps
    assert of_pixel(config) == pytest.approx(expected, rel=0.02)


def test_no_net_is_changed() -> None:
    model = raznet_lite()
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    check_step_memory(model, make_config({"steps": 1}), ALONE)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.training


@pytest.mark.parametrize(
    ("values", "world", "crops"),
    [
        ({"batch_size": 12}, ALONE, 12),
        ({"batch_size": 12, "accumulate": 3}, ALONE, 4),
        ({"batch_size": 12, "accumulate": 3}, World(0, 2, ALONE.device), 2),
    ],
)
def test_the_limit_is_the_memory_that_is_left(
    values: dict[str, object], world: World, crops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "gather", lambda self, value: [value] * self.size)
    config = make_config({"steps": 1, "crops": {"size": 64}, **values})
    needed = crops * 64**2 * of_pixel(config)
    monkeypatch.setattr(step_memory, "available_bytes", lambda device: int(needed) + 1)
    check_step_memory(tiny.raznet_tiny(), config, world)
    monkeypatch.setattr(step_memory, "available_bytes", lambda device: int(needed) - 1)
    most = (crops - 1) * 12 // crops
    with pytest.raises(ResourceError, match=f"batch_size is 12; it must be at most {most}, or"):
        check_step_memory(tiny.raznet_tiny(), config, world)
    monkeypatch.setattr(step_memory, "available_bytes", lambda device: int(needed / crops / 4) + 9)
    with pytest.raises(ResourceError, match=r"crops\.size is 64; it must be at most 32: "):
        check_step_memory(tiny.raznet_tiny(), config, world)
    monkeypatch.setattr(step_memory, "available_bytes", lambda device: None)
    check_step_memory(tiny.raznet_tiny(), config, world)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"batch_size": 10**12}, "batch_size is 1000000000000"),
        ({"batch_size": 2**62}, "batch_size is 4611686018427387904"),
        ({"batch_size": 1, "crops": {"size": 32 * 10**9}}, "crops.size is 32000000000"),
    ],
)
def test_nothing_is_made_or_written_for_what_cannot_fit(
    settings: dict[str, object], changes: dict[str, object], name: str
) -> None:
    config = config_of(settings, **changes)
    with pytest.raises(ResourceError, match=name):
        train(config)
    assert not Path(config.output).exists()


def test_on_the_command_line_it_is_a_matter_of_memory(
    settings: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(config_toml(config_of(settings)))
    assert main(["train", "--config", str(file), "--batch-size", "1000000000", "--quiet"]) == 5
    message = capsys.readouterr().err
    assert message.startswith("raz: batch_size is 1000000000; it must be at most ")
    assert message.count("\n") == 1


def test_what_another_process_has_no_memory_for_is_refused_here_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step_memory, "available_bytes", lambda device: None)
    monkeypatch.setattr(World, "gather", lambda self, value: [value, "batch_size is 12; so"])
    with pytest.raises(ResourceError, match="batch_size is 12; so"):
        check_step_memory(tiny.raznet_tiny(), make_config({"steps": 1}), World(0, 2, ALONE.device))
