from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.losses import (
    LossWeights,
    block_mae,
    count_l1,
    localization_loss,
    raznet_losses,
    target_maps,
)


def test_localization_loss_by_hand():
    # p = 1/2 everywhere: one marked pixel costs 100 log 2, three others log 2 each; mn = 4.
    logits = torch.zeros(2, 2)
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert localization_loss(logits, target).item() == pytest.approx(103 * math.log(2) / 4)
    assert localization_loss(logits, target, gamma=1).item() == pytest.approx(math.log(2))


@given(seed=st.integers(0, 1000), gamma=st.floats(1, 200))
def test_localization_loss_is_eq_3(seed, gamma):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    target = (torch.rand(5, 7, generator=generator) < 0.2).double()
    p = torch.sigmoid(logits)
    expected = -(gamma * target * p.log() + (1 - target) * (1 - p).log()).sum() / 35
    torch.testing.assert_close(localization_loss(logits, target, gamma=gamma), expected)


def test_localization_loss_stays_finite_far_out():
    logits = torch.tensor([[1e4, -1e4]])
    assert localization_loss(logits, torch.tensor([[1.0, 0.0]])) == 0
    assert localization_loss(logits, torch.tensor([[0.0, 1.0]])).isfinite()


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


def test_count_l1_is_persons_per_image():
    density = torch.stack([torch.full((2, 2), 0.5), torch.full((2, 2), 1.0)])
    assert count_l1(density, torch.zeros(2, 2, 2)).item() == pytest.approx(3.0)


def test_target_maps_of_a_batch():
    points = [torch.tensor([[8.5, 4.5], [20.0, 20.0]]), torch.zeros(0, 2)]
    maps = target_maps(points, (33, 40))
    assert maps["localization"].shape == (2, 33, 40)
    assert maps["localization"].sum((-2, -1)).tolist() == [10.0, 0.0]
    assert maps["density"].shape == maps["attention"].shape == (2, 5, 5)
    torch.testing.assert_close(maps["density"].sum((-2, -1)), torch.tensor([2.0, 0.0]))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([torch.zeros(3, 2), torch.zeros(2, 3)], r"points\[1\] has shape \[2, 3\]"),
        ([torch.zeros(4)], r"points\[0\] has shape \[4\]"),
        ([], "points is empty"),
    ],
)
def test_points_of_the_wrong_shape_are_named(points, words):
    with pytest.raises(ValueError, match=words):
        target_maps(points, (32, 32))


def test_perfect_maps_cost_almost_nothing():
    points = [torch.tensor([[30.0, 30.0], [34.0, 30.0], [30.0, 34.0], [34.0, 34.0]])]
    maps = target_maps(points, (64, 64))
    outputs = {**maps, "localization": (maps["localization"] * 2 - 1) * 30}
    targets = [{"points": points[0]}]
    for value in raznet_losses(outputs, targets, (64, 64)).values():
        assert value.item() == pytest.approx(0.0, abs=1e-4)


def test_every_branch_gets_a_gradient():
    outputs = {
        "localization": torch.zeros(1, 32, 32, requires_grad=True),
        "density": torch.zeros(1, 4, 4, requires_grad=True),
        "attention": torch.zeros(1, 4, 4, requires_grad=True),
    }
    crowd = torch.rand(20, 2, generator=torch.Generator().manual_seed(0)) * 32
    losses = raznet_losses(outputs, [{"points": crowd}], (32, 32), LossWeights(density_mse=1.0))
    sum(losses.values()).backward()
    for name, output in outputs.items():
        assert output.grad.abs().sum() > 0, name
