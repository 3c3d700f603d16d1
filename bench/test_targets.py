"""Cost of making targets and losses beside the training step that they are for."""

from __future__ import annotations

import pytest
import torch

from raz.losses import LossWeights, raznet_losses, target_maps
from raz.models import raznet_lite

CROPS, SIDE = 8, 384
BESIDE_A_STEP = "8 crops of 384 px: a training step of raznet_lite, and their targets"


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def crowds(heads):
    generator = torch.Generator().manual_seed(heads)
    return [torch.rand(heads, 2, generator=generator) * SIDE for _ in range(CROPS)]


@pytest.mark.slow
@pytest.mark.benchmark(group=BESIDE_A_STEP)
def test_training_step(benchmark):
    """Time forward and backward in bfloat16, with targets for 50 heads a crop; no optimizer."""
    torch.manual_seed(0)
    model = raznet_lite().train().to(memory_format=torch.channels_last)
    images = torch.rand(CROPS, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    targets = [{"points": points} for points in crowds(50)]

    def step():
        model.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(images)
        losses = raznet_losses(outputs, targets, (SIDE, SIDE))
        total = sum(losses.values())
        total.backward()
        return float(total.detach())

    assert benchmark.pedantic(step, rounds=4, warmup_rounds=1) > 0


@pytest.mark.benchmark(group=BESIDE_A_STEP)
@pytest.mark.parametrize("sigma", [8.0, "adaptive"])
@pytest.mark.parametrize("heads", [0, 50, 500, 2000])
def test_target_maps(benchmark, heads, sigma):
    points = crowds(heads)
    maps = benchmark.pedantic(
        target_maps, (points, (SIDE, SIDE), sigma), rounds=20, warmup_rounds=2
    )
    assert float(maps["density"].sum()) == pytest.approx(CROPS * heads, rel=1e-4)


@pytest.mark.parametrize("heads", [50, 500, 2000])
@pytest.mark.parametrize("name", ["localization", "density", "attention", "heat", "dots"])
def test_one_map(benchmark, name, heads):
    benchmark.group = f"one map for 8 crops of 384 px, {heads:,} heads each"
    points = crowds(heads)
    benchmark.pedantic(
        lambda: target_maps(points, (SIDE, SIDE), names=[name]), rounds=20, warmup_rounds=2
    )


TERMS = [
    "block_mae",
    "dm_ot",
    "dm_tv",
    "bayes",
    "point_bce",
    "point_focal",
    "point_dice",
    "consistency",
    "attention_mse",
]


@pytest.mark.parametrize("heads", [50, 500])
@pytest.mark.parametrize("term", TERMS)
def test_one_loss(benchmark, term, heads):
    """Time one term with its targets, forward and backward."""
    benchmark.group = f"one loss of 8 crops of 384 px, {heads} heads each"
    generator = torch.Generator().manual_seed(0)
    cells = SIDE // 8
    outputs = {
        "localization": torch.randn(CROPS, SIDE, SIDE, generator=generator) - 4,
        "density": torch.rand(CROPS, cells, cells, generator=generator) * heads / cells**2,
        "attention": torch.rand(CROPS, cells, cells, generator=generator),
    }
    for output in outputs.values():
        output.requires_grad_()
    targets = [{"points": points} for points in crowds(heads)]
    off = dict.fromkeys(LossWeights().terms(), 0.0)
    weights = LossWeights(**{**off, term: 1.0})

    def run():
        sum(raznet_losses(outputs, targets, (SIDE, SIDE), weights).values()).backward()

    benchmark.pedantic(run, rounds=3, warmup_rounds=1)
