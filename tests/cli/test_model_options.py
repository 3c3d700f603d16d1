from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from raz.cli import bench, predict
from raz.cli.model_options import add_model_options
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
    others = {"help", "model", "weights", "device", "max_pixels", "bits", "bands", "threads"}
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
