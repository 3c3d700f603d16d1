from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops
from raz.zoom.stitching import MARGIN, CellStitcher, PeakStitcher, core_of
from raz.zoom.tiles import Tile, Tiling

PLAN = Tiling(128, 32)
sides = st.integers(1, 300)


def tiled(heat: torch.Tensor, floor: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    size = (heat.shape[0], heat.shape[1])
    mosaic = PeakStitcher(size, floor)
    for tile in PLAN.tiles(size):
        left, top, right, bottom = tile.core
        mosaic.add(tile, heat[top:bottom, left:right])
    return mosaic.peaks()


def whole(heat: torch.Tensor, floor: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    points, scores, _ = ops.find_peaks(heat[None], threshold=floor)
    return points[0], scores[0]


@given(height=sides, width=sides, levels=st.sampled_from([3, 5, 1000]), seed=st.integers(0, 9999))
def test_peaks_of_tiles_are_those_of_the_whole_map(height, width, levels, seed):
    # Few levels: ties and plateaus everywhere.
    generator = torch.Generator().manual_seed(seed)
    heat = torch.randint(0, levels, (height, width), generator=generator) / levels
    for one, other in zip(tiled(heat), whole(heat), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("length", [1, 2, 3, MARGIN - 2])
@pytest.mark.parametrize("turned", [False, True])
def test_a_plateau_across_a_border_is_one_point(length, turned):
    [first, *_] = PLAN.tiles((100, 300))
    border = first.core[2]
    for start in range(border - length - 3, border + 4):
        heat = torch.zeros(100, 300)
        heat[40, start : start + length] = 1
        heat = heat.T.contiguous() if turned else heat
        points, _ = tiled(heat, 0.1)
        assert len(points) == 1
        assert torch.equal(points, whole(heat, 0.1)[0])


def test_a_tie_between_two_cores_is_one_point():
    # Seen by both sides with errors of their own, neither or both would report a peak.
    [first, *_] = PLAN.tiles((100, 300))
    border = first.core[2]
    heat = torch.zeros(100, 300)
    heat[50, border - 1 : border + 1] = 0.9
    heat[50, border] += 1e-7
    assert len(tiled(heat, 0.1)[0]) == 1


def test_cells_come_together():
    cells = torch.rand(38, 25)
    mosaic = CellStitcher((300, 197), 8, torch.device("cpu"))
    for tile in PLAN.tiles((300, 197)):
        x1, y1, x2, y2 = tile.box
        shown = cells[y1 // 8 : -(-y2 // 8), x1 // 8 : -(-x2 // 8)]
        mosaic.add(tile, core_of(tile, shown, 8))
    assert torch.equal(mosaic.map, cells)


def test_the_core_of_a_map():
    tile = Tile((32, 64, 128, 150), (64, 64, 96, 150))
    values = torch.arange(86 * 96).reshape(86, 96)
    assert torch.equal(core_of(tile, values), values[:, 32:64])
    assert torch.equal(core_of(tile, values[:11, :12], 8), values[:11, 4:8])
