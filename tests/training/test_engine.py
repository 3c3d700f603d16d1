from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest
import torch

from raz.cli.main import main
from raz.errors import InputError, WeightsError
from raz.evaluation import count_image, measure
from raz.models import get_model, save_weights
from raz.training import engine
from raz.training.checkpoint import BEST, LAST, STATE, save_averaged
from raz.training.config import config_toml, make_config
from raz.training.datasets import calibration_images, open_parts, trained_images
from raz.training.publishing import publish

from . import tiny
from .runs import config_of


def state_of(config):
    return torch.load(f"{config.output}/{STATE}", weights_only=True)


def logged(config):
    with open(f"{config.output}/log.jsonl") as file:
        return [json.loads(line) for line in file]


@pytest.mark.slow
def test_train_extend_publish(settings, tmp_path) -> None:
    first = config_of(settings, validation={"every": 2, "limit": 1})
    engine.train(first)
    assert state_of(first)["step"] == 2
    assert [line["step"] for line in logged(first)] == [2, 2]
    best = get_model(tiny.NAME, weights=f"{first.output}/{BEST}")

    longer = config_of(settings, validation={"every": 2, "limit": 1}, steps=3)
    with pytest.raises(ValueError, match=r"steps was 2, is 3.*--extend"):
        engine.train(longer)
    model = engine.train(longer, resume=True, extend=True)
    assert state_of(longer)["step"] == 3
    assert model is not None
    assert not model.training
    mean = state_of(longer)["ema"]["mean"]
    assert all(torch.equal(value, mean[name]) for name, value in model.state_dict().items())
    last = get_model(tiny.NAME, weights=f"{longer.output}/{LAST}")
    assert all(torch.equal(value, mean[name]) for name, value in last.state_dict().items())
    assert best.state_dict().keys() == mean.keys()

    path = tmp_path / "weights.safetensors"
    table = publish(model, longer, path)
    assert "part A, held out" in table
    assert "oracle MAE" in table
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["validation"]["part B"]["fusion"]["mae"] >= 0
    assert card["oracle"]["part B"]["fusion"]["mae"] >= 0
    assert "data_root" not in card["training"]
    loaded = get_model(tiny.NAME, weights=str(path))
    assert loaded.operating_point == model.operating_point


@pytest.mark.slow
def test_stages_follow_each_other(settings) -> None:
    kinds = ("counting", "localization", "proposal", "joint", "zoom")
    del settings["steps"]
    settings["stages"] = [{"kind": kind, "steps": 1} for kind in kinds]
    settings["crops"] = {"size": 64}
    config = make_config(settings)
    engine.train(config)
    state = state_of(config)
    assert (state["step"], state["stage"], state["stage_step"]) == (5, 4, 1)
    names = set(logged(config)[-1])
    assert names > {"density", "localization", "attention", "zoom_localization", "norm"}


@pytest.mark.slow
def test_a_batch_in_parts_has_the_gradient_of_the_whole(settings) -> None:
    settings |= {"steps": 1, "batch_size": 4, "norm": "frozen"}
    whole = config_of(settings, output=settings["output"] + "1")
    parts = config_of(settings, output=settings["output"] + "2", accumulate=2)
    engine.train(whole)
    engine.train(parts)
    first, second = logged(whole)[0], logged(parts)[0]
    for name in ("density", "localization", "attention", "norm"):
        assert second[name] == pytest.approx(first[name], rel=1e-5)


@pytest.mark.slow
def test_crops_cut_on_the_device_are_those_of_the_workers(settings) -> None:
    settings |= {"steps": 1, "batch_size": 4, "augmentation": {"noise": 0, "jpeg": 0}}
    losses = []
    for where in ("workers", "device"):
        config = config_of(settings, output=settings["output"] + where, crops={"where": where})
        engine.train(config)
        losses.append(logged(config)[0])
    for name in ("density", "localization", "attention"):
        assert losses[1][name] == pytest.approx(losses[0][name], rel=0.01)


