from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.losses import cell_counts, heat_map, target_maps


def test_target_maps_of_a_batch():
    points = [torch.tensor([[8.5, 4.5], [20.0, 20.0]]), torch.zeros(0, 2)]
    maps = target_maps(points, (33, 40))
    assert list(maps) == ["localization", "density", "attention"]
    assert maps["localization"].shape == (2, 33, 40)
    assert maps["localization"].sum((-2, -1)).tolist() == [10.0, 0.0]
    assert maps["density"].shape == maps["attention"].shape == (2, 5, 5)
    torch.testing.assert_close(maps["density"].sum((-2, -1)), torch.tensor([2.0, 0.0]))


def test_only_the_maps_that_are_asked_for():
    maps = target_maps([torch.tensor([[8.5, 4.5]])], (33, 40), names=["dots", "heat"])
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        "heat": (1, 33, 40),
        "dots": (1, 5, 5),
    }
    assert target_maps([torch.zeros(0, 2)], (8, 8), names=()) == {}
    with pytest.raises(ValueError, match="names holds 'depth'; it must be one of localization"):
        target_maps([torch.zeros(0, 2)], (8, 8), names=["depth"])


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


def test_heat_is_one_at_every_head():
    points = torch.tensor([[3.2, 4.9], [20.0, 16.0], [0.0, 0.0], [-0.2, 5.0], [20.3, 5.0]])
    batch = torch.zeros(5, dtype=torch.int64)
    heat = heat_map(points, (16, 20), batch, 1, sigma=2.0)
    assert (heat[0] == 1).nonzero().tolist() == [[0, 0], [4, 3], [15, 19]]
    assert heat[0, 4, 5].item() == pytest.approx(torch.exp(torch.tensor(-0.5)).item())


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**16),
)
def test_dots_sum_to_the_heads_inside(size, seed):
    generator = torch.Generator().manual_seed(seed)
    extent = torch.tensor([size[1], size[0]])
    points = (torch.rand(30, 2, generator=generator) * (extent + 8) - 4).round()
    batch = torch.randint(3, (30,), generator=generator)
    dots = cell_counts(points, size, batch, 3)
    assert dots.shape == (3, -(-size[0] // 8), -(-size[1] // 8))
    within = ((points >= 0) & (points <= extent)).all(1)
    for b in range(3):
        assert dots[b].sum() == (within & (batch == b)).sum()
    first = within & (points < 8).all(1) & (batch == 0)
    if min(size) > 8:
        assert dots[0, 0, 0] == first.sum()
