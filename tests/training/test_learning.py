"""A short training on real photographs, at half their size."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from PIL import Image

from raz.data import Sample, ShanghaiTech, Subset, holdout
from raz.evaluation import measure
from raz.training.config import make_config
from raz.training.engine import train

STEPS = 60
REPORTED = 12
LOSSES = ("density", "localization", "attention")


class Halved(Subset):
    """The photographs at half their size."""

    def read(self, index):
        sample = super().read(index)
        image = np.asarray(Image.fromarray(sample.image).reduce(2))
        return Sample(image, sample.points / 2, sample.name)


def heads(images, indices):
    return np.array([len(images.points(index)) for index in indices])


@pytest.mark.slow
def test_a_short_training_beats_the_best_constant_guess(raz_data, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    images = ShanghaiTech(raz_data / "shanghaitech", "B")
    split = holdout(images.names)
    config = make_config(
        {
            "output": str(tmp_path),
            "data_root": str(raz_data / "shanghaitech"),
            "data": [{"layout": "shanghaitech_b", "scale": [1.6, 3.2]}],
            "backbone": str(raz_data.parent / "weights" / "efficientnet_lite0_blocks.safetensors"),
            "steps": STEPS,
            "batch_size": 4,
            "crops": {"size": 160},
            "losses": {"zip": 1.0, "gamma": 20.0},
            "ema": 0.95,
            "validation": {"every": 0},
            "workers": 0,
        }
    )
    model = train(config)

    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [sum(line[name] for name in LOSSES) for line in lines if "density" in line]
    assert losses[-1] < 0.8 * losses[0]

    reported = split.validation[:REPORTED]
    guess = np.median(heads(images, split.train))
    by_guess = np.abs(heads(images, reported) - guess).mean()
    measured = measure(model, Halved(images, reported), depth=1).counts["density"].mae
    assert measured < by_guess
