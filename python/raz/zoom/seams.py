"""Heads at a seam, where the territory of one pass meets that of another (ours).

Two passes may place the same head a few pixels apart. If each finds it on its own side of a seam,
it counts twice; if each finds it on the other's side, it is lost. So two points of different passes
within `SEAM` pixels stand for one head; two points of one pass never do. Where three territories
meet, a head that each of three passes puts into the next one's territory is still lost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raz import ops

SEAM = 3.0
"""Pixels of the image, or of the proposing pass if that is reduced (ours): less than the 4 from
which a pass that is not enlarged tells two heads apart. On 50 held-out images of ShanghaiTech
`raznet_lite` (SHANGHAITECH_V1) gives 20,794 points without it; with it 27 go and 15 come back, each
of these with an annotated head within 8 px. F1 rises from 0.5893 to 0.5900 at 4 px, from 0.7255 to
0.7263 at 8 px. At 2 px: 17, 11, 0.5897 and 0.7260; at 4 px: 39, 15, 0.5900 and 0.7265."""

Mask = npt.NDArray[np.bool_]


def points_of_owners(
    points: Tensor, scores: Tensor, source: Tensor, owner: Tensor, *, seam: float = SEAM
) -> Tensor:
    """Choose among the points of several passes over one place.

    A point stays if its own pass owns its place. Then, of two points of different passes that stay
    within ``seam`` of each other, the one of the lower score is dropped, one for one. And where
    each of two passes found a head on the other's side within ``seam``, the one of the higher score
    is restored, unless another point stays within ``seam`` of it. Equal scores: the lower source.

    Args:
        points: [N, 2], (x, y) in pixels of the image, on the CPU.
        scores: [N].
        source: int64 [N], the pass that found each.
        owner: int64 [N], the pass that owns each's place.
        seam: pixels; 0 leaves it at the first rule.

    Returns:
        bool [N].
    """
    stays = (source == owner).numpy().copy()
    if seam > 0 and len(stays):
        places, rank = points.numpy(), scores.numpy()
        found_by, owned_by = source.numpy(), owner.numpy()
        _drop_duplicates(stays, places, rank, found_by, seam)
        _restore_lost(stays, places, rank, found_by, owned_by, seam)
    return torch.from_numpy(stays)


def _drop_duplicates(
    stays: Mask,
    points: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float32],
    source: npt.NDArray[np.int64],
    seam: float,
) -> None:
    # Points of different owners this near are at a seam: one lies between them.
    for later in np.unique(source)[1:]:
        first, second = _pairs(points, stays & (source < later), stays & (source == later), seam)
        stays[np.where(scores[first] >= scores[second], second, first)] = False


def _restore_lost(
    stays: Mask,
    points: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float32],
    source: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    seam: float,
) -> None:
    astray = source != owner
    exchanged = np.unique(np.stack([source[astray], owner[astray]], axis=1), axis=0)
    for lower, higher in exchanged[exchanged[:, 0] < exchanged[:, 1]]:
        first, second = _pairs(
            points,
            (source == lower) & (owner == higher),
            (source == higher) & (owner == lower),
            seam,
        )
        for index in np.where(scores[first] >= scores[second], first, second):
            near = ((points[stays] - points[index]) ** 2).sum(axis=1) <= seam**2
            stays[index] = not near.any()


def _pairs(
    points: npt.NDArray[np.float64], first: Mask, second: Mask, distance: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Match points of two masks one for one within a distance: two index arrays."""
    left, right = np.flatnonzero(first), np.flatnonzero(second)
    if not len(left) or not len(right):
        return left[:0], right[:0]
    i, j = ops.match_points(points[left], points[right], distance)
    return left[i], right[j]
