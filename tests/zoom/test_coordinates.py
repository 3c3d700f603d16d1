from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.zoom.coordinates import CropGeometry, points_in_boxes, window_around, window_of_size

scales = st.sampled_from([1, 2, 4, 8])
reduced = st.sampled_from([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 3, 2 / 3, 0.3, 0.62])
enlarged = st.sampled_from([4 / 3, 8 / 3, 1.2, 2.48])
lengths = st.integers(1, 300)


@given(x=st.integers(0, 30_000), y=st.integers(0, 30_000), scale=scales, j=st.integers(0, 9_999))
def test_points_of_a_crop_come_back_exactly(x: int, y: int, scale: int, j: int) -> None:
    crop = CropGeometry(x, y, 10_000, 10_000, scale)
    points = crop.points_to_image(torch.tensor([[j + 0.5, 0.5]]))
    assert points.dtype == torch.float64
    assert points.tolist() == [[x + (j + 0.5) / scale, y + 0.5 / scale]]
    assert crop.points_from_image(points).tolist() == [[j + 0.5, 0.5]]


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    corners=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    context=st.floats(0, 40),
    scale=scales,
)
def test_a_window_holds_its_region_and_stays_in_the_image(
    width: int, height: int, corners: list[float], context: float, scale: int
) -> None:
    x1, x2 = sorted(corner * width for corner in corners[:2])
    y1, y2 = sorted(corner * height for corner in corners[2:])
    crop = window_around((x1, y1, x2, y2), context, (width, height), scale)
    left, top, right, bottom = crop.box
    assert 0 <= left <= max(0, x1 - context)
    assert 0 <= top <= max(0, y1 - context)
    assert min(width, x2 + context) <= right <= width
    assert min(height, y2 + context) <= bottom <= height
    assert left >= x1 - context - 1 or left == 0
    assert right <= x2 + context + 1 or right == width
    assert crop.size == (scale * (bottom - top), scale * (right - left))


def test_cells_map_to_pixels_and_are_clipped_to_the_window() -> None:
    crop = CropGeometry(10, 20, 30, 13, 2)
    assert crop.cells_to_image((1, 0.5, 2.5, 99), 8) == (14, 22, 20, 33)


def test_only_whole_cells_are_inside_but_for_those_the_edge_cuts() -> None:
    crop = CropGeometry(0, 0, 20, 20)
    assert crop.cells_inside((0, 0, 20, 20), 8) == (0, 0, 3, 3)
    assert crop.cells_inside((1, 8, 17, 19), 8) == (1, 1, 2, 2)


@given(
    edges=st.lists(st.integers(0, 80), min_size=4, max_size=4),
    x=st.integers(0, 40),
    y=st.integers(0, 40),
    scale=scales,
)
def test_cells_inside_a_region_lie_in_it(edges: list[int], x: int, y: int, scale: int) -> None:
    x1, x2 = sorted(edges[:2])
    y1, y2 = sorted(edges[2:])
    crop = CropGeometry(x, y, 200, 200, scale)
    region = (x + x1 / 2, y + y1 / 2, x + x2 / 2, y + y2 / 2)
    cells = crop.cells_inside(region, 8)
    if cells[0] < cells[2] and cells[1] < cells[3]:
        inner = crop.cells_to_image(cells, 8)
        assert region[0] <= inner[0] < region[0] + 8 / scale
        assert region[1] <= inner[1] < region[1] + 8 / scale
        assert region[2] - 8 / scale < inner[2] <= region[2]
        assert region[3] - 8 / scale < inner[3] <= region[3]
    else:
        assert min(x2 - x1, y2 - y1) / 2 < 2 * 8 / scale


@given(
    edge=st.integers(1, 199),
    context=st.integers(0, 40),
    scale=st.sampled_from([1 / 4, 1 / 3, 0.5, 1, 2, 4]),
)
def test_a_centre_on_the_edge_of_two_regions_is_of_the_one_that_starts_there(
    edge: int, context: int, scale: float
) -> None:
    for low, high in ((0, edge), (edge, 200)):
        crop = window_around((low, low, high, high), context, (200, 200), scale)
        column1, row1, column2, row2 = crop.cells_inside((low, low, high, high), 8, centres=True)
        centres = crop.cell_centres(-(-crop.size[1] // 8), 8, 0)
        at_the_end = high == crop.box[2]  # cells that the window's edge cuts are inside
        inside = (centres > low - 1e-6) & ((centres < high - 1e-6) | at_the_end)
        assert list(range(column1, column2)) == inside.nonzero()[:, 0].tolist()
        assert (row1, row2) == (column1, column2)


def test_a_point_on_the_edge_belongs_to_the_box_that_starts_there() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [4, 0, 8, 4]])
    points = torch.tensor([[4.0, 0], [0, 4], [math.nan, 1]])
    assert points_in_boxes(points, boxes).tolist() == [[False, True], [False] * 2, [False] * 2]


