from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.losses import consistency, localization_loss, point_bce, point_dice, point_focal


def example(seed: int, images: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 5, 7, generator=generator, dtype=torch.float64)
    return logits, (torch.rand(images, 5, 7, generator=generator) < 0.2).double()


def cross_logits(*centres: tuple[int, int], side: int = 12, high: float = 60.0) -> torch.Tensor:
    """Crosses of logit ``high`` at (row, column), -60 elsewhere."""
    logits = torch.full((1, side, side), -60.0)
    for row, column in centres:
        for i, j in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
            logits[0, row + i, column + j] = high
    return logits


def test_localization_loss_by_hand():
    # p = 1/2 everywhere: one marked pixel costs 100 log 2, three others log 2 each; mn = 4.
    logits = torch.zeros(2, 2)
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert localization_loss(logits, target).item() == pytest.approx(103 * math.log(2) / 4)
    assert localization_loss(logits, target, gamma=1).item() == pytest.approx(math.log(2))


@given(seed=st.integers(0, 1000), gamma=st.floats(1, 200))
def test_localization_loss_is_eq_3(seed, gamma):
    logits, target = (x[0] for x in example(seed))
    p = torch.sigmoid(logits)
    expected = -(gamma * target * p.log() + (1 - target) * (1 - p).log()).sum() / 35
    torch.testing.assert_close(localization_loss(logits, target, gamma=gamma), expected)
    whole = point_bce(logits[None], target[None], gamma=gamma, per="pixel")
    torch.testing.assert_close(whole, expected)
    per_head = point_bce(logits[None], target[None], gamma=gamma)
    torch.testing.assert_close(per_head, expected * 35 / (5 * gamma))


def test_point_bce_by_hand():
    # A cross at p = 1/2 and the rest right: log 2 a head, halved by an empty image beside it.
    logits = torch.cat([cross_logits((5, 5), high=0.0), cross_logits()])
    target = torch.cat([(cross_logits((5, 5)) > 0).float(), torch.zeros(1, 12, 12)])
    assert point_bce(logits, target).item() == pytest.approx(math.log(2) / 2)


def test_point_focal_by_hand():
    # p = 1/2: a head costs log(2) / 4, a pixel of heat 1/2 costs log(2) / 64, one of none log(2)/4.
    heat = torch.tensor([[[1.0, 0.5, 0.0]]])
    expected = math.log(2) * (1 / 4 + 1 / 64 + 1 / 4)
    assert point_focal(torch.zeros(1, 1, 3), heat).item() == pytest.approx(expected)
    two = torch.cat([heat, torch.zeros_like(heat)])
    expected = (expected + 3 / 4 * math.log(2)) / 2
    assert point_focal(torch.zeros(2, 1, 3), two).item() == pytest.approx(expected)


def test_point_dice_by_hand():
    # sum p Y = 1/2, sum p = 2, sum Y = 1: 1 - (1 + 1) / (3 + 1).
    target = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert point_dice(torch.zeros(1, 2, 2), target).item() == pytest.approx(0.5)
    # Without heads: 1 - 1 / (2 + 1).
    assert point_dice(torch.zeros(1, 2, 2), target * 0).item() == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="smooth is 0; it must be positive"):
        point_dice(torch.zeros(1, 2, 2), target, smooth=0)


def test_consistency_by_hand():
    # Two peaks of p = 1 and one of p = 3/4 against 2 persons; then none against half a person.
    logits = cross_logits((2, 2), (8, 8))
    logits[0, 3:6, 7:10] = math.log(3)
    logits = torch.cat([logits, cross_logits()])
    density = torch.stack([torch.full((2, 2), 0.5), torch.full((2, 2), 0.125)])
    assert consistency(logits, density).item() == pytest.approx((0.75 + 0.5) / 2)


def test_consistency_moves_the_peaks_alone():
    logits = cross_logits((5, 5), high=1.0).requires_grad_()
    density = torch.full((1, 2, 2), 0.5, requires_grad=True)
    consistency(logits, density).backward()
    assert density.grad is None
    p = torch.sigmoid(torch.tensor(1.0))
    assert logits.grad.nonzero().tolist() == [[0, 5, 5]]
    assert logits.grad[0, 5, 5].item() == pytest.approx(-float(p * (1 - p)))


def heat_of(target: torch.Tensor) -> torch.Tensor:
    return torch.where(target > 0, target, 0.3)


LOSSES = {
    "localization_loss": lambda z, t: localization_loss(z, t),
    "point_bce": lambda z, t: point_bce(z, t),
    "point_focal": lambda z, t: point_focal(z, heat_of(t)),
    "point_dice": lambda z, t: point_dice(z, t),
    "consistency": lambda z, t: consistency(z, t[:, ::2, ::2]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name):
    logits, target = example(0)
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, target), logits.requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_images_without_heads_push_everything_down(name):
    logits = torch.full((3, 8, 8), 0.5, requires_grad=True)
    loss = LOSSES[name](logits, torch.zeros(3, 8, 8))
    loss.backward()
    assert loss > 0
    assert logits.grad.min() >= 0
    assert logits.grad.max() > 0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_finite_far_out(name, dtype):
    logits = torch.tensor([[[1e4, -1e4, 0.0], [-1e4, 1e4, 88.0], [3e4, -3e4, -104.0]]]).to(dtype)
    logits.requires_grad_()
    for target in (torch.zeros(1, 3, 3), torch.ones(1, 3, 3), torch.eye(3)[None]):
        loss = LOSSES[name](logits, target)
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_bfloat16_is_computed_in_float32(name):
    logits, target = example(1)
    rounded = logits.bfloat16()
    result = LOSSES[name](rounded, target.float())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, LOSSES[name](rounded.float(), target.float()))


def test_an_unknown_choice_is_named():
    with pytest.raises(ValueError, match="per is 'image'; it must be 'head' or 'pixel'"):
        point_bce(*example(0), per="image")  # type: ignore[arg-type]
