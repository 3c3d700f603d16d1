"""One zoom round as a single graph: every size is known before the images are.

`raz.zoom.count_and_locate` groups regions by size, which depends on the data. Here every region is
seen through a window of one size, so the whole step can be compiled, exported or captured.
"""

from __future__ import annotations

import torch
from torch import Tensor

from raz import ops
from raz.density import calibrated_density, points_that_stay
from raz.network import Network, unwrapped

from .coordinates import raster_order
from .fusion import density_cells, fuse_cells, point_cells
from .inference import placement
from .merging import owners
from .passes import ENLARGEMENT
from .resampling import DensityMap, cell_edges, density_change, piece_edges

__all__ = ["fixed_step"]


def fixed_step(
    model: Network,
    images: Tensor,
    *,
    window: tuple[int, int],
    max_points: int = 1024,
    max_regions: int = 10,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Count and locate the persons of a batch at depth 2, with outputs of fixed sizes.

    Each region is seen through a window of ``window`` pixels, centred on it, shifted into the image
    and enlarged exactly 2x. Points and density outside the region are dropped, so the rest of the
    window is context. Of a region larger than the window, only the part in the window is replaced;
    the first pass's points and density are kept elsewhere. (Regions, replacement and fusion: Liu et
    al., CVPR 2019; the fixed window and the density's replacement are ours.) Without a region the
    result is that of `raz.zoom.count_and_locate`. Heads at the seams of regions are left as
    replacement leaves them (`raz.zoom.resolve` at a seam of 0).

    Images and crops are converted to the floating type of the network.

    ``torch.compile(fixed_step, fullgraph=True)`` gives one graph. No size depends on data.

    Args:
        model: in evaluation mode; see `Network`.
        images: [B, 3, H, W] RGB, uint8 or float in [0, 1].
        window: (h, w) in pixels of the image, each at most the image's side.
        max_points: capacity of one pass; the highest scores are kept.
        max_regions: regions R of one image; all are run, even if fewer are proposed.
        seed: of the anchors' centres.

    Returns:
        A dict, with K = (1 + R) * ``max_points``:
        ``"points"`` float32 [B, K, 2], (x, y) in pixels, raster order, rows past the count -1;
        ``"scores"`` float32 [B, K], 0 there; ``"counts"`` int64 [B], points; ``"overflow"`` int64
        [B], peaks that did not fit into ``max_points``, over all passes; ``"count"`` float64 [B],
        the fused count, at least 0; ``"density"`` float32 [B, h, w],
        after zooming; ``"regions"`` float32 [B, R, 4], the boxes replaced, in pixels, descending
        score, rows of no region empty.

    Raises:
        TypeError: ``images`` is neither uint8 nor floating point.
        ValueError: a shape or a number is out of range.

    Example:
        >>> import raz
        >>> model = raz.get_model("raznet_lite")
        >>> with torch.no_grad():
        ...     found = fixed_step(model, torch.zeros(1, 3, 64, 64), window=(32, 32), max_points=8)
        >>> found["points"].shape, found["counts"]
        (torch.Size([1, 88, 2]), tensor([0]))
    """
    _check(images, window, max_points, max_regions)
    batch, _, height, width = images.shape
    image_size = (width, height)
    model = unwrapped(model, "operating_point", "stride", keep_compiled=True)
    point = model.operating_point
    pixels = images.float() / 255 if images.dtype == torch.uint8 else images
    _, dtype = placement(model, images)

    maps = model(pixels.to(dtype))
    density = calibrated_density(maps["density"].float(), point, 1)
    located, scores, valid, overflow = _peaks(model, maps, 1, max_points)
    cells, _, _ = ops.propose_regions(
        maps["attention"].float(),
        score_threshold=point.region_threshold,
        max_regions=max_regions,
        seed=seed,
    )
    x1, y1, x2, y2 = (cells * model.stride).unbind(-1)  # cells may stick out of the image
    regions = torch.stack(
        (x1.clamp(max=width), y1.clamp(max=height), x2.clamp(max=width), y2.clamp(max=height)), -1
    )
    windows = windows_of_size(regions, window, image_size)
    regions = torch.cat(
        (
            torch.maximum(regions[..., :2], windows[..., :2]),
            torch.minimum(regions[..., 2:], windows[..., 2:]),
        ),
        dim=-1,
    )
    if max_regions > 0:
        crops = ops.crop_and_resize(
            images,
            windows.flatten(0, 1),
            torch.arange(batch, device=images.device).repeat_interleave(max_regions),
            (ENLARGEMENT * window[0], ENLARGEMENT * window[1]),
        )
        enlarged = model(crops.to(dtype))
        zoomed = _peaks(model, enlarged, 2, max_points)
        corners = windows[..., :2].reshape(-1, 1, 2)
        located = _joined(located, zoomed[0] / ENLARGEMENT + corners)
        scores, valid = _joined(scores, zoomed[1]), _joined(valid, zoomed[2])
        overflow = overflow + zoomed[3].view(batch, max_regions).sum(1)
        inside = calibrated_density(enlarged["density"].float(), point, 2)
        density = _replaced(density, image_size, inside, windows, regions, model.stride)

    source = torch.arange(-1, max_regions, device=images.device).repeat_interleave(max_points)
    owner = owners(located, regions)
    kept = valid & (owner == torch.where(source < 0, max_regions, source))
    points, scores = _in_raster_order(located, scores, kept)
    fused = fuse_cells(
        density_cells(density, image_size, model.stride),
        point_cells(points, image_size),
        point.fusion_threshold,
    )
    return {
        "points": points,
        "scores": scores,
        "counts": kept.sum(1),
        "overflow": overflow,
        "count": fused.clamp(min=0.0),
        "density": density,
        "regions": regions,
    }


def windows_of_size(boxes: Tensor, size: tuple[int, int], image_size: tuple[int, int]) -> Tensor:
    """`raz.zoom.coordinates.window_of_size` for tensors.

    Args:
        boxes: [..., 4], edges in pixels.
        size: (h, w) of the windows in whole pixels.
        image_size: (w, h) of the image, at least the window's.

    Returns:
        [..., 4], edges of the windows, whole pixels.
    """
    x1, y1, x2, y2 = boxes.unbind(-1)
    height, width = size
    x = ((x1 + x2 - width) / 2).floor().clamp(0, image_size[0] - width)
    y = ((y1 + y2 - height) / 2).floor().clamp(0, image_size[1] - height)
    return torch.stack((x, y, x + width, y + height), dim=-1)


def _peaks(
    model: Network, maps: dict[str, Tensor], depth: int, max_points: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points [B, P, 2], scores [B, P], which rows hold one [B, P], and how many did not fit [B]."""
    point = model.operating_point
    heat = torch.sigmoid(maps["localization"].float())
    points, scores, counts = ops.find_peaks(
        heat, threshold=point.peak_threshold(depth), max_points=max_points
    )
    found = torch.arange(max_points, device=points.device) < counts[:, None]
    stay = points_that_stay(
        points,
        scores.masked_fill(~found, torch.nan),
        maps["density"].float(),
        point,
        depth,
        model.stride,
    )
    return points, scores, found & stay, (counts - max_points).clamp(min=0)


def _replaced(
    density: Tensor,
    image_size: tuple[int, int],
    zoomed: Tensor,
    windows: Tensor,
    regions: Tensor,
    stride: int,
) -> Tensor:
    """Put the density [B * R, h', w'] of the windows [B, R, 4] into that of the images [B, h, w].

    What `raz.zoom.resampling.replace_density` does, for all regions of a batch at once.
    """
    batch, count = windows.shape[:2]
    rows, columns = density.shape[-2:]
    device = density.device
    windows, regions = windows.double(), regions.double()
    width, height = image_size
    base = DensityMap(
        density.double()[:, None],
        cell_edges(columns, stride, 0, width, device),
        cell_edges(rows, stride, 0, height, device),
    )
    lines = [
        windows[..., axis, None]
        + torch.minimum(
            torch.arange(cells + 1, device=device) * (stride / ENLARGEMENT),
            (windows[..., axis + 2] - windows[..., axis])[..., None],
        )
        for axis, cells in ((0, zoomed.shape[-1]), (1, zoomed.shape[-2]))
    ]
    values = zoomed.double().reshape(batch, count, *zoomed.shape[-2:])
    inside = DensityMap(values, lines[0], lines[1])
    every = regions[:, None]
    x, y = piece_edges(base, inside, regions, every)
    changes = density_change(base, inside, every, x, y)
    return (base.values[:, 0] + changes.sum(1)).float()


def _joined(first: Tensor, zoomed: Tensor) -> Tensor:
    """Rows [B, P, ...] of the first pass, then those of its regions [B * R, P, ...]."""
    return torch.cat((first, zoomed.reshape(first.shape[0], -1, *first.shape[2:])), dim=1)


def _in_raster_order(points: Tensor, scores: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """The kept rows first and in order; -1 and score 0 in the others."""
    order = raster_order(points.masked_fill(~kept[..., None], torch.inf))
    points = points.masked_fill(~kept[..., None], -1.0)
    scores = scores.masked_fill(~kept, 0.0)
    return points.gather(1, order[..., None].expand(-1, -1, 2)), scores.gather(1, order)


def _check(images: Tensor, window: tuple[int, int], max_points: int, max_regions: int) -> None:
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}; they must be uint8 or floating point")
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; it must be [B, 3, H, W] with a pixel"
        )
    for name, side, length in zip("hw", window, images.shape[2:], strict=True):
        if not 1 <= side <= length:
            raise ValueError(
                f"window has {name} = {side} pixels; it must be in [1, {length}], within the image"
            )
    if max_points < 0:
        raise ValueError(f"max_points is {max_points}; it must be at least 0")
    if max_regions < 0:
        raise ValueError(f"max_regions is {max_regions}; it must be at least 0")
