"""Fusion of the density map and the located points into one count (Liu et al., CVPR 2019, eq. 4).

The image is divided into 4 x 4 cells. Where a cell is crowded the density map is trusted, elsewhere
the mean of the density's and the points' count:

    fused = density                  where (density + points) / 2 >= theta
            (density + points) / 2   elsewhere

The threshold theta, in persons per cell, is not printed in the paper: it is calibrated on
validation data and stored with the weights (ours).
"""

from __future__ import annotations

import torch
from torch import Tensor

GRID = 4
"""Cells along each side of the image (Liu et al., CVPR 2019, eq. 4)."""


def cell_counts(
    density: Tensor, points: Tensor, image_size: tuple[int, int], stride: int = 8
) -> tuple[Tensor, Tensor]:
    """Count by density and by points in the 4 x 4 cells with edges i W / 4 and i H / 4.

    The density is integrated exactly, as a piecewise constant function. Cells of its last row and
    column that extend beyond the image end at its edge and keep all their mass, so the sixteen
    cells sum to the map. A point belongs to the cell with x1 <= x < x2 and
    y1 <= y < y2, the image's last edges included; points outside the image belong to none.

    To sweep theta over many images, stack these results and call `fuse_cells`.

    Args:
        density: [h, w], persons per map cell, h = ceil(H / stride), w = ceil(W / stride).
        points: [N, 2], (x, y) in pixels of the image.
        image_size: (W, H) of the image, like ``Result.image_size``.
        stride: image pixels per map cell.

    Returns:
        Persons per cell by the density and by the points: two float64 tensors [4, 4], rows first.

    Raises:
        ValueError: a shape does not fit.

    Example:
        >>> density = torch.full((4, 4), 0.5)
        >>> by_density, by_points = cell_counts(density, torch.tensor([[1.0, 1.0]]), (32, 32))
        >>> by_density.sum(), by_points[0, 0]
        (tensor(8., dtype=torch.float64), tensor(1., dtype=torch.float64))
    """
    width, height = image_size
    expected = (-(-height // stride), -(-width // stride))
    if tuple(density.shape) != expected:
        raise ValueError(
            f"density has shape {tuple(density.shape)}; it must be {expected} for image_size "
            f"{(width, height)} (w, h) and stride {stride}"
        )
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points has shape {tuple(points.shape)}; it must be [N, 2]")
    return (
        density_cells(density.detach().cpu(), image_size, stride),
        point_cells(points.detach().cpu(), image_size),
    )


def density_cells(density: Tensor, image_size: tuple[int, int], stride: int = 8) -> Tensor:
    """The density's half of `cell_counts`, for maps [..., h, w] on any device: [..., 4, 4]."""
    width, height = image_size
    rows = _overlap(height, density.shape[-2], stride, density.device)
    columns = _overlap(width, density.shape[-1], stride, density.device)
    return rows @ density.to(torch.float64) @ columns.T


def point_cells(points: Tensor, image_size: tuple[int, int]) -> Tensor:
    """The points' half of `cell_counts`, for points [..., N, 2] on any device: [..., 4, 4]."""
    width, height = image_size
    return in_cells(points[..., 1], height).mT @ in_cells(points[..., 0], width)


def in_cells(positions: Tensor, length: int) -> Tensor:
    """Which of the four intervals of [0, length] holds each position: float64 [..., 4], 0 or 1."""
    edges = _edges(length, positions.device)
    positions = positions.to(torch.float64)[..., None]
    last = (positions == length) & (torch.arange(1, GRID + 1, device=positions.device) == GRID)
    return ((edges[:-1] <= positions) & (positions < edges[1:]) | last).to(torch.float64)


def fuse_cells(density_cells: Tensor, point_cells: Tensor, theta: float) -> Tensor:
    """Fuse the counts of cells (eq. 4) and sum them over the image.

    Args:
        density_cells: [..., 4, 4], persons per cell by the density.
        point_cells: [..., 4, 4], persons per cell by the points.
        theta: persons per cell above which the density alone counts; infinity gives the average.

    Returns:
        [...], the counts; not clamped, a density may be slightly negative.

    Example:
        >>> by_density = torch.full((4, 4), 3.0, dtype=torch.float64)
        >>> by_points = torch.full((4, 4), 1.0, dtype=torch.float64)
        >>> fuse_cells(by_density, by_points, 4.0), fuse_cells(by_density, by_points, 0.0)
        (tensor(32., dtype=torch.float64), tensor(48., dtype=torch.float64))
    """
    mean = (density_cells + point_cells) / 2
    return torch.where(mean >= theta, density_cells, mean).sum(dim=(-2, -1))


def fuse_counts(
    density: Tensor,
    points: Tensor,
    image_size: tuple[int, int],
    theta: float,
    stride: int = 8,
) -> float:
    """Count persons in an image by fusing density and points (Liu et al., CVPR 2019, eq. 4).

    Args:
        density: [h, w], persons per map cell.
        points: [N, 2], (x, y) in pixels of the image, after zooming.
        image_size: (W, H) of the image, like ``Result.image_size``.
        theta: fusion threshold in persons per cell of the 4 x 4 grid.
        stride: image pixels per map cell.

    Returns:
        The fused count in persons, not clamped: slightly negative where the density is.

    Raises:
        ValueError: a shape does not fit (see `cell_counts`).

    Example:
        >>> fuse_counts(torch.full((4, 4), 0.5), torch.tensor([[1.0, 1.0]]), (32, 32), 4.0)
        4.5
    """
    return float(fuse_cells(*cell_counts(density, points, image_size, stride), theta))


def average_counts(density: Tensor, points: Tensor) -> float:
    """Average the two counts, as the *average* of the paper's tables.

    Args:
        density: [h, w], persons per cell.
        points: [N, 2].

    Returns:
        Persons, not clamped. The same as `fuse_counts` with an infinite threshold, where no point
        lies outside the image.

    Example:
        >>> average_counts(torch.full((4, 4), 0.5), torch.tensor([[1.0, 1.0]]))
        4.5
    """
    return (float(density.sum(dtype=torch.float64)) + points.shape[0]) / 2


def _edges(length: int, device: torch.device) -> Tensor:
    return torch.arange(GRID + 1, dtype=torch.float64, device=device) * length / GRID


def _overlap(length: int, cells: int, stride: int, device: torch.device) -> Tensor:
    """Share of each map cell that lies in each of the grid's intervals: float64 [GRID, cells]."""
    start = torch.arange(cells, dtype=torch.float64, device=device) * stride
    end = (start + stride).clamp(max=length)
    edges = _edges(length, device)[:, None]
    shared = torch.minimum(end, edges[1:]) - torch.maximum(start, edges[:-1])
    return shared.clamp(min=0) / (end - start)
