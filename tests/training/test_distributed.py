"""Two processes under torchrun do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from raz.evaluation import ESTIMATES, measure
from raz.models import get_model
from raz.training.batches import Numbers
from raz.training.checkpoint import BEST
from raz.training.config import config_toml
from raz.training.datasets import calibration_images, open_parts
from raz.training.distributed import World
from raz.training.engine import train

from . import tiny
from .runs import config_of

CPU = torch.device("cpu")


def logged(output: str) -> list[dict]:
    return [json.loads(line) for line in (Path(output) / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(settings, tmp_path) -> None:
    """Normalisation layers are frozen: each process would have statistics of its own crops."""
    changes = {
        "steps": 1,
        "batch_size": 4,
        "norm": "frozen",
        "validation": {"every": 1, "depth": 2},
    }
    alone = config_of(settings, **changes, output=str(tmp_path / "alone"))
    together = config_of(settings, **changes, output=str(tmp_path / "together"), accumulate=2)
    train(alone)
    file = tmp_path / "together.toml"
    file.write_text(config_toml(together))
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, tiny.__file__, "train", "--config", str(file)]
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("part B, held out") == 1

    first, second = (
        next(line for line in logged(config.output) if "validation" not in line)
        for config in (alone, together)
    )
    assert first.keys() == second.keys()
    for name in ("density", "localization", "attention", "norm"):
        assert second[name] == pytest.approx(first[name], rel=1e-6)

    # The weights that two processes reached, measured by one: to the digit.
    images = calibration_images(open_parts(together))
    assert len(images) == 3  # not a multiple of two
    model = get_model(tiny.NAME, weights=f"{together.output}/{BEST}")
    model.to(memory_format=torch.channels_last)  # as it was there; sums have another order else
    expected = measure(model, images, depth=2).counts
    figures = next(line["validation"] for line in logged(together.output) if "validation" in line)
    assert {n: figures[f"{n}_mae"] for n in ESTIMATES} == {n: e.mae for n, e in expected.items()}


@pytest.mark.parametrize(("size", "accumulate"), [(1, 1), (2, 1), (4, 1), (2, 2), (1, 4)])
def test_a_batch_has_the_same_crops_for_any_number_of_processes(settings, size, accumulate):
    config = config_of(settings, batch_size=8, accumulate=accumulate)
    step = []
    for rank in range(size):
        batches = iter(Numbers(config, World(rank, size, CPU), first_step=3))
        step += [number for _ in range(accumulate) for number in next(batches)]
        assert next(batches)[0] == 32 + 8 // size * rank  # the next step
    assert step == list(range(24, 32))


def test_a_batch_that_cannot_be_divided_is_refused(settings) -> None:
    with pytest.raises(ValueError, match="batch_size is 2; it must be a multiple of the 3 proc"):
        Numbers(config_of(settings), World(0, 3, CPU), 0)
    with pytest.raises(ValueError, match="accumulate is 2; it must divide the 1 crops"):
        Numbers(config_of(settings, accumulate=2), World(0, 2, CPU), 0)
