"""The ground plane of an image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from raz.areas import polygon_area
from raz.ground import Ground

SQUARE = [(0, 0), (100, 0), (100, 100), (0, 100)]


def test_a_sampling_distance_scales_areas_by_its_square() -> None:
    assert Ground.of_sampling_distance(0.25).area([(0, 0), (8, 0), (8, 4), (0, 4)]) == 2.0


@pytest.mark.parametrize("metres", [0, -1, math.inf, math.nan])
def test_a_sampling_distance_is_above_zero(metres: float) -> None:
    with pytest.raises(ValueError, match=r"ground_sampling_distance is .*must be finite"):
        Ground.of_sampling_distance(metres)


def test_a_sampling_distance_that_is_no_number_is_named() -> None:
    for metres, error in (("1", TypeError), (10**400, ValueError)):
        with pytest.raises(error, match=r"^ground_sampling_distance is "):
            Ground.of_sampling_distance(metres)


@given(
    st.lists(st.floats(-0.3, 0.3), min_size=8, max_size=8),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
)
def test_four_points_give_their_homography(shifts, origin) -> None:
    """Corners of a convex quadrilateral go where they are told, wherever metres have their zero."""
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) + np.reshape(shifts, (4, 2)) * 0.8
    pixels = corners * 700 + 50
    metres = np.array([(0, 0), (20, 0), (20, 30), (0, 30)]) + origin
    ground = Ground.of_points(pixels, metres)
    mapped = ground.matrix @ np.column_stack([pixels, np.ones(4)]).T
    np.testing.assert_allclose((mapped[:2] / mapped[2]).T, metres, atol=1e-5)
    assert ground.area(pixels) == pytest.approx(600, rel=1e-6)


def test_more_points_than_four_are_fitted() -> None:
    truth = np.array([[0.02, 0.001, 1], [0.0, 0.05, 2], [0.0, 0.0008, 1]])
    pixels = np.random.default_rng(0).uniform(0, 500, (12, 2))
    mapped = truth @ np.column_stack([pixels, np.ones(12)]).T
    ground = Ground.of_points(pixels, (mapped[:2] / mapped[2]).T)
    np.testing.assert_allclose(ground.matrix / ground.matrix[2, 2], truth, atol=1e-9)
    assert ground.area(SQUARE) == pytest.approx(Ground(truth).area(SQUARE))


@pytest.mark.parametrize(
    ("pixels", "metres", "reason"),
    [
        (SQUARE[:3], SQUARE[:3], "N at least 4"),
        (SQUARE, SQUARE[:3], r"must be \[4, 2\], as pixels"),
        (SQUARE, [*SQUARE[:3], (math.nan, 0)], "NaN"),
        ([(0, 0), (1, 1), (2, 2), (3, 3)], SQUARE, "no three lie on a line"),
        ([(0, 0), (0, 0), (100, 0), (0, 100)], SQUARE, "no three lie on a line"),
        (SQUARE, [(0, 0), (1, 1), (2, 2), (3, 3)], "no three lie on a line"),
        # Two corners changed places: the sides cross, so the horizon lies between the points.
        (SQUARE, [(0, 0), (100, 0), (0, 100), (100, 100)], "both sides of the horizon"),
    ],
)
def test_points_that_determine_no_ground_are_refused(pixels, metres, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        Ground.of_points(pixels, metres)


def test_what_reaches_the_horizon_has_no_area() -> None:
    ground = Ground(np.array([[1, 0, 0], [0, 1, 0], [0, 0.01, -1]]))  # horizon at y = 100
    assert ground.area([(0, 150), (10, 150), (10, 200)]) > 0
    with pytest.raises(ValueError, match="reaches the horizon"):
        ground.area([(0, 50), (10, 150), (10, 200)])


@given(st.sampled_from([(20, 30), (20, -30), (-20, 30)]))
def test_the_sky_has_no_area(lengths) -> None:
    """Whichever way the metres go, the ground is where the known points are."""
    corners = [(0, 319), (415, 319), (300, 80), (110, 80)]
    ground = Ground.of_points(corners, np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * lengths)
    assert ground.area(corners) == pytest.approx(600)
    with pytest.raises(ValueError, match="horizon"):
        ground.area([(0, -200), (415, -200), (200, -300)])


@pytest.mark.parametrize("matrix", [np.eye(2), np.zeros((3, 3)), np.full((3, 3), math.nan)])
def test_a_matrix_is_invertible(matrix) -> None:
    with pytest.raises(ValueError, match="matrix"):
        Ground(matrix)


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=8, unique=True
    ),
    st.floats(0.01, 10),
)
def test_areas_scale_with_the_ground(corners, metres) -> None:
    area = polygon_area(np.array(corners, dtype=np.float64))
    assume(area > 0)
    assert Ground.of_sampling_distance(metres).area(corners) == pytest.approx(area * metres**2)


def test_what_holds_no_numbers_is_named():
    for name in ("pixels", "metres"):
        arguments = {"pixels": np.zeros((4, 2)), "metres": np.zeros((4, 2)), name: "four"}
        with pytest.raises(ValueError, match=f"{name} is a str; it must be an array of real"):
            Ground.of_points(**arguments)
    with pytest.raises(ValueError, match="polygon is a dict; it must be an array of real"):
        Ground.of_sampling_distance(1.0).area({})
