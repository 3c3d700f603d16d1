"""Protocols that let predictions choose their heads one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raz.metrics.arguments import Floats, Integers
from raz.neighbours import Pairs

Flags = npt.NDArray[np.bool_]


def descending(scores: Floats) -> Integers:
    """Indices by descending score; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def greedy_hits(
    order: Integers, heads: int, pairs: Pairs, preference: Floats, allowed: Flags
) -> Flags:
    """Which predictions of an image take a head, for several rules at once: bool [N, K].

    In the given order each prediction takes, of the free heads that a rule allows it, the one of
    lowest ``preference``; equal ones go to the lower head index. A taken head is not free.

    Args:
        order: [N], the predictions' indices in the order of their turns.
        heads: number of heads.
        pairs: candidates, sorted by prediction. preference: [P] of each. allowed: [P, K].
    """
    hits = np.zeros((len(order), allowed.shape[1]), dtype=bool)
    free = np.ones((heads, allowed.shape[1]), dtype=bool)
    best_first = np.lexsort((pairs.head, preference, pairs.point))
    head, allowed = pairs.head[best_first], allowed[best_first]
    bounds = np.searchsorted(pairs.point[best_first], np.arange(len(order) + 1))
    for point in order[np.diff(bounds)[order] > 0].tolist():
        mine = slice(bounds[point], bounds[point + 1])
        open_to_it = free[head[mine]] & allowed[mine]
        hit = open_to_it.any(axis=0)
        chosen = head[mine][open_to_it.argmax(axis=0)]
        free[chosen[hit], np.flatnonzero(hit)] = False
        hits[point] = hit
    return hits


def precision_recall(scores: Floats, hits: Flags, heads: int) -> tuple[Floats, Floats]:
    """Precision and recall after each prediction by descending score: two [N, K].

    Precision is made monotone: at each place the highest at that recall or beyond.
    """
    matched = np.cumsum(hits[descending(scores)], axis=0, dtype=np.int64)
    precision = matched / np.arange(1, len(hits) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    return precision, matched / heads
