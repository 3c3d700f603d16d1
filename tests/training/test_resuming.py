"""A run that is killed again and again ends as one that is not."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import raz
from raz.models import get_model, save_weights
from raz.network import OperatingPoint
from raz.training import engine
from raz.training.checkpoint import BEST, LAST, STATE
from raz.training.config import config_toml
from raz.training.engine import train

from . import tiny
from .runs import assert_bit_equal, config_of

KILLS_AFTER_CHECKPOINTS = (1, 3, 2)


def start(path: Path) -> multiprocessing.process.BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["raz.training.engine", "raz.training.report"])
    process = context.Process(target=tiny.main, args=(["train", "--config", str(path)],))
    process.start()
    return process


def identity(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0


def kill_after_checkpoints(process, state: Path, number: int) -> None:
    """End a process with SIGKILL as soon as its checkpoint has been replaced so many times."""
    for _ in range(number):
        before = identity(state)
        while identity(state) == before:
            process.join(0.005)
            assert process.exitcode is None, "the run ended before it could be killed"
    process.kill()
    process.join()


def comparable(path: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "minutes"} for line in lines]


@pytest.mark.slow
def test_killed_at_any_moment_a_run_ends_bit_equal(settings, tmp_path) -> None:
    changes = {"checkpoint_minutes": 0.0, "validation": {"every": 4, "limit": 1}, "steps": 12}
    whole = config_of(settings, **changes, output=str(tmp_path / "whole"))
    killed = config_of(settings, **changes, output=str(tmp_path / "killed"))
    train(whole)

    file = tmp_path / "killed.toml"
    file.write_text(config_toml(killed))
    state = Path(killed.output) / STATE
    steps = []
    for number in KILLS_AFTER_CHECKPOINTS:
        kill_after_checkpoints(start(file), state, number)
        steps.append(torch.load(state, weights_only=True)["step"])
    assert 0 < steps[0] < steps[1] < steps[2] < 12
    train(killed)

    for name in (LAST, BEST):
        first, second = (load_file(Path(config.output) / name) for config in (whole, killed))
        assert_bit_equal(first, second)
    first, second = (
        torch.load(Path(config.output) / STATE, weights_only=True) for config in (whole, killed)
    )
    del first["seconds"], second["seconds"]
    assert_bit_equal(first, second)

    log = comparable(Path(killed.output) / "log.jsonl")
    assert [line["step"] for line in log if "validation" in line] == [4, 8, 12]
    whole_log = comparable(Path(whole.output) / "log.jsonl")
    assert [line for line in log if "validation" in line] == [
        line for line in whole_log if "validation" in line
    ]
    assert not list(Path(killed.output).rglob("*.part"))  # what a kill left half written


@pytest.mark.slow
def test_a_checkpoint_of_an_earlier_raz_goes_on_bit_equal(settings, tmp_path, monkeypatch) -> None:
    """Without a version, and with the names of settings of raz 0.1.0; the crops are the same."""
    stages = [{"kind": "counting", "steps": 1}, {"kind": "zoom", "steps": 2}]
    del settings["steps"]
    settings |= {"stages": stages, "validation": {"every": 2, "limit": 1}, "model": "raznet_lite"}
    whole = config_of(settings, output=str(tmp_path / "whole"))
    stopped = config_of(settings, output=str(tmp_path / "stopped"))
    train(whole)
    step = engine.training_step

    def interrupted(run, batches):
        record = step(run, batches)
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return record

    with monkeypatch.context() as patch:
        patch.setattr(engine, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(stopped)

    path = Path(stopped.output) / STATE
    state = torch.load(path, weights_only=True)
    del state["raz"], state["operating_point"]
    recipe = state["recipe"]
    recipe["validation.pictures"] = recipe.pop("validation.limit")
    recipe["validation.reading"] = recipe.pop("validation.estimate")
    recipe["data[0].share_empty"] = 0.15  # the default then, which photographs do not have
    torch.save(state, path)

    train(stopped, resume=True)
    first, second = (
        torch.load(Path(config.output) / STATE, weights_only=True) for config in (whole, stopped)
    )
    assert first["step"] == 3
    assert first["raz"] == raz.__version__
    del first["seconds"], second["seconds"]
    assert_bit_equal(first, second)


POINT = OperatingPoint(peak_thresholds=(0.3, 0.2), fusion_threshold=7.0)


@pytest.mark.parametrize("earlier", [False, True])
def test_thresholds_of_the_first_weights_go_on_with_a_run(earlier, settings, tmp_path) -> None:
    model = get_model(tiny.NAME, weights=None)
    model.operating_point = POINT
    save_weights(model, tmp_path / "first.safetensors")
    settings["weights"] = str(tmp_path / "first.safetensors")
    train(config_of(settings, steps=1))
    if earlier:
        path = Path(settings["output"]) / STATE
        state = torch.load(path, weights_only=True)
        del state["operating_point"]
        torch.save(state, path)
    trained = train(config_of(settings, steps=2), extend=True)
    assert trained is not None
    assert trained.operating_point == POINT
    kept = get_model(tiny.NAME, weights=f"{settings['output']}/{LAST}")
    assert kept.operating_point == POINT


@pytest.mark.parametrize("earlier", [False, True])
def test_a_run_on_other_images_is_refused_where_the_checkpoint_tells(
    earlier, settings, tmp_path
) -> None:
    shutil.copytree(settings["data_root"], tmp_path / "data")
    settings["data_root"] = str(tmp_path / "data")
    config = config_of(settings, steps=1)
    train(config)
    path = Path(config.output) / STATE
    if earlier:
        state = torch.load(path, weights_only=True)
        del state["images"]
        torch.save(state, path)
    for folder, name in (("images", "IMG_{}.jpg"), ("ground-truth", "GT_IMG_{}.mat")):
        place = tmp_path / "data/part_A/train_data" / folder
        (place / name.format(2)).rename(place / name.format(3))
    refused = pytest.raises(ValueError, match="begun with other images of part A: 4 then, 4 now")
    with contextlib.nullcontext() if earlier else refused:
        train(config_of(settings, steps=2), extend=True)


def test_a_run_on_other_crops_is_refused(settings) -> None:
    config = config_of(settings, steps=1)
    train(config)
    path = Path(config.output) / STATE
    state = torch.load(path, weights_only=True)
    del state["stream"]
    torch.save(state, path)
    with pytest.raises(ValueError, match="begun with a raz that cuts other crops"):
        train(config_of(settings, steps=2), extend=True)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
import tiny
from raz.training.config import make_config, read_config
from raz.training.engine import train
tiny.register()
train(make_config(read_config(sys.argv[1])))
"""


@pytest.mark.slow
def test_a_script_ends_with_its_workers_when_all_are_interrupted(settings, tmp_path) -> None:
    settings |= {"steps": 100_000, "workers": 1, "checkpoint_minutes": 0.0}
    path = tmp_path / "config.toml"
    path.write_text(config_toml(config_of(settings)))
    state = Path(settings["output"]) / STATE
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(Path(__file__).parent)],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while not state.exists():
            assert script.poll() is None
            time.sleep(0.01)
        os.killpg(script.pid, signal.SIGINT)
        _, errors = script.communicate(timeout=60)
        assert b"KeyboardInterrupt" in errors
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
        script.wait()
