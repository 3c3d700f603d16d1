"""Target maps for given heads, made by the operators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import torch
from torch import Tensor

from raz import ops

STRIDE = 8
CROSS_PIXELS = 5
"""Pixels that one head marks in the point map."""

MAPS = ("localization", "density", "attention", "heat", "dots")


def target_maps(
    points: Sequence[Tensor],
    size: tuple[int, int],
    sigma: float | Literal["adaptive"] = 8.0,
    device: torch.device | str = "cpu",
    *,
    names: Collection[str] = ("localization", "density", "attention"),
    heat_sigma: float = 2.0,
) -> dict[str, Tensor]:
    """Make the target maps of images with heads at ``points``.

    Args:
        points: one tensor [N, 2] per image, (x, y) in pixels.
        size: (H, W) of the images in pixels.
        sigma: of the density's Gaussians in pixels, or "adaptive".
        device: of the maps.
        names: which maps to make.
        heat_sigma: of the heat map's Gaussians in pixels.

    Returns:
        float32. Of size [B, H, W]: ``"localization"``, 1 on marked pixels, else 0; ``"heat"``, see
        :func:`heat_map`. Of size [B, ceil(H/8), ceil(W/8)]: ``"density"``, persons per cell, and
        ``"dots"``, heads per cell, see :func:`cell_counts`; ``"attention"``, in [0, 1].

    Raises:
        ValueError: there is no image, the points of one are not [N, 2], or a name is unknown.

    Example:
        >>> import torch
        >>> maps = target_maps([torch.tensor([[20.0, 12.0]])], (32, 40))
        >>> {name: tuple(each.shape) for name, each in maps.items()}
        {'localization': (1, 32, 40), 'density': (1, 4, 5), 'attention': (1, 4, 5)}
    """
    for name in names:
        if name not in MAPS:
            raise ValueError(f"names holds {name!r}; it must be one of {', '.join(MAPS)}")
    together, batch = join_points(points, device)
    images = len(points)
    makers = {
        "localization": lambda: ops.point_map(together, size, batch=batch, batch_size=images),
        "density": lambda: ops.density_map(
            together, size, sigma=sigma, stride=STRIDE, batch=batch, batch_size=images
        ),
        "attention": lambda: ops.attention_map(
            together, size, stride=STRIDE, batch=batch, batch_size=images
        ),
        "heat": lambda: heat_map(together, size, batch, images, sigma=heat_sigma),
        "dots": lambda: cell_counts(together, size, batch, images),
    }
    return {name: makers[name]() for name in MAPS if name in names}


def join_points(
    points: Sequence[Tensor], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return the points of all images as float32 [N, 2] and the image of each, int64 [N].

    Raises:
        ValueError: there is no image, or the points of one are not [N, 2].
    """
    if len(points) == 0:
        raise ValueError("points is empty; it must hold one tensor [N, 2] per image")
    for index, p in enumerate(points):
        if p.ndim != 2 or p.shape[1] != 2:
            raise ValueError(f"points[{index}] has shape {list(p.shape)}; it must be [N, 2]")
    together = torch.cat([p.float() for p in points]).to(device)
    lengths = torch.tensor([len(p) for p in points])
    return together, torch.repeat_interleave(torch.arange(len(points)), lengths).to(device)


def inside(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Tell which heads [N, 2] lie in an image of ``size``, its edges included: bool [N]."""
    return ((points >= 0) & (points <= points.new_tensor([size[1], size[0]]))).all(1)


def heat_map(
    points: Tensor, size: tuple[int, int], batch: Tensor, batch_size: int, *, sigma: float = 2.0
) -> Tensor:
    """Draw Gaussians of peak 1 at the pixels of the heads, combined by maximum.

    As in CenterNet (Zhou et al., 2019), but of one size for all heads. A head lies at the centre of
    its pixel (on the last edge, of the last pixel), so that the map is exactly 1 there.

    Args:
        points: [N, 2] in pixels. Heads outside the image give nothing.
        size: (H, W) in pixels.
        batch: image of every head, int64 [N].
        batch_size: number of images.
        sigma: pixels; the Gaussian ends at ceil(4 sigma) pixels.

    Returns:
        float32 [B, H, W] in [0, 1].

    Example:
        >>> import torch
        >>> heat = heat_map(torch.tensor([[2.5, 1.5]]), (3, 5), torch.tensor([0]), 1, sigma=1.0)
        >>> heat[0, 1]
        tensor([0.1353, 0.6065, 1.0000, 0.6065, 0.1353])
    """
    edges = points.new_tensor([size[1], size[0]])
    centres = torch.where(points == edges, edges - 0.5, points.floor() + 0.5)
    return ops.attention_map(
        centres, size, stride=1, sigma=sigma, neighbours=0, batch=batch, batch_size=batch_size
    )


def cell_counts(points: Tensor, size: tuple[int, int], batch: Tensor, batch_size: int) -> Tensor:
    """Count the heads in each cell of 8 x 8 pixels.

    Args:
        points: [N, 2] in pixels. Heads outside the image are not counted, those on its last edge
            belong to the last cell.
        size: (H, W) in pixels.
        batch: image of every head, int64 [N].
        batch_size: number of images.

    Returns:
        float32 [B, ceil(H/8), ceil(W/8)], persons.

    Example:
        >>> import torch
        >>> points = torch.tensor([[1.0, 1.0], [2.0, 3.0], [12.0, 1.0]])
        >>> cell_counts(points, (8, 16), torch.zeros(3, dtype=torch.int64), 1)
        tensor([[[2., 1.]]])
    """
    rows, columns = -(-size[0] // STRIDE), -(-size[1] // STRIDE)
    counted = inside(points, size)
    cell = (torch.where(counted[:, None], points, 0.0) / STRIDE).long()
    row, column = cell[:, 1].clamp(max=rows - 1), cell[:, 0].clamp(max=columns - 1)
    counts = torch.zeros(batch_size * rows * columns, device=points.device)
    counts.index_add_(0, (batch * rows + row) * columns + column, counted.float())
    return counts.view(batch_size, rows, columns)
