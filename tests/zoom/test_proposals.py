from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.zoom.coordinates import CropGeometry, window_around
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


@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    threshold=st.sampled_from([0.1, 0.3, 0.7]) | st.floats(0.01, 1),
)
def test_cells_at_the_threshold_give_a_region_that_is_not_below_it(
    size: tuple[int, int], threshold: float
) -> None:
    crop = CropGeometry(0, 0, size[1] * 8, size[0] * 8)
    found = cover(
        InsideRegion.of_pass(torch.full(size, threshold), crop, crop.box, 8), threshold, 10
    )
    assert found
    scores = torch.tensor([proposal.score for proposal in found])
    assert (scores >= threshold).all()  # as raz.zoom.trace.regions_above compares them


def test_nobody_crowded_covers_nothing() -> None:
    crop = CropGeometry(0, 0, 64, 64)
    assert cover(InsideRegion.of_pass(torch.zeros(8, 8), crop, crop.box, 8), 0.01, 10) == []


def test_cells_that_are_left_out_propose_nothing() -> None:
    crop = CropGeometry(0, 0, 64, 48)
    where = InsideRegion.of_pass(torch.full((6, 8), 0.5), crop, crop.box, 8)
    left = torch.zeros(6, 8, dtype=torch.bool)
    left[2:4, 3:5] = True
    kept = where.only(left)
    assert torch.equal(kept.attention == 0.5, left)
    assert torch.equal(kept.attention == -1, ~left)
    [proposal] = cover(kept, 0, 1)
    assert (proposal.box, proposal.score) == ((24, 16, 40, 32), 0.5)
    assert cover(where.only(torch.zeros(6, 8, dtype=torch.bool)), 0, 10) == []
    assert bool((where.attention == 0.5).all())


def test_persons_are_those_of_the_cells_asked_for() -> None:
    # The region is the cells (2, 1) to (4, 3) of a map with context around.
    crop = CropGeometry(16, 8, 96, 64, 1 / 2)
    where = InsideRegion.of_pass(torch.ones(4, 6), crop, (48, 24, 80, 56), 8)
    assert (where.first, tuple(where.attention.shape)) == ((2, 1), (2, 2))
    density = torch.arange(24.0).reshape(4, 6) - 9
    persons = where.persons_in(torch.tensor([[True, True], [False, True]]), density)
    expected = torch.zeros(4, 6)
    expected[2, 3] = density[2, 3]  # those of the first row are fewer than none
    assert float(density[2, 3]) == 6
    assert density[1, 2] < 0
    assert torch.equal(persons[1:3, 2:4], torch.tensor([[0.0, 0.0], [0.0, 6.0]]))
    assert torch.equal(persons, expected)


@given(
    width=st.integers(60, 400),
    height=st.integers(60, 400),
    corners=st.lists(st.integers(0, 16), min_size=4, max_size=4),
    scale=st.sampled_from([1 / 8, 1 / 4, 1 / 2, 1, 2, 1 / 3, 0.3, 0.62, 4 / 3]),
    context=st.integers(0, 40),
    seed=st.integers(0, 1000),
)
def test_attention_is_shown_at_the_places_of_the_closer_look(
    width: int, height: int, corners: list[int], scale: float, context: int, seed: int
) -> None:
    crop = CropGeometry(0, 0, width, height, scale)
    rows, columns = (-(-length // 8) for length in crop.size)
    attention = torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed))
    x1, x2 = sorted(corner * columns // 16 for corner in corners[:2])
    y1, y2 = sorted(corner * rows // 16 for corner in corners[2:])
    if x1 == x2 or y1 == y2:
        return
    box = crop.cells_to_image((x1, y1, x2, y2), 8)
    # The region of the parent may itself be less than its map.
    before = InsideRegion.of_pass(attention, crop, box, 8)
    closer = window_around(box, context / scale, (width, height), 2 * scale)
    cells = tuple(-(-length // 8) for length in closer.size)
    where = InsideRegion.of_pass(torch.zeros(cells), closer, box, 8)
    shown = before.shown_in(where)
    assert shown.shape == where.attention.shape
    own_rows, own_columns = before.attention.shape
    last_column, last_row = before.first[0] + own_columns - 1, before.first[1] + own_rows - 1
    for row in range(shown.shape[0]):
        for column in range(shown.shape[1]):
            # The centre of the cell in the image, then the cell of the parent that holds it; that
            # of a cell which the edge cuts may lie beyond the parent's last one.
            x = closer.x + (where.first[0] + column + 0.5) * 8 / closer.scale
            y = closer.y + (where.first[1] + row + 0.5) * 8 / closer.scale
            nearby = {
                float(
                    attention[
                        min(int((y * scale / 8) + trifle), last_row),
                        min(int((x * scale / 8) + trifle), last_column),
                    ]
                )
                for trifle in (-1e-9, 1e-9)  # one cell, but where two meet
            }
            assert float(shown[row, column]) in nearby


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    scale=st.sampled_from([1 / 8, 1 / 4, 1 / 2, 1 / 3, 0.3, 0.62]),
    seed=st.integers(0, 1000),
)
def test_regions_of_a_reduced_look_lie_in_the_image(
    width: int, height: int, scale: float, seed: int
) -> None:
    crop = CropGeometry(0, 0, width, height, scale)
    rows, columns = (-(-length // 8) for length in crop.size)
    attention = torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed))
    where = InsideRegion.of_pass(attention, crop, crop.box, 8)
    assert torch.equal(where.attention, attention)
    found = cover(where, 0.5, 10)
    cell, held = 8 / scale, torch.zeros(rows, columns, dtype=torch.bool)
    for proposal in found:
        x1, y1, x2, y2 = proposal.box
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        for edge, limit in ((x1, 0), (y1, 0), (x2, width), (y2, height)):
            assert edge == pytest.approx(round(edge / cell) * cell, abs=1e-9) or edge == limit
        top, left = round(y1 / cell), round(x1 / cell)
        held[top : math.ceil(y2 / cell - 1e-9), left : math.ceil(x2 / cell - 1e-9)] = True
    assert bool(held[attention >= 0.5].all())
