from __future__ import annotations

import math

import pytest
import torch

from raz.losses import bayes, block_mae, block_poisson, count_l1, density_mse, dm_ot, dm_tv


def test_density_mse_by_hand():
    density = torch.zeros(2, 2, 3)
    density[0, 0, 0], density[1, 1, 1] = 2.0, -4.0
    target = torch.zeros(2, 2, 3)
    assert density_mse(density, target).item() == pytest.approx((4 + 16) / 2)
    assert density_mse(density, target, per="cell").item() == pytest.approx(20 / 12)
    with pytest.raises(ValueError, match="per is 'pixel'; it must be 'image' or 'cell'"):
        density_mse(density, target, per="pixel")  # type: ignore[arg-type]


def test_block_mae_by_hand():
    # Cells +1 and -1 in one block of two: wrong by 2 at 8 px, right at 16 px and above.
    density = torch.zeros(1, 4, 4)
    density[0, 0, 0], density[0, 0, 1] = 1.0, -1.0
    target = torch.zeros(1, 4, 4)
    assert block_mae(density, target, weights=(1.0, 10.0, 100.0)).item() == pytest.approx(2.0)
    density[0, 0, 1] = 1.0
    assert block_mae(density, target, weights=(1.0, 10.0, 100.0)).item() == pytest.approx(222.0)


def test_block_mae_loses_nothing_at_a_border():
    density = torch.zeros(1, 5, 3)
    density[0, 4, 2] = 1.0
    assert block_mae(density, torch.zeros(1, 5, 3)).item() == pytest.approx(0.25 + 0.5 + 1.0)


def test_block_poisson_by_hand():
    # One head and a density of 2 in its cell, 1 in another: alone, then in one block of two.
    density = torch.zeros(1, 4, 4)
    density[0, 0, 0], density[0, 0, 1] = 2.0, 1.0
    counts = torch.zeros(1, 4, 4)
    counts[0, 0, 0] = 1.0
    cells, block = 2 - 1 - math.log(2) + 1, 3 - 1 - math.log(3)
    found = block_poisson(density, counts, weights=(1.0, 10.0, 100.0)).item()
    assert found == pytest.approx(cells + 110 * block)
    assert block_poisson(density, density).item() == pytest.approx(0, abs=1e-6)


def test_block_poisson_is_least_at_the_mean_and_block_mae_at_the_median():
    # Of five like images one has a head: the mean is 0.2, the median 0.
    counts = torch.zeros(5, 2, 2)
    counts[0, 1, 1] = 1.0
    persons = torch.arange(1, 11) / 20
    costs = {
        loss: [loss(torch.zeros(5, 2, 2).index_fill_(1, torch.tensor([1]), p / 2), counts, (0, 1))
               for p in persons.tolist()]
        for loss in (block_poisson, block_mae)
    }  # fmt: skip
    assert persons[torch.stack(costs[block_poisson]).argmin()] == pytest.approx(0.2)
    assert persons[torch.stack(costs[block_mae]).argmin()] == pytest.approx(0.05)


def test_block_poisson_of_no_density_is_finite_and_has_a_gradient():
    density = torch.zeros(2, 5, 3, requires_grad=True)
    counts = torch.zeros(2, 5, 3)
    counts[0, 4, 2] = 2.0
    loss = block_poisson(density, counts)
    loss.backward()
    assert loss.isfinite()
    assert density.grad is not None
    assert density.grad.isfinite().all()


def test_count_l1_is_persons_per_image():
    density = torch.stack([torch.full((2, 2), 0.5), torch.full((2, 2), 1.0)])
    assert count_l1(density, torch.zeros(2, 2, 2)).item() == pytest.approx(3.0)


def test_bayes_by_hand():
    # Two cells of 8 px with one head at the centre of the first: squared distances 0 and 64, to the
    # background 8^2 / 1e-5, which is nothing, and 64 / 64 = 1. sigma^2 = 32.
    density = torch.tensor([[[0.25, 0.5]]])
    head = torch.tensor([[4.0, 4.0]])
    head_share = 1 / (1 + torch.exp(torch.tensor((64 - 1) / 64)))
    expected = abs(1 - 0.25 - 0.5 * head_share) + 0.5 * (1 - head_share)
    assert bayes(density, [head], sigma=32**0.5).item() == pytest.approx(float(expected))
    # Without heads all is background.
    two = torch.cat([density, density])
    both = bayes(two, [head, torch.zeros(0, 2)], sigma=32**0.5)
    assert both.item() == pytest.approx((float(expected) + 0.75) / 2)


POINTS = [
    torch.tensor([[3.0, 5.0], [20.0, 11.0], [21.0, 11.0], [21.0, 11.0]]),
    torch.zeros(0, 2),
    torch.tensor([[0.0, 0.0], [32.0, 24.0]]),
]
DOTS = torch.zeros(3, 3, 4)
DOTS[0, 0, 0], DOTS[0, 1, 2], DOTS[2, 0, 0], DOTS[2, 2, 3] = 1, 3, 1, 1

LOSSES = {
    "density_mse": lambda d: density_mse(d, DOTS),
    "density_mse per cell": lambda d: density_mse(d, DOTS, per="cell"),
    "block_mae": lambda d: block_mae(d, DOTS),
    "count_l1": lambda d: count_l1(d, DOTS),
    "bayes": lambda d: bayes(d, POINTS),
    "dm_ot": lambda d: dm_ot(d, POINTS, entropy=200.0, steps=60),
    "dm_tv": lambda d: dm_tv(d, DOTS),
}


def densities() -> torch.Tensor:
    return torch.rand(3, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name):
    assert torch.autograd.gradcheck(LOSSES[name], densities().requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, 1e4, -1.0])
def test_finite_far_out(name, dtype, value):
    for density in (torch.full((3, 3, 4), value), torch.eye(3, 4).expand(3, 3, 4) * value):
        density = density.to(dtype).requires_grad_()
        loss = LOSSES[name](density)
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, density)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_bfloat16_is_computed_in_float32_also_under_autocast(name):
    density = densities().bfloat16()
    expected = LOSSES[name](density.float())
    with torch.autocast("cpu", torch.bfloat16):
        result = LOSSES[name](density)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_is_the_mean_of_its_images(name):
    points, dots = POINTS, DOTS
    density = densities()
    single = {
        "density_mse": lambda b: density_mse(density[b], dots[b]),
        "density_mse per cell": lambda b: density_mse(density[b], dots[b], per="cell"),
        "block_mae": lambda b: block_mae(density[b], dots[b]),
        "count_l1": lambda b: count_l1(density[b], dots[b]),
        "bayes": lambda b: bayes(density[b], points[b]),
        "dm_ot": lambda b: dm_ot(density[b], points[b], entropy=200.0, steps=60),
        "dm_tv": lambda b: dm_tv(density[b], dots[b]),
    }[name]
    alone = torch.stack([single(slice(b, b + 1)) for b in range(3)])
    torch.testing.assert_close(LOSSES[name](density), alone.mean())
