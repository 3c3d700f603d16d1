from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

import raz
from raz.cli.main import COMMANDS, main
from raz.errors import WeightsError


def python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout


def test_help_and_version_import_nothing_heavy():
    out = python(
        "import sys; from raz.cli.main import main\n"
        "main(['--help']); main(['predict', '--help']); main(['--version'])\n"
        "print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    )
    assert out.splitlines()[-1] == "[]"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"raz {raz.__version__}\n"


@pytest.mark.parametrize("module", ["raz", "raz.cli"])
def test_python_runs_the_command_by_the_name_of_the_package(module):
    command = [sys.executable, "-m", module]
    asked = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert (asked.returncode, asked.stdout) == (0, f"raz {raz.__version__}\n")
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_a_rebuild_of_an_editable_install_is_silent_on_stdout():
    project = Path(__file__).parents[2] / "pyproject.toml"
    editable = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["scikit-build"][
        "editable"
    ]
    assert editable == {"rebuild": True, "verbose": False}


def test_no_command_is_wrong_use(capsys):
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda module: module.__name__)
def test_every_command_has_a_help(command, capsys):
    assert main([command.__name__.rpartition(".")[2], "--help"]) == 0
    assert "--quiet" in capsys.readouterr().out


@pytest.fixture
def models(monkeypatch):
    def get_model(name, weights):
        if name == "bare":
            raise WeightsError("none fit")
        return torch.nn.Linear(3, 1)

    monkeypatch.setattr("raz.models.get_model", get_model)
    published = {"raznet_lite": ["DEFAULT"], "bare": ["DEFAULT"], "draft": []}
    monkeypatch.setattr("raz.models.get_model_weights", published.__getitem__)
    monkeypatch.setattr("raz.models.list_models", lambda: [*published])


def test_doctor_names_what_is_there_and_what_is_not(models, capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["torch"]["version"] == torch.__version__
    assert report["raz"]["version"] == raz.__version__
    assert report["weights"] == {
        "raznet_lite": {"parameters": 4},
        "bare": {"error": "WeightsError: none fit"},
        "draft": {"published": 0},
    }
    assert set(report) == {"raz", "python", "torch", "devices", "native", "images", "videos"} | {
        "extras",
        "weights",
    }
    assert main(["doctor"]) == 0
    assert f"torch     version {torch.__version__}" in capsys.readouterr().out


REQUIRES = [
    "torch<3,>=2.10",
    'scipy<2,>=1.10; extra == "data"',
    'pillow-heif<2,>=1; extra == "heif"',
    "onnx<2,>=1.17; extra == 'export'",
    'onnxscript<1,>=0.5.6; extra == "export"',
    'raz[data,export,heif]; extra == "all"',
]


def test_doctor_lists_what_can_be_read_and_which_extras_are_missing(models, capsys, monkeypatch):
    def version(package):
        if package in ("pillow-heif", "onnxscript"):
            raise importlib.metadata.PackageNotFoundError(package)
        return "1.0"

    missing = {"pillow_heif", "av", "rasterio"}
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else find(name)
    )
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: REQUIRES)
    monkeypatch.setattr(importlib.metadata, "version", version)
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"JPEG", "PNG", "TIFF", "GIF", "BMP"} <= set(report["images"]["reads"])
    lacks = report["images"]["lacks"]
    assert lacks["HEIC"] == 'pip install ".[heif]"'
    assert lacks["TIFF in windows"] == 'pip install ".[tiles]"'
    assert report["videos"] == {"reads": [], "lacks": {"videos": 'pip install ".[video]"'}}
    assert report["extras"] == {
        "installed": ["data"],
        "missing": ["heif", "export"],
        "by": 'pip install ".[heif,export]"',
    }
    assert main(["doctor"]) == 0
    assert "missing heif, export  by pip install" in capsys.readouterr().out


def test_doctor_lists_what_extras_add(models, capsys):
    pytest.importorskip("rasterio")
    pytest.importorskip("pillow_heif")
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"TIFF in windows", "HEIC"} <= set(report["images"]["reads"])
    assert {"mp4", "ts"} <= set(report["videos"]["reads"])


def test_doctor_reports_the_instruction_set(models, capsys):
    assert main(["doctor", "--json"]) == 0
    native = json.loads(capsys.readouterr().out)["native"]
    assert native["instruction_set"] in native["instruction_sets"]
    assert main(["doctor"]) == 0
    assert f"instruction_set {native['instruction_set']}" in capsys.readouterr().out


def test_reader_that_goes_away_costs_one_code_and_no_words(models, capsys, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert main(["doctor"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("module", ["raz.cli.main", "raz.cli.eval", "argparse"])
def test_signals_while_modules_are_imported_are_interruptions(number, module):
    code = f"""
import os, signal, sys
class Signals:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Signals())
from raz.cli.start import start
sys.exit(start())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (130, "raz: interrupted\n")


def test_doctor_without_default_weights_is_4(models, capsys, monkeypatch):
    monkeypatch.setattr("raz.models.list_models", lambda: ["bare"])
    monkeypatch.setattr("raz.cli.doctor.DEFAULT_MODEL", "bare")
    assert main(["doctor"]) == 4


def test_doctor_says_when_the_native_module_is_switched_off(models, capsys, monkeypatch):
    monkeypatch.setenv("RAZ_DISABLE_NATIVE", "1")
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["native"]["disabled by"] == "RAZ_DISABLE_NATIVE"


def test_a_lack_of_memory_without_words_has_some(capsys, monkeypatch):
    def lacking(args: object) -> int:
        raise MemoryError

    monkeypatch.setattr("raz.cli.doctor.run", lacking)
    assert main(["doctor"]) == 5
    assert capsys.readouterr().err == "raz: memory ran out\n"


def test_a_signal_while_python_ends_leaves_no_traceback():
    code = """
import atexit, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["raz", "--version"]
from raz.cli.start import start
sys.exit(start())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGINT
    assert run.stdout.startswith("raz ")
    assert run.stderr == ""


def test_an_interruption_that_a_library_makes_another_error_of_is_one(capsys, monkeypatch):
    def interrupted(args: object) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise WeightsError("cannot be read") from None
        return 0

    monkeypatch.setattr("raz.cli.doctor.run", interrupted)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "raz: interrupted\n"
