"""Cost of a batch of training crops beside its training step. `pytest bench` runs it.

Photographs of ShanghaiTech are read from the folder in RAZ_DATA, and decoded before the clock runs.
One round makes 8 batches of 8 crops of 384 pixels, but takes the step of one batch: divide the time
of the crops by 8 to compare.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import pytest
import torch

from raz.data import DeviceMix, ShanghaiTech, TrainingMix
from raz.losses import LossWeights
from raz.models import get_model
from raz.training.zoom_stage import zoom_losses

BATCH, SIZE, BATCHES = 8, 384, 8


@pytest.fixture(scope="module")
def parts():
    if "RAZ_DATA" not in os.environ:
        pytest.skip("RAZ_DATA is not set: no photographs")
    folder = Path(os.environ["RAZ_DATA"]) / "shanghaitech"
    images = [ShanghaiTech(folder, part)[:60] for part in ("A", "B")]
    return [(images[0], 0.55, (0.75, 2.0)), (images[1], 0.45, (0.75, 2.5))]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.benchmark(group="8 batches of 8 crops of 384")
@pytest.mark.parametrize("path", ["training_mix", "device_mix_on_cpu"])
def test_crops(benchmark, parts, path):
    if path == "training_mix":
        mix = TrainingMix(parts, SIZE, 0.25)

        def batch(first):
            return [mix[i] for i in range(first, first + BATCH)]
    else:
        device_mix = DeviceMix(parts, SIZE, 0.25, device="cpu")

        def batch(first):
            return device_mix.batch(range(first, first + BATCH))

    def crops():
        return [batch(first) for first in range(0, BATCHES * BATCH, BATCH)]

    assert len(benchmark.pedantic(crops, rounds=7, warmup_rounds=1)) == BATCHES


@pytest.mark.slow
@pytest.mark.benchmark(group="one training step on 8 crops of 384")
@pytest.mark.parametrize("stage", ["forward_and_backward", "losses_too", "zoom_2_regions"])
def test_step(benchmark, parts, stage):
    images, points, _ = DeviceMix(parts, SIZE, 0.25, device="cpu").batch(range(BATCH))
    x = images.float().div_(255).contiguous(memory_format=torch.channels_last)
    targets = [{"points": p} for p in points]
    model = get_model("raznet_lite", weights=None).train()
    model.to(memory_format=torch.channels_last)
    seeds = count()

    def step():
        with torch.autocast("cpu", torch.bfloat16):
            if stage == "forward_and_backward":
                total = sum(value.float().mean() for value in model(x).values())
            else:
                regions = 2 if stage == "zoom_2_regions" else 0
                losses = zoom_losses(
                    model, x, targets, LossWeights(), max_regions=regions, seed=next(seeds)
                )
                total = sum(losses.values())
        total.backward()
        return total

    assert benchmark.pedantic(step, rounds=5, warmup_rounds=1).isfinite()
