"""Corrections to what a network saw in one pass, by its density, before anything is counted.

`raz.models`, `raz.zoom` and `raz.export` share them. How dense a crowd stands tells a result how
far its count may be off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raz.operating_point import OperatingPoint

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "calibrated_density",
    "crowding",
    "local_density",
    "points_that_stay",
    "suppression_radius",
    "without_faint_cells",
]

NEIGHBOURHOOD = 17
"""Cells along each side of the square over which the local density is the mean (ours)."""

CROWDED = 0.125
"""Persons per cell from which people are many (ours): 8 in 64 x 64 pixels."""


def calibrated_density(density: Tensor, point: OperatingPoint, depth: int) -> Tensor:
    """Correct a density map by what was learnt on images kept out of training (ours).

    Faint cells fade out (`without_faint_cells`). Then a cell's persons are multiplied by
    ``factor * (1 + local / CROWDED) ** -decline``, where ``local`` is the cell's `local_density`
    and the two numbers belong to the depth. On unseen scenes a network counts too few people where
    they are few and too many where they are many; this is one function of the local density for
    all scenes. For a uniform crowd it increases with the density.

    Args:
        density: persons per cell, floating point [..., h, w]: the whole map of one pass.
        point: provides the threshold and the two numbers.
        depth: of the pass, counted from 1.

    Example:
        >>> import torch
        >>> sparse = torch.full((1, 4), 0.001)
        >>> calibrated_density(sparse, OperatingPoint(density_factors=(1.1,)), depth=1).sum()
        tensor(0.0044)
        >>> point = OperatingPoint(density_factors=(1.1,), density_declines=(0.5,))
        >>> calibrated_density(torch.full((1, 4), 3 * CROWDED), point, depth=1) / (3 * CROWDED)
        tensor([[0.5500, 0.5500, 0.5500, 0.5500]])
    """
    kept = without_faint_cells(density, point.density_threshold)
    factor, decline = point.density_correction(depth)
    if factor == 1 and decline == 0:
        return kept
    return kept * (factor * (1 + local_density(kept) / CROWDED) ** -decline)


def crowding(density: Tensor, shares: Tensor | None = None, *, times: int = 1) -> float:
    """Tell how dense the people of a map stand (ours).

    The `local_density` over `CROWDED` at their places: its mean over people, not over places.

    Args:
        density: persons per cell, floating point [h, w].
        shares: which share of each cell is looked at, [h, w], in [0, 1]; all by default. What is
            beside it still counts for the density around people.
        times: cells along each side of one of the network's: more than 1 where the image was seen
            reduced, since the map has the image's own resolution.

    Returns:
        at least 0, and 0 where nobody is; NaN where the density around people is.

    Example:
        >>> import torch
        >>> crowding(torch.full((4, 4), 3 * CROWDED)), crowding(torch.zeros(4, 4))
        (3.0, 0.0)
    """
    people = density.clamp(min=0)
    if shares is not None:
        people = (people * shares).where(shares > 0, 0)  # a NaN elsewhere is not looked at
    where = people != 0
    weights, local = people[where].double(), local_density(density, times=times)[where].double()
    if not len(weights):
        return 0.0
    return float((weights * local).sum() / weights.sum()) / CROWDED


def local_density(density: Tensor, *, times: int = 1) -> Tensor:
    """Average a density map over the neighbourhood of each cell (ours).

    The mean over `NEIGHBOURHOOD` x `NEIGHBOURHOOD` cells, those outside the map left out.

    Args:
        density: persons per cell, floating point [..., h, w].
        times: cells along each side of one of the network's, see `crowding`: the mean is over the
            network's cells.

    Returns:
        the same shape, at least 0.

    Example:
        >>> import torch
        >>> local_density(torch.tensor([[0.0, 1.0, 2.0]]))
        tensor([[1., 1., 1.]])
        >>> local_density(torch.tensor([[0.0, 1.0, 2.0]]), times=3)
        tensor([[3., 3., 3.]])
    """
    import torch.nn.functional as F

    half = NEIGHBOURHOOD // 2
    rows, columns = density.shape[-2:]
    maps = density.reshape(-1, 1, rows, columns)
    if times > 1:  # the network's cells; the last ones may stick out of the image
        maps = F.pad(maps, (0, -columns % times, 0, -rows % times))
        maps = F.avg_pool2d(maps, times) * times**2
    for kernel, padding in (((NEIGHBOURHOOD, 1), (half, 0)), ((1, NEIGHBOURHOOD), (0, half))):
        maps = F.avg_pool2d(maps, kernel, stride=1, padding=padding, count_include_pad=False)
    if times > 1:
        maps = maps.repeat_interleave(times, -2).repeat_interleave(times, -1)
        maps = maps[..., :rows, :columns]
    return maps.reshape(density.shape).clamp(min=0)


def suppression_radius(density: Tensor, point: OperatingPoint, depth: int, stride: int) -> Tensor:
    """Tell within which radius a better point suppresses one in each cell (ours).

    A share of the local spacing of heads, at most so many pixels, both by depth. Heads of the local
    density on a square grid are ``stride / sqrt(local)`` pixels apart. The density tells it, not
    the neighbouring points, so dropping points of low score changes nothing for the others.

    Args:
        density: persons per cell, floating point [..., h, w]: the whole map of one pass.
        point: provides ``nms_spacings``, ``nms_radii`` and the threshold of faint cells.
        depth: of the pass, counted from 1.
        stride: pixels per cell.

    Returns:
        pixels of the pass, the same shape.

    Example:
        >>> import torch
        >>> point = OperatingPoint(nms_spacings=(0.5,), nms_radii=(10,))
        >>> suppression_radius(torch.tensor([[0.25, 0.25]]), point, 1, stride=8)
        tensor([[8., 8.]])
        >>> suppression_radius(torch.tensor([[0.0]]), point, 1, stride=8)
        tensor([[10.]])
    """
    local = local_density(without_faint_cells(density, point.density_threshold))
    # Below this density the spacing exceeds every radius; infinity times 0 would be NaN.
    spacing = stride * local.clamp(min=1e-12) ** -0.5
    share, most = point.suppression(depth)
    return (share * spacing).clamp(max=most)


def points_that_stay(
    points: Tensor,
    scores: Tensor,
    density: Tensor,
    point: OperatingPoint,
    depth: int,
    stride: int,
) -> Tensor:
    """Tell which points of a pass no better point of the same pass suppresses.

    Greedy by score within each point's own `suppression_radius` (`raz.ops.point_nms`). The paper's
    pipeline suppresses points, too (Liu et al., CVPR 2019); the radius is ours.

    Args:
        points: [..., N, 2], (x, y) in pixels of the pass, inside its map.
        scores: [..., N]; a point whose score is NaN is none.
        density: persons per cell, [..., h, w]: the whole map of the pass.
        point: provides the radius.
        depth: of the pass, counted from 1.
        stride: pixels per cell.

    Returns:
        bool [..., N].

    Example:
        >>> import torch
        >>> points = torch.tensor([[2.0, 2.0], [6.0, 2.0], [14.0, 2.0]])
        >>> scores = torch.tensor([0.5, 0.9, 0.7])
        >>> density = torch.tensor([[0.25, 0.25]])
        >>> point = OperatingPoint(nms_spacings=(0.3,))
        >>> points_that_stay(points, scores, density, point, depth=1, stride=8)
        tensor([False,  True,  True])
    """
    import torch

    from raz import ops

    share, most = point.suppression(depth)
    if share == 0:
        return ~scores.isnan()
    rows, columns = density.shape[-2:]
    column, row = (points / stride).long().unbind(-1)
    cell = row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1)
    radii = suppression_radius(density, point, depth, stride).flatten(-2).gather(-1, cell)
    image = torch.arange(scores[..., 0:1].numel(), device=scores.device)
    stays = ops.point_nms_mask(
        points.flatten(0, -2),
        scores.flatten(),
        most,
        batch=image.repeat_interleave(scores.shape[-1]),
        radii=radii.flatten(),
    )
    return stays.reshape(scores.shape)


def without_faint_cells(density: Tensor, threshold: float) -> Tensor:
    """Fade out the cells of a density map that hold almost nobody (ours).

    A network puts a small density on every cell, which adds up to whole persons in empty scenes. A
    cell keeps min(1, max(0, 2 |d| / threshold - 1)) of its density d: all of it from the threshold
    upwards, none below half of it. There is no jump, so rounding cannot turn a cell on or off.

    Args:
        density: persons per cell, any shape.
        threshold: persons per cell, at least 0; below 1e-12 ``density`` itself is returned.

    Example:
        >>> import torch
        >>> without_faint_cells(torch.tensor([0.1, 0.3, 0.5]), 0.4)
        tensor([0.0000, 0.1500, 0.5000])
    """
    if threshold < 1e-12:  # 2 / threshold would be infinite in float32
        return density
    return density * (density.abs() * (2 / threshold) - 1).clamp(0, 1)
