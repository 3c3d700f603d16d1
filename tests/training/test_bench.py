"""The programs of bench/ that compare trainings and weights, on a few small images."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.models import get_model, save_weights

from . import tiny

pytestmark = pytest.mark.slow

BENCH = Path(__file__).parents[2] / "bench"

PLAN = """
folds = 2
[shared]
model = "raznet_tiny"
batch_size = 2
workers = 0
bfloat16 = false
stages = [{ kind = "counting", steps = 2 }]
[shared.crops]
size = 32
[shared.validation]
every = 0
[shared.report]
progress = false
[shared.data."part A"]
layout = "shanghaitech_a"
[shared.data."part B"]
layout = "shanghaitech_b"
[variants.first]
[variants."no count"]
losses = { count_l1 = 0.0 }
"""


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., list[str]]:
    """Run a program with options, in this process; return the lines that it prints."""
    monkeypatch.syspath_prepend(str(BENCH))

    def run(program: str, *options: object) -> list[str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [program, *map(str, options)])
            runpy.run_path(str(BENCH / program), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def weights(tmp_path) -> dict[str, list[Path]]:
    """By the name of a net, two files of untrained weights that differ."""
    files: dict[str, list[Path]] = {}
    for name in (tiny.NAME, "raznet_lite"):
        files[name] = [tmp_path / f"{which}_{name}.safetensors" for which in ("first", "second")]
        for bias, file in enumerate(files[name]):
            model = get_model(name, weights=None)
            model.counting.output.bias.data.fill_(float(bias))
            save_weights(model, file)
    return files


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ablations_count_each_training_image_out_of_fold(tiny_shanghaitech, tmp_path, run) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    options = ("--data", tiny_shanghaitech, "--output", tmp_path / "runs")
    options += ("--variants", tmp_path / "plan.toml")
    assert run("ablations.py", *options, "--fold", 1)[2:] == []  # half of each variant is missing
    lines = run("ablations.py", *options, "--fold", 2)
    assert [cells(line)[:2] for line in lines[2:]] == [
        [part, name] for part in ("part A", "part B") for name in ("first", "no count")
    ]
    counted = [
        json.loads((tmp_path / f"runs/first/fold{fold}/counts.json").read_text()) for fold in (1, 2)
    ]
    errors = [abs(count - heads) for fold in counted for heads, count in fold["part A"]]
    assert len(errors) == 2  # IMG_1 and IMG_2: the others are held out or calibrate
    assert float(cells(lines[2])[2]) == pytest.approx(np.mean(errors), abs=0.006)
    assert run("ablations.py", *options, "--table") == lines


def test_weights_are_compared_with_the_first(tiny_shanghaitech, weights, run) -> None:
    first, second = weights[tiny.NAME]
    options = ("--model", tiny.NAME, "--data", tiny_shanghaitech, "--depth", 1)
    lines = run("compare_weights.py", first, second, *options)
    rows = [cells(line) for line in lines[2:] if cells(line)[1] == "density"]
    assert [row[2] for row in rows] == [first.name, second.name] * 2
    for (_, _, _, one), (_, _, _, two, difference, _) in zip(rows[::2], rows[1::2], strict=True):
        assert float(difference) == pytest.approx(float(two) - float(one), abs=0.011)
        assert float(difference) != 0


def test_counts_are_measured_at_every_quality(tiny_shanghaitech, weights, run) -> None:
    options = ("--model", tiny.NAME, "--weights", weights[tiny.NAME][0])
    lines = run("counting.py", "--data", tiny_shanghaitech, "--limit", 1, *options)
    assert [line for line in lines if line[:1] == "#"] == [
        f"## Part {part}, 1 images" for part in "AB"
    ]
    rows = [cells(line)[:2] for line in lines if len(cells(line)) == 8]
    qualities = [quality for quality, name in rows if name == "fusion"]
    assert qualities == ["fast", "balanced", "best"] * 2
    assert ["best", "density+"] in rows
    assert ["fast", "density+"] not in rows
    assert any("fusion - fusion of balanced" in line for line in lines)


def test_counts_are_measured_at_every_size(tiny_shanghaitech, weights, monkeypatch, run) -> None:
    options = ("--model", tiny.NAME, "--weights", weights[tiny.NAME][0], "--limit", 2)
    lines = run("scales.py", "--data", tiny_shanghaitech, *options, "--sizes", 2)
    rows = [cells(line) for line in lines if line[:2] == "| " and len(cells(line)) == 7]
    assert [row[0] for row in rows] == ["size", "1x", "2x"] * 2
    assert [row[1:3] for row in rows if row[0] == "1x"] == [["0.0%", "+0.0%"]] * 2
    assert all(row[1] != "0.0%" for row in rows if row[0] == "2x")
    # Images as small as these are in no mosaic.
    assert "## Mosaics" in lines
    assert not any(line.startswith("| A 2 x 2") for line in lines)


def test_failures_are_drawn_as_dots(tiny_shanghaitech, weights, tmp_path, run) -> None:
    image = tmp_path / "failures.png"
    options = (
        "--data",
        tiny_shanghaitech,
        "--weights",
        weights["raznet_lite"][0],
        "--output",
        image,
    )
    lines = run("failures.py", *options)
    assert [line[:10] for line in lines] == ["A IMG_10: ", "B IMG_10: "]
    with Image.open(image) as drawn:
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20)}
    assert any(red > 200 and green < 80 for red, green, _ in colours)  # missed heads
