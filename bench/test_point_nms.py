"""Speed of point_nms against a k-d tree: random points, five neighbours each on average."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from raz import ops

NEIGHBOURS = 5
RADIUS = 4.0


def raz(points, scores):
    return ops.point_nms(points, scores, RADIUS).numpy()


def scipy(points, scores):
    """Suppress greedily over the pairs within the radius, by the fastest settings found.

    They are an unbalanced tree, pairs as an array, the pairs of a point as a range, and no step for
    a point without a worse neighbour.
    """
    order = np.argsort(-scores.numpy(), kind="stable")
    tree = cKDTree(points.numpy()[order], balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(RADIUS, output_type="ndarray")  # of ranks, the better first
    pairs = pairs[np.argsort(pairs[:, 0])]
    better, worse = pairs[:, 0], pairs[:, 1]
    begin = np.searchsorted(better, np.arange(len(order) + 1))
    heads = np.flatnonzero(np.diff(begin))
    kept = bytearray(b"\1") * len(order)
    worse, first, last = worse.tolist(), begin[heads].tolist(), begin[heads + 1].tolist()
    for rank, i, j in zip(heads.tolist(), first, last, strict=True):
        if kept[rank]:
            for other in worse[i:j]:
                kept[other] = 0
    return order[np.frombuffer(kept, dtype=bool)]


CONTENDERS = {"raz": raz, "scipy": scipy}


@pytest.mark.parametrize(
    "count", [10_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_point_nms(compare, contender, count):
    side = math.sqrt(count * math.pi * RADIUS**2 / NEIGHBOURS)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(count, 2, generator=generator) * side
    scores = torch.rand(count, generator=generator)
    keep = compare(
        CONTENDERS[contender],
        points,
        scores,
        op="point_nms",
        size=f"{count:,} points",
        note="allocated",
        bytes=count * (12 + 8),
        target=None if contender == "raz" else 20,
        rounds=3 if contender == "scipy" else 15,
    )
    if count <= 10_000:
        np.testing.assert_array_equal(keep, scipy(points, scores))