@pytest.mark.slow
def test_validation_lowers_the_rate_and_keeps_the_best(settings, monkeypatch) -> None:
    errors = iter([0.5, 0.7, 0.6, 0.9])
    monkeypatch.setattr(engine, "relative_error", lambda estimates, name: next(errors))
    schedule = {"name": "plateau", "patience": 1, "warmup": 0.0}
    config = config_of(
        settings, steps=4, schedule=schedule, publish="best", validation={"every": 1}, ema=0.0
    )
    model = engine.train(config)
    assert model is not None
    state = state_of(config)
    assert state["best"] == 0.5
    assert state["plateau"] == {"factor": 0.5, "best": 0.5, "stalled": 1}
    best = get_model(tiny.NAME, weights=f"{config.output}/{BEST}").state_dict()
    assert all(torch.equal(value, best[name]) for name, value in model.state_dict().items())
    assert not torch.equal(best["counting.output.weight"], state["model"]["counting.output.weight"])
    validated = [line["step"] for line in logged(config) if "validation" in line]
    assert validated == [1, 2, 3, 4]


def test_where_the_time_of_steps_went_is_told_in_lines(settings, caplog) -> None:
    with caplog.at_level("INFO", "raz"):
        engine.train(config_of(settings))
    told = [record.getMessage() for record in caplog.records]
    assert "2 steps by the wall's clock:" in told
    assert not any("\n" in line for line in told)


@pytest.mark.parametrize("trained", [True, False])
def test_a_validation_measures_images_that_are_trained_on_too(trained, settings) -> None:
    config = config_of(settings, validation={"every": 2, "trained": trained})
    model = engine.train(config)
    assert model is not None
    [figures] = [line["validation"] for line in logged(config) if "validation" in line]
    assert ("trained_density_mae" in figures) == trained
    if trained:
        images = trained_images(open_parts(config))
        errors = [
            abs(count_image(model, each).counts["density"] - len(each.points)) for each in images
        ]
        assert figures["trained_density_mae"] == pytest.approx(sum(errors) / len(errors))


@pytest.mark.slow
def test_weights_to_start_from_keep_their_statistics_and_are_measured_first(
    settings, tmp_path
) -> None:
    first = get_model(tiny.NAME, weights=None)
    save_weights(first, tmp_path / "first.safetensors", dtype=torch.float32)
    settings["weights"] = str(tmp_path / "first.safetensors")
    config = config_of(settings, validation={"every": 2})
    model = engine.train(config)
    assert model is not None
    kept = dict(model.named_buffers())
    assert all(torch.equal(value, kept[name]) for name, value in first.named_buffers())
    validated = [line for line in logged(config) if "validation" in line]
    assert [line["step"] for line in validated] == [0, 2]
    images = calibration_images(open_parts(config))
    expected = measure(first.eval(), images, depth=1).counts["density"].mae
    assert validated[0]["validation"]["density_mae"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_stage_is_validated_by_its_own_estimate_and_keeps_its_own_best(
    settings, monkeypatch
) -> None:
    errors = iter([0.1, 0.9, 0.8])
    read = []

    def relative_error(estimates: object, name: str) -> float:
        read.append(name)
        return next(errors)

    monkeypatch.setattr(engine, "relative_error", relative_error)
    del settings["steps"]
    stages = [
        {"kind": "counting", "steps": 1},
        {"kind": "localization", "steps": 2, "estimate": "localization"},
    ]
    config = config_of(settings, stages=stages, publish="best", validation={"every": 1}, ema=0.0)
    model = engine.train(config)
    assert model is not None
    assert read == ["density", "localization", "localization"]
    state = state_of(config)
    assert state["best"] == 0.8
    # Not the first stage's, whose error was least: its localization is as it was in the beginning.
    assert all(torch.equal(v, state["model"][name]) for name, v in model.state_dict().items())


@pytest.mark.slow
def test_the_best_of_another_run_is_not_published(settings) -> None:
    config = config_of(settings, publish="best", validation={"every": 0})
    stale = get_model(tiny.NAME, weights=None)
    with torch.no_grad():
        stale.counting.output.bias.fill_(7.0)  # type: ignore[union-attr,operator]
    save_averaged(stale, Path(config.output) / BEST, {})
    model = engine.train(config)
    assert model is not None
    assert not (model.counting.output.bias == 7).any()  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_run_goes_on_when_the_weights_that_it_began_with_are_gone(settings, tmp_path) -> None:
    begun = tmp_path / "begun.safetensors"
    save_weights(get_model(tiny.NAME, weights=None), begun)
    config = config_of(settings, weights=str(begun))
    engine.train(config)
    begun.unlink()
    assert engine.train(config, resume=True) is not None
    with pytest.raises(WeightsError):
        engine.train(config_of(settings, weights=str(begun), output=str(tmp_path / "new")))


@pytest.mark.slow
def test_a_request_in_the_last_validation_ends_the_run(settings, monkeypatch) -> None:
    def terminated(estimates: object, name: str) -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0.5

    monkeypatch.setattr(engine, "relative_error", terminated)
    config = config_of(settings, steps=1, validation={"every": 1})
    with pytest.raises(KeyboardInterrupt):
        engine.train(config)
    assert state_of(config)["step"] == 1
    assert engine.train(config, resume=True) is not None  # nothing is left to do


@pytest.mark.slow
def test_divergence_names_the_images_and_keeps_the_last_good_state(settings, monkeypatch) -> None:
    from raz.training import stages

    config = config_of(settings, steps=3, checkpoint_minutes=0.0)
    losses = stages.raznet_losses
    calls = 0

    def diverging(*arguments):
        nonlocal calls
        calls += 1
        terms = losses(*arguments)
        return terms if calls < 2 else {name: term * torch.nan for name, term in terms.items()}

    monkeypatch.setattr(stages, "raznet_losses", diverging)
    with pytest.raises(FloatingPointError, match=r"at step 2: .*density nan.* made of IMG_"):
        engine.train(config)
    state = state_of(config)
    assert state["step"] == 1
    assert all(value.isfinite().all() for value in state["model"].values())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends(number, settings, monkeypatch) -> None:
    config = config_of(settings, steps=50)
    step = engine.training_step

    def signalled(run, batches):
        record = step(run, batches)
        os.kill(os.getpid(), number)
        return record

    monkeypatch.setattr(engine, "training_step", signalled)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        engine.train(config)
    assert state_of(config)["step"] == 1
    assert signal.getsignal(number) is before


@pytest.mark.slow
def test_a_signal_to_the_whole_group_leaves_the_workers_at_work(settings, monkeypatch) -> None:
    config = config_of(settings, steps=12, workers=1)
    step = engine.training_step
    struck = []

    def signalled(run, batches):
        record = step(run, batches)
        if run.step == 1:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGTERM)
                struck.append(child)
        elif run.step == 11:  # the worker was asked for more than it had prepared
            os.kill(os.getpid(), signal.SIGTERM)
        return record

    monkeypatch.setattr(engine, "training_step", signalled)
    with pytest.raises(KeyboardInterrupt):
        engine.train(config)
    assert len(struck) == 1
    assert state_of(config)["step"] == 11


