from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.losses import zero_inflated_poisson


def test_a_hand_computed_example():
    # One block with heads, one without; both are empty for good with probability 1/4.
    density = torch.tensor([[[0.3, 0.6, 0.15, 0.0], [0.9, 0.3, 0.15, 0.3]]])
    counts = torch.tensor([[[0.0, 2.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    empty = torch.full((1, 1, 2), -math.log(3.0))
    # Rates are the densities / 0.75: 0.4 0.8 1.2 0.4 in the first, 0.8 together in the second.
    with_heads = -math.log(0.75) + 2.8 - 2 * math.log(0.8) - math.log(1.2)
    without = -math.log(0.25 + 0.75 * math.exp(-0.8))
    assert zero_inflated_poisson(density, empty, counts).item() == pytest.approx(
        with_heads + without, rel=1e-6
    )


def test_without_zero_inflation_it_is_poisson():
    generator = torch.Generator().manual_seed(0)
    density = torch.rand(3, 4, 6, generator=generator)
    counts = torch.randint(3, (3, 4, 6), generator=generator).float()
    expected = torch.nn.PoissonNLLLoss(log_input=False, eps=0, reduction="sum")(density, counts) / 3
    found = zero_inflated_poisson(density, torch.full((3, 2, 3), -60.0), counts)
    torch.testing.assert_close(found, expected)


@given(height=st.integers(0, 5), width=st.integers(0, 5))
def test_cut_blocks_hold_what_is_inside(height, width):
    density, counts = torch.full((1, height, width), 0.5), torch.ones(1, height, width)
    empty = torch.zeros(1, -(-height // 2), -(-width // 2))
    padded = [torch.nn.functional.pad(x, (0, width % 2, 0, height % 2)) for x in (density, counts)]
    torch.testing.assert_close(
        zero_inflated_poisson(density, empty, counts),
        zero_inflated_poisson(padded[0], empty, padded[1]),
    )


def test_gradient():
    generator = torch.Generator().manual_seed(0)
    density = torch.rand(2, 4, 4, generator=generator, dtype=torch.float64) + 0.1
    empty = torch.randn(2, 2, 2, generator=generator, dtype=torch.float64)
    counts = torch.randint(2, (2, 4, 4), generator=generator).double()
    assert torch.autograd.gradcheck(
        lambda d, e: zero_inflated_poisson(d, e, counts),
        (density.requires_grad_(), empty.requires_grad_()),
    )


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("persons", [0.0, 1e-30, 1e4])
def test_extremes_stay_finite(logit, persons):
    density = torch.full((1, 2, 2), persons, requires_grad=True)
    empty = torch.full((1, 1, 1), logit, requires_grad=True)
    for heads in (0.0, 3.0):
        loss = zero_inflated_poisson(density, empty, torch.full((1, 2, 2), heads))
        gradients = torch.autograd.grad(loss, (density, empty))
        assert all(torch.isfinite(x).all() for x in (loss, *gradients))


@given(logit=st.floats(-100, 1000), persons=st.floats(0, 100))
def test_a_likelihood_is_never_above_one(logit, persons):
    empty = torch.full((1, 1, 1), logit, requires_grad=True)
    nobody = torch.zeros(1, 2, 2)
    loss = zero_inflated_poisson(torch.full((1, 2, 2), persons), empty, nobody)
    [slope] = torch.autograd.grad(loss, empty)
    assert loss > -1e-6  # but for rounding
    assert slope < 1e-6
    assert logit < 20 or slope > -1e-5


def test_errors_name_the_shapes():
    with pytest.raises(ValueError, match=r"empty has shape \[1, 2, 2\].*\[1, 3, 3\]"):
        zero_inflated_poisson(torch.zeros(1, 5, 5), torch.zeros(1, 2, 2), torch.zeros(1, 5, 5))