@given(
    image=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    corners=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_window_of_a_size_is_centred_as_far_as_the_image_lets_it(
    image: tuple[int, int], corners: list[float], share: tuple[float, float]
) -> None:
    width, height = image
    x1, x2 = sorted(corner * width for corner in corners[:2])
    y1, y2 = sorted(corner * height for corner in corners[2:])
    size = max(1, round(share[0] * width)), max(1, round(share[1] * height))
    left, top, right, bottom = window_of_size((x1, y1, x2, y2), size, image, 2).box
    assert (right - left, bottom - top) == size
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    # Off the centre by less than a pixel, or at the image's edge.
    assert abs((left + right) - (x1 + x2)) < 2 or left == 0 or right == width
    assert abs((top + bottom) - (y1 + y2)) < 2 or top == 0 or bottom == height


@given(width=lengths, height=lengths, scale=reduced, data=st.data())
def test_points_of_a_reduced_crop_come_back_and_lie_in_the_image(
    width: int, height: int, scale: float, data: st.DataObject
) -> None:
    crop = CropGeometry(16, 7, width, height, scale)
    rows, columns = crop.size
    i, j = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    points = crop.points_to_image(torch.tensor([[j + 0.5, i + 0.5]]))
    assert points.dtype == torch.float64
    [[x, y]] = points.tolist()
    # What sticks out of the window moves to the centres of its last pixels, or between them and it.
    last_x = max(width - 0.5, (j / scale + width) / 2)
    last_y = max(height - 0.5, (i / scale + height) / 2)
    assert x == pytest.approx(16 + min((j + 0.5) / scale, last_x), abs=1e-9)
    assert y == pytest.approx(7 + min((i + 0.5) / scale, last_y), abs=1e-9)
    left, top, right, bottom = crop.part_to_image((j, i, j + 1, i + 1))
    assert left <= x < min(right, 16 + width)
    assert top <= y < min(bottom, 7 + height)
    [[column, row]] = crop.points_from_image(points).tolist()
    if (j + 0.5) / scale <= width - 0.5:
        assert column == pytest.approx(j + 0.5, abs=1e-9)
    if (i + 0.5) / scale <= height - 0.5:
        assert row == pytest.approx(i + 0.5, abs=1e-9)
    assert (math.floor(column), math.floor(row)) == (j, i)


@pytest.mark.parametrize("scale", [0.3, 1.2])
def test_a_point_of_a_column_that_lies_beyond_the_last_centre_stays_in_it(scale: float) -> None:
    """Of 17 px at 0.3 the last column begins at 16.7, of 16 px at 1.2 at 15.8."""
    width, last = {0.3: (17, 5), 1.2: (16, 19)}[scale]
    crop = CropGeometry(16, 7, width, width, scale)
    assert crop.size == (last + 1, last + 1)
    points = crop.points_to_image(torch.tensor([[last + 0.5, last + 0.5]]))
    assert (crop.points_from_image(points).floor() == last).all()
    assert (points < torch.tensor([16 + width, 7 + width])).all()


@given(width=lengths, height=lengths, scale=enlarged, data=st.data())
def test_points_of_any_enlargement_come_back(
    width: int, height: int, scale: float, data: st.DataObject
) -> None:
    crop = CropGeometry(16, 7, width, height, scale)
    rows, columns = crop.size
    assert rows - 1 < height * scale <= rows
    assert columns - 1 < width * scale <= columns
    i, j = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    points = crop.points_to_image(torch.tensor([[j + 0.5, i + 0.5]]))
    # A pixel that sticks out of the window counts as one at its edge, or as what lies inside.
    x = 16 + min((j + 0.5) / scale, max(width - 0.5 / scale, (j / scale + width) / 2))
    y = 7 + min((i + 0.5) / scale, max(height - 0.5 / scale, (i / scale + height) / 2))
    assert points.tolist() == [[pytest.approx(x, abs=1e-9), pytest.approx(y, abs=1e-9)]]
    if columns == width * scale and rows == height * scale:
        [[column, row]] = crop.points_from_image(points).tolist()
        assert (column, row) == (
            pytest.approx(j + 0.5, abs=1e-9),
            pytest.approx(i + 0.5, abs=1e-9),
        )
    [[column, row]] = crop.points_from_image(points).tolist()
    assert (math.floor(column), math.floor(row)) == (j, i)
    assert 16 < points[0, 0] < 16 + width
    assert 7 < points[0, 1] < 7 + height


def test_an_image_of_whole_pixels_of_a_reduced_one_has_no_more() -> None:
    """3072 px at a third are 1,024, whatever the rounding."""
    for pixels in range(1, 3000):
        assert CropGeometry(0, 0, 3 * pixels, 3, 1 / 3).size == (1, pixels)
        assert CropGeometry(0, 0, 3 * pixels + 1, 4, 1 / 3).size == (2, pixels + 1)
    for side in range(1449, 9000):
        assert CropGeometry(0, 0, side, side, 1024 / side).size == (1024, 1024)
        assert CropGeometry(0, 0, side, side, 2048 / side).size == (2048, 2048)


def test_a_reduced_window_begins_where_it_begins() -> None:
    crop = CropGeometry(16, 8, 40, 24, 1 / 4)
    assert crop.size == (6, 10)
    assert crop.points_to_image(torch.tensor([[0.5, 5.5]])).tolist() == [[18, 30]]
    assert crop.points_from_image(torch.tensor([[18.0, 30.0]])).tolist() == [[0.5, 5.5]]


@given(
    width=lengths,
    height=lengths,
    corners=st.lists(st.integers(0, 64), min_size=4, max_size=4),
    context=st.integers(0, 640).map(lambda value: value / 16),
    scale=reduced,
)
def test_a_reduced_window_is_of_whole_pixels_of_the_image(
    width: int, height: int, corners: list[int], context: float, scale: float
) -> None:
    x1, x2 = sorted(corner * width / 64 for corner in corners[:2])
    y1, y2 = sorted(corner * height / 64 for corner in corners[2:])
    crop = window_around((x1, y1, x2, y2), context, (width, height), scale)
    left, top, right, bottom = crop.box
    assert all(isinstance(edge, int) for edge in crop.box)
    assert 0 <= left <= max(0, x1 - context)
    assert 0 <= top <= max(0, y1 - context)
    assert min(width, x2 + context) <= right <= width
    assert min(height, y2 + context) <= bottom <= height
    assert left > x1 - context - 1 or left == 0
    assert top > y1 - context - 1 or top == 0
    assert right < x2 + context + 1 or right == width
    assert bottom < y2 + context + 1 or bottom == height
    assert crop == replace(
        window_around((x1, y1, x2, y2), context, (width, height), 1), scale=scale
    )
    # The last row and column may stick out by less than a pixel of the crop.
    assert 0 <= crop.size[0] - (bottom - top) * scale + 1e-9 < 1
    assert 0 <= crop.size[1] - (right - left) * scale + 1e-9 < 1


@given(width=lengths, height=lengths, scale=reduced)
def test_the_cells_of_a_reduced_crop_end_with_its_window(
    width: int, height: int, scale: float
) -> None:
    crop = CropGeometry(48, 32, width, height, scale)
    rows, columns = crop.size
    x1, y1, x2, y2 = crop.part_to_image((0, 0, columns, rows))
    # Its pixels are all of one size: the last ones stick out.
    assert (x1, y1) == (48, 32)
    assert x2 == pytest.approx(48 + columns / scale)
    assert y2 == pytest.approx(32 + rows / scale)
    assert crop.box[2] - 1e-6 < x2 < crop.box[2] + 1 / scale
    assert crop.box[3] - 1e-6 < y2 < crop.box[3] + 1 / scale
    assert crop.part_to_image((0, 0, 1, 1)) == (48, 32, 48 + 1 / scale, 32 + 1 / scale)
    cells = crop.cells_inside(crop.box, 8)
    assert cells == (0, 0, -(-columns // 8), -(-rows // 8))
    assert crop.cells_to_image(cells, 8) == pytest.approx(crop.box, abs=1e-6)
    assert all(
        edge <= limit for edge, limit in zip(crop.cells_to_image(cells, 8), crop.box, strict=True)
    )
    centres = crop.cell_centres(cells[2], 8, 0)
    assert centres.tolist() == pytest.approx(
        [48 + (index + 0.5) * 8 / scale for index in range(cells[2])]
    )


@given(edges=st.lists(st.integers(0, 600), min_size=4, max_size=4), scale=reduced)
def test_cells_of_a_reduced_crop_inside_a_region_lie_in_it(edges: list[int], scale: float) -> None:
    x1, x2 = sorted(edges[:2])
    y1, y2 = sorted(edges[2:])
    crop = CropGeometry(0, 0, 600, 600, scale)
    column1, row1, column2, row2 = crop.cells_inside((x1, y1, x2, y2), 8)
    cell = 8 / scale
    for first, last, low, high in ((column1, column2, x1, x2), (row1, row2, y1, y2)):
        if first < last:
            assert low - 1e-6 <= first * cell < low + cell
            assert min(600, last * cell) <= high + 1e-6
            assert high == 600 or high < (last + 1) * cell


def test_lengths_are_told_in_pixels_of_the_image_or_of_a_reduced_crop() -> None:
    lengths = [CropGeometry(0, 0, 64, 64, scale).pixels(3) for scale in (1 / 4, 0.3, 1, 4 / 3, 2)]
    assert lengths == [12, 10, 3, 3, 3]
