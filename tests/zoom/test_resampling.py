from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raz.zoom import resampling
from raz.zoom.coordinates import Box, CropGeometry, window_around
from raz.zoom.resampling import DensityMap, cell_edges, replace_density

STRIDE = 8
WIDTH, HEIGHT = 61, 45

sixteenths = st.integers(0, 16 * WIDTH).map(lambda value: value / 16)
boxes = (
    st.tuples(sixteenths, sixteenths, sixteenths, sixteenths)
    .map(lambda e: (min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3])))
    .map(lambda box: (box[0], min(box[1], HEIGHT), box[2], min(box[3], HEIGHT)))
    .filter(lambda box: box[0] < box[2] and box[1] < box[3])
)
seeds = st.integers(0, 10_000)


def random_map(crop: CropGeometry, seed: int) -> DensityMap:
    rows, columns = (-(-length // STRIDE) for length in crop.size)
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(rows, columns, generator=generator, dtype=torch.float64) - 0.1
    return DensityMap.of_crop(values, crop, STRIDE)


def whole(seed: int) -> DensityMap:
    return random_map(CropGeometry(0, 0, WIDTH, HEIGHT), seed)


def zoomed_into(box: Box, seed: int) -> DensityMap:
    """A window around a box at 2x, with a few pixels of context."""
    x, y = int(max(0, box[0] - seed % 5)), int(max(0, box[1] - seed % 7))
    right, bottom = (int(np.ceil(edge)) for edge in box[2:])
    return random_map(CropGeometry(x, y, right - x, bottom - y, 2), seed)


@given(boxes, seeds)
def test_a_region_holds_what_its_crop_holds(box: Box, seed: int) -> None:
    base, inside = whole(seed), zoomed_into(box, seed + 1)
    replaced = replace_density(base, [box], [inside])
    outside = float(base.values.sum()) - base.integral(box)
    assert float(replaced.sum()) == pytest.approx(outside + inside.integral(box), abs=1e-9)


@given(boxes, seeds)
def test_cells_outside_the_region_keep_their_bits(box: Box, seed: int) -> None:
    base = whole(seed)
    replaced = replace_density(base, [box], [zoomed_into(box, seed)])
    columns = (base.x[1:] <= box[0]) | (base.x[:-1] >= box[2])
    rows = (base.y[1:] <= box[1]) | (base.y[:-1] >= box[3])
    untouched = rows[:, None] | columns
    assert torch.equal(replaced[untouched], base.values[untouched])


@given(st.lists(boxes, min_size=1, max_size=4), seeds)
def test_every_place_has_the_mean_of_its_regions(regions: list[Box], seed: int) -> None:
    """Against sums over pieces so small that no map or region has an edge inside one."""
    base = whole(seed)
    zoomed = [zoomed_into(box, seed + index) for index, box in enumerate(regions)]
    replaced = replace_density(base, regions, zoomed)
    generator = np.random.default_rng(seed)
    row, column = generator.integers(replaced.shape[0]), generator.integers(replaced.shape[1])
    x1, x2 = base.x[column : column + 2].tolist()
    y1, y2 = base.y[row : row + 2].tolist()
    # Every edge is at a sixteenth of a pixel.
    x, y = (
        torch.arange(low * 16, high * 16, dtype=torch.float64) / 16 + 1 / 32
        for low, high in ((x1, x2), (y1, y2))
    )
    shared, seen = base.per_area(x, y), torch.zeros(len(y), len(x), dtype=torch.float64)
    summed = torch.zeros_like(seen)
    for box, inside in zip(regions, zoomed, strict=True):
        within = ((box[1] < y) & (y < box[3]))[:, None] & ((box[0] < x) & (x < box[2]))
        summed += inside.per_area(x, y).where(within, torch.zeros(()).double())
        seen += within
    total = float(shared.where(seen == 0, summed / seen).sum()) / 256
    assert float(replaced[row, column]) == pytest.approx(total, abs=1e-6)


def test_what_is_no_number_elsewhere_does_not_count() -> None:
    base = DensityMap.of_crop(torch.ones(4, 4), CropGeometry(0, 0, 32, 32), STRIDE)
    base.values[3, 3] = torch.nan
    inside = DensityMap.of_crop(torch.ones(4, 4), CropGeometry(0, 0, 16, 16, 2), STRIDE)
    box = (0.0, 0.0, 16.0, 16.0)
    assert base.integral(box) == 4
    replaced = replace_density(base, [box], [inside])
    assert replaced[:2, :2].tolist() == [[4, 4], [4, 4]]
    assert int(replaced.isnan().sum()) == 1


def test_only_the_cells_that_a_box_touches_are_looked_at() -> None:
    base = whole(1)
    part, (rows, columns) = base.touched((8.0, 9.0, 24.5, 16.0))
    assert (rows, columns) == (slice(1, 2), slice(1, 4))
    assert torch.equal(part.values, base.values[rows, columns])
    assert (part.x.tolist(), part.y.tolist()) == ([8, 16, 24, 32], [8, 16])
    assert base.touched((0, 0, WIDTH, HEIGHT))[0].values.shape == base.values.shape


def test_without_a_region_nothing_changes() -> None:
    base = whole(1)
    assert torch.equal(replace_density(base, [], []), base.values)


def test_a_region_of_whole_cells_takes_the_sums_of_its_crop() -> None:
    base = DensityMap.of_crop(torch.ones(2, 3), CropGeometry(0, 0, 24, 16), STRIDE)
    values = torch.arange(16.0).reshape(4, 4)
    inside = DensityMap.of_crop(values, CropGeometry(8, 0, 16, 16, 2), STRIDE)
    replaced = replace_density(base, [(8.0, 0.0, 24.0, 16.0)], [inside])
    expected = values.reshape(2, 2, 2, 2).sum((1, 3)).double()
    assert torch.equal(replaced[:, 0], torch.ones(2).double())
    torch.testing.assert_close(replaced[:, 1:], expected)


@given(boxes, seeds)
def test_blocks_change_nothing(box: Box, seed: int) -> None:
    base, inside = whole(seed), zoomed_into(box, seed)
    at_once = replace_density(base, [box], [inside])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resampling, "BLOCK", 1)
        row_by_row = replace_density(base, [box], [inside])
    torch.testing.assert_close(row_by_row, at_once, rtol=0, atol=1e-12)


@given(boxes, seeds)
def test_the_integral_of_a_box_is_its_share_of_every_cell(box: Box, seed: int) -> None:
    density = whole(seed)

    def overlap(edges: Tensor, low: float, high: float) -> list[float]:
        pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return [max(0.0, min(end, high) - max(start, low)) / (end - start) for start, end in pairs]

    rows, columns = overlap(density.y, box[1], box[3]), overlap(density.x, box[0], box[2])
    expected = sum(
        row * column * float(density.values[i, j])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    )
    assert density.integral(box) == pytest.approx(expected, abs=1e-9)


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    corner=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    scale=st.sampled_from([1 / 2, 1 / 4, 1 / 8, 1 / 3, 2 / 3, 0.3, 0.62]),
    seed=seeds,
    data=st.data(),
)
def test_the_cells_of_a_reduced_crop_keep_their_persons(
    width: int,
    height: int,
    corner: tuple[int, int],
    scale: float,
    seed: int,
    data: st.DataObject,
) -> None:
    """Cut into those that the crop would have at the image's own size."""
    x, y = (int(steps / scale) for steps in corner)
    crop = CropGeometry(x, y, width, height, scale)
    rows, columns = (-(-length // STRIDE) for length in crop.size)
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(rows, columns, generator=generator, dtype=torch.float64) - 0.1
    seen = DensityMap.of_crop(values, crop, STRIDE)
    own = DensityMap.of_crop(
        torch.zeros(-(-height // STRIDE), -(-width // STRIDE)),
        CropGeometry(x, y, width, height),
        STRIDE,
    )
    assert seen.values.shape == own.values.shape
    assert (seen.x.tolist(), seen.y.tolist()) == (own.x.tolist(), own.y.tolist())
    assert float(seen.values.sum()) == pytest.approx(float(values.sum()), abs=1e-9)
    column1 = data.draw(st.integers(0, columns - 1))
    column2 = data.draw(st.integers(column1 + 1, columns))
    row1 = data.draw(st.integers(0, rows - 1))
    row2 = data.draw(st.integers(row1 + 1, rows))
    box = crop.cells_to_image((column1, row1, column2, row2), STRIDE)
    persons = float(values[row1:row2, column1:column2].sum())
    if (1 / scale).is_integer():
        assert seen.integral(box) == pytest.approx(persons, abs=1e-9)
    # A cell that the edge of a coarser one cuts has its part of either.
    edges = (
        cell_edges(cells, STRIDE / scale, first, first + length, values.device)
        for cells, first, length in ((columns, x, width), (rows, y, height))
    )
    coarse = DensityMap(values, *edges)
    assert coarse.integral(box) == pytest.approx(persons, abs=1e-9)
    i, j = (data.draw(st.integers(0, count - 1)) for count in seen.values.shape)
    cell = (float(seen.x[j]), float(seen.y[i]), float(seen.x[j + 1]), float(seen.y[i + 1]))
    assert float(seen.values[i, j]) == pytest.approx(coarse.integral(cell), abs=1e-9)


def test_a_cell_of_a_reduced_crop_is_cut_evenly() -> None:
    values = torch.tensor([[8.0, 6.0]])
    crop = CropGeometry(16, 32, 28, 16, 1 / 2)
    # The second cell is 12 px wide at the image's own size: cells of 8 and 4.
    seen = DensityMap.of_crop(values, crop, STRIDE)
    assert seen.values.tolist() == [[2, 2, 2, 1], [2, 2, 2, 1]]
    assert seen.x.tolist() == [16, 24, 32, 40, 44]
    assert seen.y.tolist() == [32, 40, 48]


@given(
    size=st.tuples(st.integers(32, 200), st.integers(32, 200)),
    edges=st.lists(st.integers(0, 16), min_size=4, max_size=4),
    scale=st.sampled_from([1 / 2, 1 / 4, 1 / 3, 2 / 3, 0.3, 0.62]),
    seed=seeds,
)
def test_a_region_of_a_reduced_map_holds_what_its_crop_holds(
    size: tuple[int, int], edges: list[int], scale: float, seed: int
) -> None:
    width, height = size
    base = random_map(CropGeometry(0, 0, width, height, scale), seed)
    x1, x2 = sorted(edge * width / 16 for edge in edges[:2])
    y1, y2 = sorted(edge * height / 16 for edge in edges[2:])
    if x1 == x2 or y1 == y2:
        return
    box = (x1, y1, x2, y2)
    inside = random_map(window_around(box, 8, size, 2 * scale), seed + 1)
    replaced = replace_density(base, [box], [inside])
    assert replaced.shape == (-(-height // STRIDE), -(-width // STRIDE))
    outside = float(base.values.sum()) - base.integral(box)
    assert float(replaced.sum()) == pytest.approx(outside + inside.integral(box), abs=1e-9)


@given(
    sides=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    cuts=st.lists(st.floats(0, 1), min_size=0, max_size=40),
    seed=seeds,
)
def test_a_map_is_summed_exactly_over_finer_cells_of_any_edges(
    sides: list[int], cuts: list[float], seed: int
) -> None:
    """Cells that two of the map's share take their part of either."""
    edges = torch.tensor([0, *np.cumsum(sides).tolist()], dtype=torch.float64) / 3
    last, least = float(edges[-1]), float(edges.diff().min())
    own = [cut * last for cut in cuts]
    # None is larger than the smallest of the map's.
    even = torch.linspace(0, last, 1 + int(np.ceil(last / least - 1e-9)), dtype=torch.float64)
    x = torch.cat((even, torch.tensor(own, dtype=torch.float64))).unique()
    y = torch.tensor([0.0, 5, 8], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(1, len(edges) - 1, generator=generator, dtype=torch.float64) - 0.1
    density = DensityMap(values, edges, torch.tensor([0.0, 8], dtype=torch.float64))
    finer = density.on_grid(x, y)
    assert finer.values.shape == (2, len(x) - 1)
    assert float(finer.values.sum()) == pytest.approx(float(values.sum()), abs=1e-9)
    for row, (top, bottom) in enumerate(((0.0, 5.0), (5.0, 8.0))):
        for column in range(len(x) - 1):
            box = (float(x[column]), top, float(x[column + 1]), bottom)
            found = float(finer.values[row, column])
            assert found == pytest.approx(density.integral(box), abs=1e-9)


def test_a_cell_that_two_share_takes_its_part_of_either() -> None:
    # At 1/3 cells have 24 px: whole ones of 8. At 0.4 they have 20: 8, 8, and 4 of 8.
    seen = DensityMap.of_crop(torch.tensor([[10.0, 5.0]]), CropGeometry(3, 0, 30, 8, 0.4), STRIDE)
    assert seen.x.tolist() == [3, 11, 19, 27, 33]
    assert seen.values.tolist() == [pytest.approx([4, 4, 4, 3])]
    thirds = DensityMap.of_crop(torch.tensor([[9.0]]), CropGeometry(0, 0, 24, 24, 1 / 3), STRIDE)
    torch.testing.assert_close(thirds.values, torch.ones(3, 3, dtype=torch.float64))
