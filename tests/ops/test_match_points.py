from __future__ import annotations

import math
import resource
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz import _C, _native, ops, reference

from . import matching


def every_way(pred, truth, radius):
    """All the code there is: searches alone, phases alone, the benchmark's order, the reference."""
    return {
        "any": ops.match_points(pred, truth, radius),
        "phases": _C.match_points(pred, truth, radius, searches=0),
        "benchmark": ops.match_points(pred, truth, radius, order="benchmark"),
        "reference": reference.match_points(pred, truth, radius),
    }


def assert_right(pred, truth, radius):
    found = every_way(pred, truth, radius)
    for pairs in found.values():
        matching.assert_valid(pairs, pred, truth, radius)
        assert len(pairs[0]) == matching.largest(pred, truth, radius)
    assert np.array_equal(found["benchmark"], found["reference"])


@given(problem=matching.problems())
def test_size_is_that_of_an_independent_matcher(problem):
    assert_right(*problem)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
def test_thousands_of_random_instances(seed):
    generator = np.random.default_rng(seed)
    for _ in range(40):
        pred, truth = matching.random_points(generator, 90)
        assert_right(pred, truth, matching.random_radius(generator, truth))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_several_strips_of_points(seed):
    generator = np.random.default_rng(seed)
    pred, truth = matching.random_points(generator, 400)
    assert_right(pred, truth, matching.random_radius(generator, truth))


@given(problem=matching.problems())
def test_the_same_on_every_call_and_for_any_layout(problem):
    pred, truth, radius = problem
    first = ops.match_points(pred, truth, radius)
    again = ops.match_points(np.asfortranarray(pred), truth[::-1][::-1], radius.tolist())
    assert np.array_equal(first, again)


def test_more_pairs_go_before_nearer_ones():
    pred, truth = [[10, 0], [6, 0]], [[9, 0], [14, 0]]
    for order in ("any", "benchmark"):
        pred_index, truth_index = ops.match_points(pred, truth, 4, order=order)
        assert pred_index.tolist() == [1, 0]
        assert truth_index.tolist() == [0, 1]


def test_the_benchmark_takes_the_first_head_not_the_nearest():
    pred, truth = [[5, 0], [0, 0]], [[0, 0], [5, 0], [9, 9]]
    pred_index, truth_index = ops.match_points(pred, truth, 5, order="benchmark")
    assert pred_index.tolist() == [1, 0]
    assert truth_index.tolist() == [0, 1]
    pred_index, truth_index = ops.match_points(pred[:1], truth, 20, order="benchmark")
    assert truth_index.tolist() == [0]


@pytest.mark.parametrize("order", ["any", "benchmark"])
class TestEither:
    def test_the_radius_itself_allows(self, order):
        pred, truth = [[3, 4]], [[0, 0]]
        assert len(ops.match_points(pred, truth, 5, order=order)[0]) == 1
        assert len(ops.match_points(pred, truth, math.nextafter(5, 0), order=order)[0]) == 0

    def test_the_radius_is_the_heads_own(self, order):
        pred, truth = [[0, 0], [10, 0]], [[1, 0], [13, 0]]
        assert ops.match_points(pred, truth, [1, 2], order=order)[1].tolist() == [0]
        assert ops.match_points(pred, truth, [0.5, 3], order=order)[1].tolist() == [1]

    def test_radius_zero_pairs_duplicates(self, order):
        pred, truth = [[2, 2], [2, 2], [2, 2], [5, 5]], [[2, 2], [5, 6], [2, 2]]
        assert ops.match_points(pred, truth, 0, order=order)[1].tolist() == [0, 2]

    @pytest.mark.parametrize("empty", [[], np.zeros((0, 2)), np.zeros((0, 2), dtype=np.int32)])
    def test_empty(self, order, empty):
        for pred, truth in ((empty, [[1, 2]]), ([[1, 2]], empty), (empty, empty)):
            for pairs in ops.match_points(pred, truth, 3, order=order):
                assert pairs.shape == (0,)
                assert pairs.dtype == np.int64

    def test_points_far_from_each_other(self, order):
        generator = np.random.default_rng(0)
        pred = generator.random((300, 2)) * 10.0 ** generator.integers(-12, 300, (300, 1))
        truth, radius = pred[::-1] * (1 + 1e-13), 1e-12 * np.abs(pred[::-1]).max(1)
        pairs = ops.match_points(pred, truth, radius, order=order)
        assert len(pairs[0]) == 300

    def test_input_is_left_alone(self, order):
        pred, truth = np.array([[2.0, 1.0], [0.0, 5.0]]), np.array([[1.0, 1.0]])
        pred.flags.writeable = truth.flags.writeable = False
        assert len(ops.match_points(pred, truth, 1, order=order)[0]) == 1


