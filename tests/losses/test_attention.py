from __future__ import annotations

import math

import pytest
import torch

from raz.losses import attention_bce, attention_mse

LOSSES = [attention_mse, attention_bce]


def test_attention_mse_by_hand():
    attention = torch.tensor([[[0.5, 1.0]], [[0.0, 0.0]]])
    target = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]])
    assert attention_mse(attention, target).item() == pytest.approx((0.25 + 1) / 2)


def test_attention_bce_by_hand():
    attention = torch.tensor([[[0.5, 0.25]]])
    target = torch.tensor([[[0.3, 1.0]]])
    assert attention_bce(attention, target).item() == pytest.approx(math.log(2) + math.log(4))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient(loss):
    generator = torch.Generator().manual_seed(0)
    attention, target = torch.rand(2, 2, 3, 4, generator=generator, dtype=torch.float64)
    attention = (attention * 0.9 + 0.05).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: loss(a, target), attention)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("target", [0.0, 0.4, 1.0])
def test_finite_at_both_ends(loss, dtype, target):
    attention = torch.tensor([[[0.0, 1.0, 1e-30]]], dtype=dtype, requires_grad=True)
    value = loss(attention, torch.full((1, 1, 3), target))
    assert value.dtype == torch.float32
    assert value.isfinite()
    (gradient,) = torch.autograd.grad(value, attention)
    assert gradient.isfinite().all()
