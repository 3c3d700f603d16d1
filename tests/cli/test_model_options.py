from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from raz.cli import bench, predict
from raz.cli.model_options import add_model, add_model_options, chosen_model
from raz.zoom import ZoomSettings


@pytest.fixture
def options():
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    return {action.dest: action for action in parser._actions}


def test_every_setting_is_an_option_with_its_default_and_help(options):
    for setting in fields(ZoomSettings):
        option = options[setting.name]
        assert option.option_strings == [f"--{setting.name.replace('_', '-')}"]
        assert option.default == setting.default
        assert option.help.startswith(setting.metadata["help"])
        assert tuple(option.choices or ()) == tuple(setting.metadata["choices"])
    others = {
        "help",
        "model",
        "weights",
        "runtime",
        "device",
        "max_pixels",
        "bits",
        "bands",
        "threads",
    }
    assert options.keys() == {setting.name for setting in fields(ZoomSettings)} | others


@pytest.mark.parametrize("command", [predict, bench])
def test_commands_that_count_have_them(command, capsys):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args([command.__name__.rpartition(".")[2], "--help"])
    out = capsys.readouterr().out
    for setting in fields(ZoomSettings):
        assert f"--{setting.name.replace('_', '-')}" in out


def test_an_exported_file_is_a_model_and_a_runtime_is_for_it_alone(monkeypatch):
    loaded = []
    monkeypatch.setattr("raz.export.load", lambda path, runtime: loaded.append((path, runtime)))
    parser = argparse.ArgumentParser()
    add_model(parser)
    chosen_model(parser.parse_args(["--model", "a.ONNX"]))
    chosen_model(parser.parse_args(["--model", "b.onnx", "--runtime", "openvino"]))
    assert loaded == [("a.ONNX", None), ("b.onnx", "openvino")]
    with pytest.raises(ValueError, match=r"weights is only for a model's name; a\.onnx"):
        chosen_model(parser.parse_args(["--model", "a.onnx", "--weights", "b.safetensors"]))
    with pytest.raises(ValueError, match=r"runtime is for a model in an \.onnx file"):
        chosen_model(parser.parse_args(["--runtime", "openvino"]))
