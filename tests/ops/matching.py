"""What the tests of matching share: the definition, an independent matcher, random instances."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

# Few distinct values, so that duplicates and distances equal to the radius are common.
coordinates = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 0.3, 0.4, -1.0])
special = st.sampled_from([0.0, -0.0, 5e-324, 1e-160, -1e-160, 1e154, 1e200, -1.7e308, 1.7e308])
radii = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0, 5.0, 5e-324, 1e-160, 1e155, 1.7e308, np.inf])


@st.composite
def point_sets(draw):
    """Draw pred [N, 2], truth [M, 2]."""
    coordinate = draw(st.sampled_from([coordinates, coordinates, coordinates | special]))
    rows = st.lists(st.tuples(coordinate, coordinate), max_size=9)
    return tuple(np.array(draw(rows), dtype=np.float64).reshape(-1, 2) for _ in range(2))


@st.composite
def problems(draw):
    """Draw pred, truth and a radius for every head."""
    pred, truth = draw(point_sets())
    one = draw(radii)
    radius = [draw(radii) for _ in truth] if draw(st.booleans()) else [one] * len(truth)
    return pred, truth, np.array(radius, dtype=np.float64)


def random_points(generator, most):
    """Two sets: scattered or crowded, on whole pixels or not, equal or unlike in size."""
    span = generator.choice([3, 20, 200, 5000])
    sizes = generator.integers(0, generator.choice([4, 30, most]), 2)
    if generator.random() < 0.5:
        return [generator.integers(0, span, (size, 2)).astype(np.float64) for size in sizes]
    return [generator.normal(0, span, (size, 2)) for size in sizes]


def random_radius(generator, truth):
    """Draw equal radii, some wide ones, or exponentially distributed ones."""
    span = np.ptp(truth) if len(truth) else 1.0
    typical = generator.choice([0.0, 1.0, span / (1 + len(truth) ** 0.5), span])
    factors = [
        np.ones(len(truth)),
        np.where(generator.random(len(truth)) < 0.1, 10, 0.3),
        generator.exponential(1, len(truth)),
    ]
    return typical * factors[generator.integers(3)]


@np.errstate(over="ignore")
def allowed(pred, truth, radius):
    """The definition: bool [M, N]."""
    dx = truth[:, None, 0] - pred[None, :, 0]
    dy = truth[:, None, 1] - pred[None, :, 1]
    return dx * dx + dy * dy <= (radius * radius)[:, None]


def largest(pred, truth, radius):
    """Size of the largest matching by SciPy."""
    if len(pred) == 0 or len(truth) == 0:
        return 0
    graph = csr_array(allowed(pred, truth, radius))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def assert_valid(matching, pred, truth, radius):
    """Every index once, heads ascending, all pairs allowed."""
    pred_index, truth_index = matching
    assert pred_index.dtype == truth_index.dtype == np.int64
    assert pred_index.shape == truth_index.shape
    assert len(set(pred_index.tolist())) == len(pred_index)
    assert (np.diff(truth_index) > 0).all()
    with np.errstate(over="ignore"):
        dx, dy = (pred[pred_index] - truth[truth_index]).T
        assert (dx * dx + dy * dy <= radius[truth_index] ** 2).all()