def test_nothing_to_resume(settings) -> None:
    with pytest.raises(ValueError, match="holds no run to resume"):
        engine.train(make_config(settings), resume=True)


def test_no_such_data(settings) -> None:
    with pytest.raises(InputError):
        engine.train(config_of(settings, data_root="/nowhere"))


@pytest.mark.slow
def test_a_full_disk_ends_a_training_in_one_line_and_the_checkpoint_goes_on(
    settings, tmp_path, capsys
) -> None:
    config = config_of(settings)
    engine.train(config)
    before = state_of(config)
    file = tmp_path / "settings.toml"
    file.write_text(config_toml(config_of(settings, steps=3)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, limits[1]))
    try:
        assert main(["train", "--config", str(file), "--extend", "--quiet"]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert capsys.readouterr().err == f"raz: {config.output}/{LAST}: File too large\n"
    after = state_of(config)
    assert after["step"] == before["step"] == 2
    assert main(["train", "--config", str(file), "--extend", "--quiet"]) == 0
    assert state_of(config)["step"] == 3


def test_a_damaged_checkpoint_ends_a_training_in_one_line(settings, tmp_path, capsys) -> None:
    config = config_of(settings)
    state = Path(config.output) / STATE
    state.parent.mkdir(parents=True)
    state.write_bytes(b"PK damaged")
    file = tmp_path / "settings.toml"
    file.write_text(config_toml(config))
    assert main(["train", "--config", str(file), "--quiet"]) == 4
    message = capsys.readouterr().err
    assert message.startswith(f"raz: {state} is damaged, so the run cannot go on from it; ")
    assert message.count("\n") == 1
    assert "weights_only" not in message
    assert [path.name for path in Path(config.output).rglob("*") if path.is_file()] == ["state.pt"]
