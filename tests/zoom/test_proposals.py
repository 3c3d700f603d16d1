from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.zoom.coordinates import CropGeometry
from raz.zoom.proposals import InsideRegion, Proposal, cover, propose


def regions(
    attention: torch.Tensor, crop: CropGeometry, within: tuple[float, float, float, float]
) -> list[Proposal]:
    where = InsideRegion.of_pass(attention, crop, within, 8)
    return propose(where, threshold=0.01, max_regions=10, seed=0)


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
    where = InsideRegion.of_pass(torch.ones(4, 4), crop, crop.box, 8)
    assert propose(where, threshold=0.01, max_regions=0, seed=0) == []
    assert cover(where, threshold=0.01, max_regions=0) == []


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    share=st.floats(0, 0.3),
    most=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_the_cover_holds_every_crowded_cell_once(
    width: int, height: int, share: float, most: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows, columns = -(-height // 8), -(-width // 8)
    crowded = torch.rand(rows, columns, generator=generator) < share
    attention = torch.rand(rows, columns, generator=generator) * 0.5
    attention += 0.5 * crowded
    crop = CropGeometry(10, 20, width, height)
    found = cover(InsideRegion.of_pass(attention, crop, crop.box, 8), 0.5, most)
    assert len(found) <= most
    times = torch.zeros(rows, columns)
    for proposal in found:
        x1, y1, x2, y2 = proposal.box
        assert 10 <= x1 < x2 <= 10 + width
        assert 20 <= y1 < y2 <= 20 + height
        assert 0.5 <= proposal.score <= 1
        cells = [(x1 - 10) / 8, (y1 - 20) / 8, (x2 - 10) / 8, (y2 - 20) / 8]
        left, top, right, bottom = (-int(-edge // 1) for edge in cells)
        times[top:bottom, left:right] += 1
    assert bool((times[attention >= 0.5] == 1).all())
    assert float(times.max()) <= 1
    scores = [proposal.score for proposal in found]
    assert scores == sorted(scores, reverse=True)


def test_nobody_crowded_covers_nothing() -> None:
    crop = CropGeometry(0, 0, 64, 64)
    assert cover(InsideRegion.of_pass(torch.zeros(8, 8), crop, crop.box, 8), 0.01, 10) == []
