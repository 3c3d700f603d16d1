from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.zoom.coordinates import CropGeometry
from raz.zoom.proposals import Proposal, propose


def regions(
    attention: torch.Tensor, crop: CropGeometry, within: tuple[float, float, float, float]
) -> list[Proposal]:
    return propose(attention, crop, within, stride=8, threshold=0.01, max_regions=10, seed=0)


@settings(max_examples=25)
@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 1000))
def test_regions_of_an_image_lie_in_it(width: int, height: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    attention = torch.rand(-(-height // 8), -(-width // 8), generator=generator)
    crop = CropGeometry(0, 0, width, height)
    found = regions(attention, crop, crop.box)
    assert len(found) <= 10
    for proposal in found:
        x1, y1, x2, y2 = proposal.box
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert 0.01 <= proposal.score <= 1
    scores = [proposal.score for proposal in found]
    assert scores == sorted(scores, reverse=True)


def test_what_only_the_context_shows_proposes_nothing() -> None:
    crop, within = CropGeometry(100, 50, 64, 64, 2), (116, 66, 148, 98)
    context_only = torch.ones(16, 16)
    context_only[4:12, 4:12] = 0
    assert regions(context_only, crop, within) == []
    inside = regions(1 - context_only, crop, within)
    assert inside
    for proposal in inside:
        x1, y1, x2, y2 = proposal.box
        assert 116 <= x1 < x2 <= 148
        assert 66 <= y1 < y2 <= 98


def test_a_region_smaller_than_a_cell_proposes_nothing() -> None:
    assert regions(torch.ones(4, 4), CropGeometry(0, 0, 32, 32), (1, 1, 9, 9)) == []


def test_no_region_is_asked_for_where_none_may_be_returned() -> None:
    crop = CropGeometry(0, 0, 32, 32)
    found = propose(
        torch.ones(4, 4), crop, crop.box, stride=8, threshold=0.01, max_regions=0, seed=0
    )
    assert found == []
