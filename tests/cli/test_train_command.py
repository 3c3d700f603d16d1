from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from raz.cli.main import main
from raz.training.config import make_config


@pytest.fixture
def trained(monkeypatch):
    """The configurations that would have been trained, with the keyword arguments."""
    calls = []

    def train(config, **options):
        calls.append((config, options))
        return "model"

    def publish(model, config, path):
        assert model == "model"
        return f"published {path}"

    monkeypatch.setattr("raz.training.engine.train", train)
    monkeypatch.setattr("raz.training.publishing.publish", publish)
    return calls


def printed(capsys, *arguments: str) -> str:
    assert main(["train", *arguments, "--print-config"]) == 0
    out: str = capsys.readouterr().out
    return out


def test_the_printed_configuration_reads_back_as_itself(capsys, tmp_path) -> None:
    options = ["--steps", "7", "--gamma", "100", "--set", "stages=[]", "--seed", "3"]
    first = printed(capsys, *options)
    path = tmp_path / "c.toml"
    path.write_text(first)
    assert printed(capsys, "--config", str(path)) == first
    config = make_config(tomllib.loads(first))
    assert (config.steps, config.minutes, config.seed, config.losses.gamma) == (7, None, 3, 100)


def test_options_go_over_the_file_and_the_file_over_the_defaults(trained, tmp_path, capsys) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'steps = 9\nbatch_size = 4\nseed = 1\noutput = "a"\ndata_root = "d"\n'
        "[losses]\ncount_l1 = 2\n[[data]]\nlayout = 'synthetic'\n"
    )
    options = ["--minutes", "3", "--seed", "2", "--gamma", "50", "--crop-size", "64"]
    setting = ["--set", "schedule.name=constant", "--set", "optimizer.clip = 5"]
    assert main(["train", "--config", str(path), *options, *setting]) == 0
    ((config, how),) = trained
    assert (config.steps, config.minutes, config.batch_size, config.seed) == (None, 3, 4, 2)
    assert (config.losses.gamma, config.losses.count_l1, config.crops.size) == (50, 2, 64)
    assert (config.schedule.name, config.optimizer.clip) == ("constant", 5)
    assert [part.layout for part in config.data] == ["synthetic"]
    assert how == {"resume": False, "extend": False}
    assert capsys.readouterr().out == f"published {Path('a/weights.safetensors')}\n"


def test_a_start_from_random_numbers_is_said(trained, tmp_path, capsys) -> None:
    new, begun = tmp_path / "new", tmp_path / "begun"
    (begun / "last").mkdir(parents=True)
    (begun / "last" / "state.pt").touch()
    command = ["train", "--data", "d", "--output"]
    assert main([*command, str(new)]) == 0
    assert capsys.readouterr().err == (
        "raz: training starts from random numbers: neither --backbone nor --weights is given; "
        "raz backbone raznet_lite fetches ImageNet's\n"
    )
    for other in (
        [str(new), "--backbone", "b.pth"],
        [str(new), "--weights", "DEFAULT"],
        [str(begun)],
    ):
        assert main([*command, *other]) == 0
        assert capsys.readouterr().err == ""


def test_a_folder_alone_is_shanghaitech_with_scenes(trained) -> None:
    assert main(["train", "--data", "d", "--output", "o", "--limit", "4"]) == 0
    ((config, _),) = trained
    assert [part.name for part in config.data] == ["part A", "part B", "synthetic"]
    assert (config.minutes, config.validation.limit) == (60, 4)


def test_resuming_takes_the_settings_of_the_run(trained, tmp_path) -> None:
    text = "steps = 4\nbatch_size = 2\ndata_root = 'd'\n"
    (tmp_path / "config.toml").write_text(text + f"output = {json.dumps(str(tmp_path))}\n")
    assert main(["train", "--output", str(tmp_path), "--resume", "--extend", "--steps", "8"]) == 0
    ((config, how),) = trained
    assert (config.steps, config.batch_size) == (8, 2)
    assert how == {"resume": True, "extend": True}


def test_resuming_reads_the_settings_of_a_run_of_an_earlier_raz(trained, tmp_path) -> None:
    text = "steps = 4\ndata_root = 'd'\n[validation]\npictures = 3\nreading = 'average'\n"
    (tmp_path / "config.toml").write_text(f"output = {json.dumps(str(tmp_path))}\n{text}")
    assert main(["train", "--output", str(tmp_path), "--resume"]) == 0
    ((config, _),) = trained
    assert (config.validation.limit, config.validation.estimate) == (3, "average")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "d"], "--output is needed"),
        (["--output", "o"], "--data is needed"),
        (["--data", "d", "--output", "o", "--set", "optimizer.nme=1"], "optimizer.nme is not a"),
        (["--data", "d", "--output", "o", "--set", "steps"], "--set steps has no value"),
        (["--data", "d", "--output", "o", "--steps", "1", "--minutes", "1"], "both given"),
        (["--data", "d", "--output", "o", "--set", 999 * "x"], f"{100 * 'x'}... has no value"),
        (["--set", "steps=" + 5000 * "9"], f"steps is '{99 * '9'}...; it must be an integer"),
        (["--set", "steps=" + 5000 * "["], f"steps is '{99 * '['}...; it must be an integer"),
        (["--steps", "0"], "0 is below 1"),
        (["--learning-rate", "-1"], "-1 is not a finite number above 0"),
        (
            ["--set", "optimizer.learning_rate=-1"],
            "optimizer.learning_rate is -1.0; it must be pos",
        ),
        (["--set", "augmentation.flip=5"], "augmentation.flip is 5.0; it must be in [0, 1]"),
        (["--set", "schedule.floor=nan"], "schedule.floor is nan; it must be in [0, 1]"),
        (["--threads", "1000000"], "1000000 is above 1024"),
    ],
)
def test_wrong_use_is_2_before_any_work(arguments, words, trained, capsys) -> None:
    assert main(["train", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert trained == []


def test_a_process_that_does_not_lead_publishes_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setattr("raz.training.engine.train", lambda config, **options: None)
    assert main(["train", "--data", "d", "--output", "o"]) == 0
    assert capsys.readouterr().out == ""


def test_where_the_result_is_and_its_figures_as_json(tmp_path, monkeypatch, capsys) -> None:
    def publish(model, config, path):
        path.parent.mkdir()
        path.write_text("")
        path.with_suffix(".json").write_text('{"calibration": {}}\n')
        return "table"

    monkeypatch.setattr("raz.training.engine.train", lambda config, **options: "model")
    monkeypatch.setattr("raz.training.publishing.publish", publish)
    output = tmp_path / "run"
    assert main(["train", "--data", "d", "--output", str(output), "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == '{"calibration": {}}\n'
    assert f"raz predict photo.jpg --weights {output / 'weights.safetensors'}" in err
    assert f"{output / 'weights.json'}  settings" in err
    assert "curve.png" not in err  # it is not there


def test_an_interruption_is_130(monkeypatch) -> None:
    def interrupted(config, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("raz.training.engine.train", interrupted)
    assert main(["train", "--data", "d", "--output", "o"]) == 130


def test_a_missing_file_of_settings_is_named(capsys) -> None:
    assert main(["train", "--config", "/nowhere/c.toml"]) == 1
    assert "/nowhere/c.toml: No such file" in capsys.readouterr().err


def test_resuming_without_a_run_is_wrong_use(capsys, tmp_path) -> None:
    assert main(["train", "--output", str(tmp_path / "o"), "--resume"]) == 2
    assert "holds no run to resume" in capsys.readouterr().err
