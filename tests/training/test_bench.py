"""The programs of bench/ that compare trainings and weights, on a few small images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.models import get_model, save_weights

pytestmark = pytest.mark.slow

BENCH = Path(__file__).parents[2] / "bench"

PLAN = """
folds = 2
[shared]
model = "raznet_lite"
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


def run(program: str, *options: object) -> list[str]:
    command = [sys.executable, str(BENCH / program), *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def weights(tmp_path) -> list[Path]:
    """Two untrained nets that differ."""
    files = [tmp_path / "first.safetensors", tmp_path / "second.safetensors"]
    for bias, file in enumerate(files):
        model = get_model("raznet_lite", weights=None)
        model.counting.output.bias.data.fill_(float(bias))
        save_weights(model, file)
    return files


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ablations_count_each_training_image_out_of_fold(tiny_shanghaitech, tmp_path) -> None:
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


def test_weights_are_compared_with_the_first(tiny_shanghaitech, weights) -> None:
    first, second = weights
    lines = run("compare_weights.py", first, second, "--data", tiny_shanghaitech, "--depth", 1)
    rows = [cells(line) for line in lines[2:] if cells(line)[1] == "density"]
    assert [row[2] for row in rows] == [first.name, second.name] * 2
    for (_, _, _, one), (_, _, _, two, difference, _) in zip(rows[::2], rows[1::2], strict=True):
        assert float(difference) == pytest.approx(float(two) - float(one), abs=0.011)
        assert float(difference) != 0


def test_failures_are_drawn_as_dots(tiny_shanghaitech, weights, tmp_path) -> None:
    image = tmp_path / "failures.png"
    options = ("--data", tiny_shanghaitech, "--weights", weights[0], "--output", image)
    lines = run("failures.py", *options)
    assert [line[:10] for line in lines] == ["A IMG_10: ", "B IMG_10: "]
    with Image.open(image) as drawn:
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20)}
    assert any(red > 200 and green < 80 for red, green, _ in colours)  # missed heads