def test_dense_instances_in_the_benchmarks_order():
    """Where most pairs are allowed they are not stored: the same result."""
    generator = np.random.default_rng(3)
    for radius in (30.0, 60.0, 90.0, 150.0):
        pred, truth = generator.random((2, 150, 2)) * 100
        radii = np.full(150, radius)
        found = ops.match_points(pred, truth, radius, order="benchmark")
        assert np.array_equal(found, reference.match_points(pred, truth, radii))


def crowd(count, seed=0):
    """Predictions that are the heads but for noise, misses and false alarms."""
    generator = np.random.default_rng(seed)
    side = 20 * count**0.5
    truth = generator.random((count, 2)) * side
    seen = truth[generator.random(count) > 0.1]
    pred = seen + generator.normal(0, 6, seen.shape)
    return np.concatenate([pred, generator.random((count - len(pred), 2)) * side]), truth


@pytest.mark.slow
@pytest.mark.parametrize("radius", [4.0, 12.0, 25.0])
def test_twenty_thousand_points(radius):
    pred, truth = crowd(20_000)
    radii = np.full(len(truth), radius)
    expected = sparse_largest(pred, truth, radius)
    assert expected > 5000
    for pairs in (
        ops.match_points(pred, truth, radius),
        ops.match_points(pred, truth, radius, order="benchmark"),
        _C.match_points(pred, truth, radii, searches=0),
    ):
        matching.assert_valid(pairs, pred, truth, radii)
        assert len(pairs[0]) == expected
    assert ops.count_matches(pred, truth, [radius]).tolist() == [expected]


