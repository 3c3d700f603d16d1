"""Areas against naive references: shapely's intersections, single pixels, exact fractions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raz.areas import _BLOCK, points_inside, polygon_area, shares_inside

sizes = st.tuples(st.integers(1, 45), st.integers(1, 45))
corner = st.tuples(st.floats(-15, 60), st.floats(-15, 60)) | st.tuples(
    st.integers(-2, 50), st.integers(-2, 50)
)
polygons = st.lists(corner, min_size=3, max_size=9)


def shares_by_shapely(polygon, size, stride):
    """Clip the polygon to every cell. Even-odd: what an odd number of its fan's triangles holds."""
    shapely = pytest.importorskip("shapely")
    shape = shapely.Polygon()
    for second, third in itertools.pairwise(polygon[1:]):
        shape = shape.symmetric_difference(shapely.Polygon([polygon[0], second, third]))
    width, height = size
    shares = np.zeros((math.ceil(height / stride), math.ceil(width / stride)))
    for row, column in np.ndindex(shares.shape):
        x, y = column * stride, row * stride
        cell = shapely.box(x, y, min(x + stride, width), min(y + stride, height))
        shares[row, column] = shapely.intersection(shape, cell).area / cell.area
    return shares


@settings(max_examples=50)
@given(polygons, sizes, st.sampled_from([5, 8]))
@example([(0, 0), (40, 40), (40, 0), (0, 40)], (40, 40), 8)  # a bow tie
@example([(9, 40), (20, 2), (31, 40), (2, 15), (38, 15)], (40, 40), 8)  # a star: hollow within
@example([(1, 1), (30, 1), (30, 20), (1, 20)] * 2, (40, 40), 8)  # twice around: nothing
@example([(-5, -5), (50, -5), (50, 50), (-5, 50)], (13, 7), 8)
@example([(50, 50), (60, 50), (60, 60)], (13, 7), 8)
@example([(8, 8), (8, 8), (8, 8)], (13, 17), 8)
@example([(0, 0), (0, 0), (1, 1e-313)], (1, 1), 5)
def test_shares_are_those_of_clipped_polygons(polygon, size, stride):
    np.testing.assert_allclose(
        shares_inside(polygon, size, stride), shares_by_shapely(polygon, size, stride), atol=1e-9
    )


def test_shares_of_a_polygon_of_many_corners(monkeypatch):
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    radius = 18 + 4 * np.sin(7 * angle)
    polygon = np.stack([20 + radius * np.cos(angle), 20 + radius * np.sin(2 * angle)], axis=1)
    found = shares_inside(polygon, (40, 40), 8)
    assert found.sum() == pytest.approx(shares_by_shapely(polygon, (40, 40), 40)[0, 0] * 25)
    monkeypatch.setattr("raz.areas._BLOCK", 700)  # many blocks instead of one
    assert _BLOCK > 700
    np.testing.assert_allclose(shares_inside(polygon, (40, 40), 8), found, atol=1e-12)


@given(sizes, st.sampled_from([1, 5, 8]), st.integers(0, 9))
def test_shares_of_a_mask_are_those_of_single_pixels(size, stride, seed):
    width, height = size
    mask = np.random.default_rng(seed).random((height, width)) < 0.4
    expected = [
        [mask[y : y + stride, x : x + stride].mean() for x in range(0, width, stride)]
        for y in range(0, height, stride)
    ]
    np.testing.assert_allclose(shares_inside(mask, size, stride), expected, atol=1e-12)


@given(sizes, st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.randoms(use_true_random=False))
def test_polygons_that_share_edges_sum_to_the_whole(size, along, down, random):
    """A fan around a point inside, which covers more than the image."""
    width, height = size
    outline = [(-1, -2), (random.uniform(0, width), -2), (width + 3, -2), (width + 3, height + 1)]
    outline += [(random.uniform(0, width), height + 1), (-1, height + 1)]
    parts = [
        shares_inside([(along * width, down * height), a, b], size, 8)
        for a, b in zip(outline, outline[1:] + outline[:1], strict=True)
    ]
    np.testing.assert_allclose(sum(parts), 1, atol=1e-9)


@given(sizes, st.integers(0, 9), st.data())
def test_a_mask_and_its_complement_partition_the_points(size, seed, data):
    width, height = size
    mask = np.random.default_rng(seed).random((height, width)) < 0.4
    inside = st.tuples(st.floats(0, width), st.floats(0, height))
    points = np.array([*data.draw(st.lists(inside, max_size=20)), (width, height), (0, 0)])
    found = points_inside(mask, points, size)
    assert (found ^ points_inside(~mask, points, size)).all()
    columns, rows = np.minimum(np.floor(points), np.array(size) - 1).astype(int).T
    assert found.tolist() == mask[rows, columns].tolist()


def test_points_outside_the_image_are_in_no_mask():
    points = np.array([(-0.5, 1), (1, -0.5), (4.5, 1), (1, 3.5), (1, 1)])
    assert points_inside(np.ones((3, 4), bool), points, (4, 3)).tolist() == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (np.ones((3, 4), bool), r"mask has shape \[3, 4\]; it must be \[H, W\] = \[4, 3\]"),
        (np.ones((4, 3), np.uint8), r"polygon has shape \[4, 3\]; .* or a mask of dtype bool"),
        ([(0, 0), (1, 1), (2,)], "polygon is a list; it must be an array of real numbers"),
        (None, "polygon has shape"),
        ("polygon", "polygon is a str; it must be an array of real numbers"),
        ([(0, 0), (10**400, 0), (0, 8)], "polygon is a list; it must be an array of real numbers"),
        (np.ones((3, 2)) + 1j, "polygon is a ndarray; it must be an array of real numbers"),
        (np.ones((3, 2), "M8[s]"), "polygon is a ndarray; it must be an array of real numbers"),
        ([("0", "0"), ("8", "0"), ("8", "8")], "polygon is a list; it must be an array of real"),
        ([(0, 0), (1, math.nan), (2, 2)], "polygon has a corner at nan; it must be within 1e"),
        ([(0, 0), (1e18, 0), (0, 1e18)], r"polygon has a corner at 1e\+18; it must be within 1e"),
    ],
)
def test_what_is_no_area_is_named(area, words):
    for measure in (
        lambda: points_inside(area, np.zeros((1, 2)), (3, 4)),
        lambda: shares_inside(area, (3, 4), 8),
    ):
        with pytest.raises(ValueError, match=words):
            measure()


@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=3, max_size=7))
def test_the_area_of_a_polygon_is_that_of_its_parts_by_shapely(corners) -> None:
    """Shapely splits at crossings; what an odd number of turns goes around is inside."""
    shapely = pytest.importorskip("shapely")
    lines = shapely.unary_union(shapely.LinearRing(corners))
    size = (80, 80)
    expected = sum(
        part.area
        for part in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
        if points_inside(
            np.array(corners) + 40.0,
            np.array([part.representative_point().coords[0]]) + 40.0,
            size,
        )[0]
    )
    assert polygon_area(np.array(corners, dtype=np.float64)) == pytest.approx(expected, abs=1e-9)
