from __future__ import annotations

import importlib
import json
import logging
import math
from pathlib import Path

import pytest

from raz.cli.main import main
from raz.data.sample import SampleSequence
from raz.evaluation import BootstrapMean, CountError, Measurement
from raz.metrics import MetricTable


class Images(SampleSequence):
    """Twenty images IMG_1 to IMG_20 that nobody reads."""

    names = tuple(f"IMG_{k}" for k in range(1, 21))

    def __init__(self, root: str, part: str) -> None:
        assert root == "data"
        self.part = part

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> None:  # type: ignore[override]
        pytest.fail(f"{self.names[index]} was read")


class Net:
    """A net that only knows where it is."""

    device: object = None

    def to(self, device: object) -> Net:
        self.device = device
        return self


@pytest.fixture
def measured(monkeypatch, tmp_path_factory):
    """What was measured: the positions of the images, the depth and the quality."""
    calls = []
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    for part in ("part_A", "part_B"):
        Path("data", part, "train_data", "images").mkdir(parents=True)

    def measure(model, samples, *, depth, quality, dtype, on_image):
        logging.getLogger("raz.evaluation.measurement").info("looked at an image")
        calls.append((samples.indices, depth, quality))
        levels = range(1, (depth or 2) + 1)
        points = {k: MetricTable({"4px": {"f1": 0.25 * k}}) for k in levels}
        error = CountError(1.5, 2.0, -0.5, bias_percent=-1.0, mae_low=1.0, mae_high=1.75)
        return Measurement(
            {"fusion": error}, points, {"density+": BootstrapMean(-0.25, low=-0.5, high=0.125)}
        )

    def get_model(name, weights):
        if name == "unknown":
            raise ValueError("name is 'unknown'; it must be one of fake")
        return Net()

    monkeypatch.setattr("raz.models.get_model", get_model)
    importlib.import_module("raz.data.layouts")  # which takes the class by its name, once
    monkeypatch.setattr("raz.data.shanghaitech.ShanghaiTech", Images)
    monkeypatch.setattr("raz.evaluation.measure", measure)
    return calls


def test_eval_prints_a_table_a_part_and_progress_on_stderr(measured, capsys):
    assert main(["eval", "--data", "data", "--depth", "3"]) == 0
    out, err = capsys.readouterr()
    tables = out.split("part ")[1:]
    assert [table[:2] for table in tables] == ["A,", "B,"]
    _, fusion, minus, *points = (" ".join(line.split()) for line in tables[0].splitlines())
    assert fusion == "fusion 1.50 1.00 to 1.75 2.00 -0.50 -1.0%"
    assert minus == "fusion - density+ -0.25 -0.50 to +0.12"
    assert points[::3] == ["points, depth 1", "points, depth 2", "points, depth 3"]
    assert [line.split()[1] for line in points[2::3]] == ["25.0000%", "50.0000%", "75.0000%"]
    assert err == "raz: looked at an image\n" * 2
    assert measured == [((9, 19), 3, "balanced")] * 2  # IMG_10 and IMG_20


def test_eval_as_json_of_one_part_and_image_quietly(measured, capsys):
    options = ["--part", "B", "--limit", "1", "--quality", "best", "--json", "--quiet"]
    assert main(["eval", "--data", "data", *options]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "B": {
            "counts": {
                "fusion": {
                    "mae": 1.5,
                    "rmse": 2.0,
                    "bias": -0.5,
                    "bias_percent": -1.0,
                    "mae_low": 1.0,
                    "mae_high": 1.75,
                }
            },
            "fusion_minus": {"density+": {"mean": -0.25, "low": -0.5, "high": 0.125}},
            "points": {"depth 1": {"4px": {"f1": 0.25}}, "depth 2": {"4px": {"f1": 0.5}}},
        }
    }
    assert err == ""
    assert measured == [((9,), None, "best")]


def test_eval_measures_on_the_device_that_is_asked_for(measured, monkeypatch):
    devices = []

    def measure(model, samples, *, depth, quality, dtype, on_image):
        devices.append(str(model.device))
        return Measurement({}, {})

    monkeypatch.setattr("raz.evaluation.measure", measure)
    assert main(["eval", "--data", "data", "--part", "B", "--device", "cpu"]) == 0
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert main(["eval", "--data", "data", "--part", "B", "--device", "cuda:1"]) == 0
    assert main(["eval", "--data", "data", "--part", "B"]) == 0
    assert devices == ["cpu", "cuda:1", "cuda"]


def test_eval_prints_no_number_as_null(measured, capsys, monkeypatch):
    def nothing(model, samples, **options):
        return Measurement({"fusion": CountError(math.nan, math.nan, math.nan)}, {})

    monkeypatch.setattr("raz.evaluation.measure", nothing)
    assert main(["eval", "--data", "data", "--part", "B", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["B"]["counts"]
    assert counts == {"fusion": dict.fromkeys(CountError.__dataclass_fields__)}


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("eval", ["--depth", "0"], "0 is below 1"),
        ("eval", ["--limit", "0"], "0 is below 1"),
        ("eval", ["--model", "unknown"], "unknown model unknown; one of fake"),
        ("eval", ["--device", "gpu"], "device is 'gpu'"),
        ("train", ["--minutes", "0"], "0 is not a finite number above 0"),
        ("train", ["--minutes", "nan"], "nan is not a finite number"),
        ("train", ["--minutes", "long"], "'long' is not a number"),
        ("train", ["--crop-size", "100"], "--crop-size is 100"),
        ("train", ["--workers", "-1"], "-1 is below 0"),
        ("train", ["--model", "unknown"], "unknown model unknown; one of raznet_lite"),
    ],
)
def test_wrong_use_is_2_before_any_work(command, arguments, words, measured, capsys, tmp_path):
    output = ["--output", str(tmp_path / "run")] if command == "train" else []
    assert main([command, "--data", "data", *output, *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert measured == []