def sparse_largest(pred, truth, radius):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching
    from scipy.spatial import cKDTree

    near = cKDTree(pred).query_ball_point(truth, radius * (1 + 1e-9))
    head = np.repeat(np.arange(len(truth)), [len(candidates) for candidates in near])
    index = np.concatenate([np.array(candidates, dtype=np.int64) for candidates in near])
    keep = ((truth[head] - pred[index]) ** 2).sum(1) <= radius**2
    pairs = (np.ones(keep.sum(), dtype=np.uint8), (head[keep], index[keep]))
    graph = csr_array(pairs, shape=(len(truth), len(pred)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


@pytest.mark.slow
@pytest.mark.parametrize("order", ["any", "benchmark"])
def test_all_points_in_one_place(order):
    """4e8 allowed pairs cannot be stored in the memory that is allowed here."""
    points = np.full((20_000, 2), 7.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = ops.match_points(points, points, 100, order=order)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(pairs[0]) == 20_000
    assert kilobytes < (50_000 if order == "any" else 200_000)


def test_other_threads_run_meanwhile():
    points = np.zeros((8_000, 2))
    started, done = threading.Event(), threading.Event()

    def work():
        started.set()
        ops.match_points(points, points, 1, order="benchmark")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    naps = 0
    while not done.is_set():
        time.sleep(0.001)
        naps += 1
    thread.join()
    assert naps > 20  # a call that kept the interpreter would allow only a few, before it begins


def test_without_the_native_module(monkeypatch):
    pred, truth = crowd(200)
    expected = ops.match_points(pred, truth, 20.0, order="benchmark")
    monkeypatch.setattr(_native, "load", lambda: None)
    assert np.array_equal(ops.match_points(pred, truth, 20.0, order="benchmark"), expected)
    assert len(ops.match_points(pred, truth, 20.0)[0]) == len(expected[0])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_errors_name_argument_index_and_value(engine, monkeypatch):
    if engine == "reference":
        monkeypatch.setattr(_native, "load", lambda: None)
    points = [[0.0, 0.0], [1.0, 2.0]]
    match = ops.match_points
    with pytest.raises(ValueError, match=r"pred has shape \[2, 3\]; it must be \[N, 2\]"):
        match(np.zeros((2, 3)), points, 1)
    with pytest.raises(ValueError, match=r"truth has shape \[2\]; it must be \[N, 2\]"):
        match(points, [1.0, 2.0], 1)
    with pytest.raises(ValueError, match="pred is not an array"):
        match([[1.0, 2.0], [1.0]], points, 1)
    with pytest.raises(TypeError, match="truth holds complex128; it must hold integers or floats"):
        match(points, np.zeros((2, 2), dtype=complex), 1)
    with pytest.raises(TypeError, match="radius holds <U1"):
        match(points, points, "1")
    with pytest.raises(ValueError, match=r"pred\[1\] is \(1\.0, nan\); coordinates must be finite"):
        match([[0, 0], [1, math.nan]], points, 1)
    with pytest.raises(ValueError, match=r"truth\[0\] is \(-inf, 0\.0\)"):
        match(points, [[-math.inf, 0]], 1)
    with pytest.raises(ValueError, match=r"radius is -1\.0; it must be at least 0 pixels"):
        match(points, points, -1)
    with pytest.raises(ValueError, match="radius is nan"):
        match(points, points, math.nan)
    with pytest.raises(ValueError, match=r"radius\[1\] is -0\.5; it must be at least 0 pixels"):
        match(points, points, [1, -0.5])
    with pytest.raises(ValueError, match=r"radius has shape \[3\]; it must be a number or \[2\]"):
        match(points, points, [1, 2, 3])
    with pytest.raises(ValueError, match='order is \'file\'; it must be "any" or "benchmark"'):
        match(points, points, 1, order="file")


@pytest.mark.parametrize("match", [_C.match_points, _C.match_points_in_order])
def test_native_backstop(match):
    points, radius = np.zeros((2, 2)), np.ones(2)
    for arguments in (
        (points[:, :1], points, radius),
        (points, points[0], radius),
        (points * math.nan, points, radius),
        (points, points + math.inf, radius),
        (points, points, radius[:1]),
        (points, points, -radius),
        (points, points, radius * math.nan),
    ):
        with pytest.raises(ValueError, match="raz: "):
            match(*arguments)


def read_points(path, columns):
    """Read lines of "id n (values of a point)*" into {id: int64 [n, columns]}."""
    lines = (np.array(line.split(), dtype=np.int64) for line in path.read_text().splitlines())
    return {int(line[0]): line[2:].reshape(line[1], columns) for line in lines}


@pytest.fixture(scope="module")
def nwpu(raz_data):
    folder = raz_data / "evaluation"
    truth = read_points(folder / "nwpu_val_gt_loc.txt", 5)
    pred = read_points(folder / "nwpu_val_raz_loc_0.5.txt", 2)
    assert truth.keys() == pred.keys()
    return [(pred[image], truth[image]) for image in truth]


@pytest.mark.parametrize(("column", "expected"), [(3, 111_668), (2, 97_432)])
@pytest.mark.parametrize("order", ["any", "benchmark"])
def test_true_positives_of_nwpu_val(nwpu, column, expected, order):
    total = sum(
        len(ops.match_points(pred, heads[:, :2], heads[:, column], order=order)[0])
        for pred, heads in nwpu
    )
    assert total == expected


def test_recall_per_level_of_nwpu_val(nwpu):
    heads_of, matched = np.zeros(6), np.zeros(6)
    for pred, heads in nwpu:
        pairs = ops.match_points(pred, heads[:, :2], heads[:, 3], order="benchmark")
        heads_of += np.bincount(heads[:, 4], minlength=6)
        matched += np.bincount(heads[pairs[1], 4], minlength=6)
    recall = matched / heads_of
    printed = [0.035172, 0.263543, 0.544581, 0.816648, 0.606660, 0.225738]
    assert recall.round(6).tolist() == printed
    assert round(recall.mean(), 6) == 0.415390
