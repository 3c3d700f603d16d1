from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.losses import dm_ot, dm_tv
from raz.losses.transport import _sinkhorn


def test_dm_ot_of_one_head_by_hand():
    # All goes to the only head: <P, C> + entropy <P, log P> with C = (0, 64), P = (1/2, 1/2).
    density = torch.tensor([[[1.0, 1.0]]], requires_grad=True)
    loss = dm_ot(density, [torch.tensor([[4.0, 4.0]])])
    assert loss.item() == pytest.approx(32 + 10 * math.log(0.5), abs=1e-4)
    # f = C + constant, and the gradient is f / |D| - <D, f> / |D|^2.
    (gradient,) = torch.autograd.grad(loss, density)
    torch.testing.assert_close(gradient, torch.tensor([[[-16.0, 16.0]]]), rtol=1e-4, atol=0)


def test_dm_ot_of_images_without_heads_is_zero():
    density = torch.ones(2, 3, 3, requires_grad=True)
    loss = dm_ot(density, [torch.zeros(0, 2)] * 2)
    loss.backward()
    assert loss.item() == 0
    assert density.grad.abs().max() == 0


def test_dm_ot_pulls_the_density_towards_the_heads():
    density = torch.full((1, 6, 6), 0.1, requires_grad=True)
    dm_ot(density, [torch.tensor([[20.0, 20.0], [44.0, 44.0]])]).backward()
    gradient = density.grad[0]
    assert gradient[2, 2] < 0
    assert gradient[5, 5] < 0
    assert gradient[0, 5] > 0
    # Adding the same share to every cell changes nothing.
    assert (gradient * density.detach()[0]).sum().abs() < 1e-4 * gradient.abs().sum()


def log_domain(share: torch.Tensor, cost: torch.Tensor, steps: int):
    g = cost.new_zeros(cost.shape[1])
    for _ in range(steps):
        f = share.log() - torch.logsumexp(g - cost, 1)
        g = -math.log(cost.shape[1]) - torch.logsumexp(f[:, None] - cost, 0)
    return share.log() - torch.logsumexp(g - cost, 1), g


@given(
    seed=st.integers(0, 2**16),
    heads=st.integers(1, 30),
    reach=st.sampled_from([1.0, 60.0, 1e3, 3e4]),
    empty=st.sampled_from([0.0, 0.5, 0.97]),
)
@settings(max_examples=40)
def test_sinkhorn_equals_the_log_domain(seed, heads, reach, empty):
    """Costs up to e^-30000 from each other, most cells of a share of 1e-16."""
    generator = torch.Generator().manual_seed(seed)
    share = torch.rand(64, generator=generator, dtype=torch.float64) + 0.1
    share[torch.rand(64, generator=generator) < empty] = 1e-16
    share = share / share.sum()
    cells = torch.rand(64, 2, generator=generator, dtype=torch.float64)
    points = torch.rand(heads, 2, generator=generator, dtype=torch.float64)
    cost = torch.cdist(cells, points).square() * reach
    f, g = _sinkhorn(share, cost, 90)
    wanted_f, wanted_g = log_domain(share, cost, 90)
    torch.testing.assert_close(f, wanted_f, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(g, wanted_g, rtol=1e-9, atol=1e-9)


def test_heads_far_from_every_cell_stay_finite():
    density = torch.zeros(1, 48, 48)
    density[0, 0, 0] = 1.0
    density.requires_grad_()
    loss = dm_ot(density, [torch.tensor([[383.0, 383.0], [380.0, 1.0]])])
    (gradient,) = torch.autograd.grad(loss, density)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert gradient[0, -1, -1] < 0


def test_dm_tv_by_hand():
    # Shares (3/4, 1/4) against (1/2, 1/2), N = 2: 2 (1/4 + 1/4); beside it an empty image.
    density = torch.tensor([[[3.0, 1.0]], [[3.0, 1.0]]])
    dots = torch.tensor([[[1.0, 1.0]], [[0.0, 0.0]]])
    assert dm_tv(density, dots).item() == pytest.approx(1.0 / 2)
