"""Speed of matching against the usual ways to do it.

Files of the NWPU-Crowd benchmark are read from the folder in RAZ_DATA.
"""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from raz import ops, reference


def raz_any(pred, truth, radius):
    return len(ops.match_points(pred, truth, radius)[0])


def raz_benchmark_order(pred, truth, radius):
    return len(ops.match_points(pred, truth, radius, order="benchmark")[0])


def kd_tree_and_scipy(pred, truth, radius):
    """Match by the fastest settings found: unbalanced tree, unsorted, no isolated heads."""
    if len(pred) == 0 or len(truth) == 0:
        return 0
    tree = cKDTree(pred, balanced_tree=False, compact_nodes=False)
    near = tree.query_ball_point(truth, radius, return_sorted=False)
    degree = np.fromiter(map(len, near), np.int32, len(near))
    if not degree.any():
        return 0
    index = np.fromiter(chain.from_iterable(near), np.int32, degree.sum())
    begin = np.concatenate([[0], np.cumsum(degree[degree > 0], dtype=np.int32)])
    ones = np.ones(len(index), dtype=np.uint8)
    graph = csr_array((ones, index, begin), shape=(len(begin) - 1, len(pred)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def kuhn_in_python(pred, truth, radius):
    """Match as evaluation scripts do: all distances, lists of candidates, recursive search."""
    squared = ((pred[:, None] - truth[None]) ** 2).sum(2)
    candidates = [np.flatnonzero(row).tolist() for row in squared <= radius**2]
    pred_of = [-1] * len(truth)

    def augment(index, visited):
        for head in candidates[index]:
            if not visited[head]:
                visited[head] = True
                if pred_of[head] < 0 or augment(pred_of[head], visited):
                    pred_of[head] = index
                    return True
        return False

    return sum(augment(index, [False] * len(truth)) for index in range(len(pred)))


def raz_reference(pred, truth, radius):
    return len(reference.match_points(pred, truth, np.broadcast_to(radius, len(truth)))[0])


def read_points(path, columns):
    lines = (np.array(line.split(), dtype=np.float64) for line in path.read_text().splitlines())
    return {int(line[0]): line[2:].reshape(-1, columns) for line in lines}


@pytest.fixture(scope="module")
def nwpu():
    """Return (predictions, heads, radius) of the 500 images, once for either sigma."""
    if not os.environ.get("RAZ_DATA"):
        pytest.skip("RAZ_DATA is not set")
    folder = Path(os.environ["RAZ_DATA"]) / "evaluation"
    truth = read_points(folder / "nwpu_val_gt_loc.txt", 5)
    pred = read_points(folder / "nwpu_val_raz_loc_0.5.txt", 2)
    return [
        (pred[image], np.ascontiguousarray(heads[:, :2]), np.ascontiguousarray(heads[:, column]))
        for column in (2, 3)
        for image, heads in truth.items()
    ]


MATCHERS = {
    "raz": raz_any,
    "raz benchmark order": raz_benchmark_order,
    "scipy": kd_tree_and_scipy,
    "python": kuhn_in_python,
    "raz.reference": raz_reference,
}


@pytest.mark.slow
@pytest.mark.parametrize("contender", MATCHERS)
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_nwpu_val(compare, nwpu, contender):
    def total():
        return sum(MATCHERS[contender](*image) for image in nwpu)

    rounds = {"raz": 10, "raz benchmark order": 10, "scipy": 5}.get(contender, 1)
    found = compare(
        total, op="match_points", size="NWPU val", note="both sigmas, allocated", rounds=rounds
    )
    assert found == 111_668 + 97_432


def crowd(count, *, side, unlike=0.0, seed=0):
    """Return predictions with noise of 6 px, and heads in clusters; 15 % missed, 10 % false.

    ``unlike`` is the share of predictions that have nothing to do with the heads.
    """
    generator = np.random.default_rng(seed)

    def clusters(size):
        centres = generator.random((60, 2)) * side
        spread = generator.lognormal(np.log(side / 80), 1, 60)
        of = generator.integers(60, size=size)
        return np.clip(centres[of] + generator.normal(size=(size, 2)) * spread[of, None], 0, side)

    truth = clusters(count)
    seen = truth[generator.random(count) > 0.15]
    pred = seen + generator.normal(0, 6, seen.shape)
    pred = np.concatenate([pred, generator.random((count // 10, 2)) * side])
    anywhere = generator.random(len(pred)) < unlike
    pred[anywhere] = generator.random((anywhere.sum(), 2)) * side
    return np.floor(pred), np.floor(truth)


def one_hundred_thresholds(pred, truth):
    return ops.count_matches(pred, truth, np.arange(1, 101))[-1]


COUNTERS = {
    "raz": lambda pred, truth: ops.count_matches(pred, truth, [100])[0],
    "raz 100 thresholds": one_hundred_thresholds,
    "raz match_points": lambda pred, truth: raz_any(pred, truth, 100),
    "scipy": lambda pred, truth: kd_tree_and_scipy(pred, truth, 100),
}
SCENES = {
    "wide": {"side": 4000},
    "narrow": {"side": 1200},
    "half unlike": {"side": 4000, "unlike": 0.5},
}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("contender", COUNTERS)
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_qnrf_thresholds(compare, scene, contender):
    """Time UCF-QNRF's t = 100 px alone, or t = 1 ... 100 px, with the search of candidates."""
    pred, truth = crowd(10_000, **SCENES[scene])
    rounds = 1 if contender == "scipy" else 10
    note = f"{scene}, 100 px, allocated"
    compare(
        COUNTERS[contender],
        pred,
        truth,
        op="count_matches",
        size="10,000 heads",
        note=note,
        rounds=rounds,
    )


@pytest.mark.parametrize("count", [1_000, 10_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("contender", ["raz", "raz benchmark order", "scipy"])
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_growth(compare, contender, count):
    """Time equally dense scenes of growing size, at 8 px."""
    pred, truth = crowd(count, side=40 * count**0.5)
    found = compare(
        MATCHERS[contender],
        pred,
        truth,
        8.0,
        op="match_points",
        size=f"{count:,} heads",
        note="8 px, allocated",
        rounds=3,
    )
    assert found > count // 2
