from __future__ import annotations

import contextlib
import weakref
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from raz.models import get_model, save_weights
from raz.network import OperatingPoint
from raz.training.config import make_config
from raz.training.distributed import World
from raz.training.run import Run, initial_model

from . import tiny
from .runs import config_of


def test_the_first_model_depends_on_the_settings_alone(settings) -> None:
    first = initial_model(make_config(settings)).state_dict()
    torch.rand(3)
    second = initial_model(make_config(settings)).state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_other_processes_take_weights_and_thresholds_of_the_first(settings, tmp_path) -> None:
    model = get_model(tiny.NAME, weights=None)
    model.operating_point = OperatingPoint(peak_thresholds=(0.3, 0.2))
    save_weights(model, tmp_path / "first.safetensors")
    config = config_of(settings, weights=str(tmp_path / "first.safetensors"))
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        with contextlib.closing(Run(config, World(0, 2, torch.device("cpu")))) as run:
            assert run.averaged().operating_point == model.operating_point
    finally:
        dist.destroy_process_group()


def begun(settings, **changes) -> Run:
    return Run(config_of(settings, **changes), World(0, 1, torch.device("cpu")))


def test_progress_is_a_share_of_steps_or_of_time(settings) -> None:
    stages = [{"steps": 4}, {"minutes": 2}]
    del settings["steps"]
    run = begun(settings, stages=stages)
    run.stage.step, run.stage.seconds = 3, 1000.0
    assert run.stage.progress == 0.75
    assert not run.in_last_stage
    run.enter_next_stage()
    assert run.stage.progress == 0
    run.stage.step, run.stage.seconds = 3, 30.0
    assert run.stage.progress == 0.25
    assert run.in_last_stage
    run.stage.seconds = 500.0
    assert run.stage.progress == 1


def test_the_rates_of_a_step(settings) -> None:
    stages = [{"steps": 4, "learning_rate": 0.5}]
    del settings["steps"]
    run = begun(settings, stages=stages, schedule={"name": "constant", "warmup": 0.5})
    run.stage.step = 1
    run.stage.plateau.factor = 0.25
    assert run.stage.set_learning_rate() == pytest.approx(1e-3 * 0.5 * 0.5 * 0.25)
    rates = {group["lr"] for group in run.stage.optimizer.param_groups}
    assert sorted(rates) == pytest.approx([3e-4 / 16, 1e-3 / 16])


def test_only_the_last_stage_decays(settings) -> None:
    del settings["steps"]
    schedule = {"name": "constant", "warmup": 0.0, "decay": 0.5}
    run = begun(settings, stages=[{"steps": 8}] * 3, schedule=schedule)
    for _ in range(2):
        run.stage.step = 5
        assert run.stage.set_learning_rate() == pytest.approx(1e-3)
        run.enter_next_stage()
    run.stage.step = 5
    assert run.stage.set_learning_rate() == pytest.approx(0.5e-3)  # 1 - sqrt(1 / 4)


def test_synchronised_norms_are_for_cuda(settings) -> None:
    with pytest.raises(ValueError, match="norm is 'sync'; on the CPU"):
        Run(config_of(settings, norm="sync"), World(0, 2, torch.device("cpu")))


def test_synchronised_norms_are_refused_before_the_first_stage_where_a_later_one_zooms(
    settings,
) -> None:
    del settings["steps"]
    config = config_of(settings, norm="sync", stages=[{"steps": 1}, {"kind": "zoom", "steps": 1}])
    with pytest.raises(ValueError, match="norm is 'sync'; in a zoom stage"):
        Run(config, World(0, 2, torch.device("cuda")))


def test_ddp_is_gone_before_the_group_of_processes(settings, tmp_path: Path) -> None:
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        stages = [{"steps": 1}, {"steps": 1}]
        del settings["steps"]
        config = config_of(settings, stages=stages)
        run = Run(config, World(0, 2, torch.device("cpu")))  # as one of two
        first = weakref.ref(run.stage.losses.reducer)
        run.enter_next_stage()
        assert first() is None
        reducer = weakref.ref(run.stage.losses.reducer)
        run.close()
        assert reducer() is None
        run.close()  # a second time does nothing
    finally:
        dist.destroy_process_group()
