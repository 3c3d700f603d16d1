from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.zoom.coordinates import CropGeometry, points_in_boxes, window_around, window_of_size

scales = st.sampled_from([1, 2, 4, 8])


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
