"""Stand-in for raz.ops.match_points and raz.ops.count_matches."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt


def match_points(pred: Any, truth: Any, radius: Any, *, order: str = "any") -> Any:
    sys.setrecursionlimit(5000)
    pred, truth = np.asarray(pred, float).reshape(-1, 2), np.asarray(truth, float).reshape(-1, 2)
    radius = np.broadcast_to(np.asarray(radius, float), (len(truth),))
    d2 = ((pred[:, None] - truth[None]) ** 2).sum(2)
    ok = d2 <= radius[None] ** 2
    adjacency = [np.flatnonzero(row).tolist() for row in ok]
    owner = [-1] * len(truth)

    def find(u: int, seen: set[int]) -> bool:
        for v in adjacency[u]:
            if v not in seen:
                seen.add(v)
                if owner[v] < 0 or find(owner[v], seen):
                    owner[v] = u
                    return True
        return False

    for u in range(len(pred)):
        find(u, set())
    taken = [(u, v) for v, u in enumerate(owner) if u >= 0]
    taken.sort()
    return tuple(np.array(taken, dtype=np.int64).reshape(-1, 2).T)


def count_matches(pred: Any, truth: Any, radii: Any) -> npt.NDArray[np.int64]:
    return np.array([len(match_points(pred, truth, r)[0]) for r in radii], dtype=np.int64)
