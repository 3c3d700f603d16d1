from __future__ import annotations

import torch

from raz.reference._clamped import clamped


def test_values_are_those_of_clamp_and_the_gradient_includes_the_bounds() -> None:
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, float("nan")], requires_grad=True)
    bounded = clamped(x, 0, 1)
    torch.testing.assert_close(bounded, x.clamp(0, 1), equal_nan=True, rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(bounded.sum(), x)
    assert gradient[:5].tolist() == [0, 1, 1, 1, 0]


def test_equal_bounds() -> None:
    x = torch.tensor([0.0, 0.5, 1.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(clamped(x, 0.5, 0.5).sum(), x)
    assert gradient.tolist() == [0, 1, 0]
