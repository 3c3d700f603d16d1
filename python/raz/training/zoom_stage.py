"""The zoom stage trains the net on regions that it proposes itself, enlarged twice (ours).

The paper trains Main Net and RAZ Net with shared weights and says little about how (Liu et al.,
CVPR 2019). Here each step runs one pass over the crops, then one pass over windows of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from raz import ops
from raz.losses import STRIDE, LossWeights, raznet_losses, target_maps
from raz.models.raznet import RAZNet
from raz.zoom.coordinates import Box, CropGeometry, clip_box, window_of_size
from raz.zoom.passes import ENLARGEMENT
from raz.zoom.proposals import InsideRegion, propose

CONTEXT = 16
"""Pixels of the crop between a window's edge and the cells that count in it (ours).

This is half of the context that zooming gives a region, and twice the distance that a head outside
reaches into the attention target.
"""

_CERTAIN = 100.0
"""A logit whose probability is 0 or 1 in float32."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Enlarged windows of a batch of crops, all of one size.

    Attributes:
        images: float [K, 3, h, w].
        points: float64 [N, 2] each, in the window's pixels: all heads of the crop, also those
            beyond the window, which are neighbours of those inside.
        inside: bool [K, ceil(h / stride), ceil(w / stride)], the cells in the region.
    """

    images: Tensor
    points: list[Tensor]
    inside: Tensor


def zoom_losses(
    model: RAZNet,
    images: Tensor,
    targets: Sequence[Mapping[str, Tensor]],
    weights: LossWeights,
    *,
    max_regions: int,
    seed: int,
) -> dict[str, Tensor]:
    """Compute the losses of the plain pass, and of the net on the regions that it proposes.

    Regions are proposed on the mean of the net's own attention map (detached) and the target's.
    While the own map is uniform, the target ranks the regions. Where the own map is wrong, it still
    proposes the region, as it would in prediction. As it learns, the mean becomes the own map. No
    schedule is needed.

    Every region is seen through a window with half the crop's sides, enlarged exactly twice, so all
    windows form one batch of the crops' size. A cell counts if it lies in the region, and at least
    `CONTEXT` pixels from every edge of the window that is not an edge of the crop. Windows have
    localization and attention losses and no counting loss: RAZ Net does not count.

    Both passes update the running statistics of normalisation layers in training mode. A process
    without a proposed region skips the second pass, so synchronised normalisation would wait for it
    for ever: it must be frozen or local.

    The targets of crops and windows are computed here and again by `raznet_losses`. One copy to the
    CPU waits for the device: that of the attention maps.

    Args:
        model: in training mode; may run under autocast.
        images: [B, 3, H, W], float RGB in [0, 1].
        targets: one mapping per image with ``"points"``, float [N, 2], (x, y) in pixels.
        weights: of the terms of `raznet_losses`.
        max_regions: largest number of regions per image, at least 0.
        seed: of the anchors' centres; each step should have its own, to show other regions.

    Returns:
        The terms of `raznet_losses`, ``"zoom_localization"`` and ``"zoom_attention"``. The latter
        two are summed over the regions of an image and averaged over the images, as the plain terms
        are, so a head in a window has the weight of a head in a crop. They are zero where no region
        is proposed.

    Raises:
        ValueError: ``max_regions`` is negative, or targets do not fit the images.
    """
    if max_regions < 0:
        raise ValueError(f"max_regions is {max_regions}; it must be at least 0")
    if len(targets) != len(images):
        raise ValueError(f"targets has {len(targets)} entries; it must have {len(images)}")
    size = (images.shape[-2], images.shape[-1])
    outputs = model(images)
    losses = raznet_losses(outputs, targets, size, weights)
    points = [target["points"].cpu() for target in targets]
    wanted = target_maps(points, size, weights.sigma)["attention"]
    attention = (outputs["attention"].detach().float().cpu() + wanted) / 2
    windows = cut_windows(
        images,
        points,
        attention,
        stride=model.stride,
        threshold=model.operating_point.region_threshold,
        max_regions=max_regions,
        seed=seed,
    )
    if windows is None:
        zero = losses["localization"].new_zeros(())
        return losses | {"zoom_localization": zero, "zoom_attention": zero}
    zoomed = _losses_inside(model(windows.images), windows, weights)
    share = len(windows.points) / len(images)
    return losses | {f"zoom_{name}": zoomed[name] * share for name in ("localization", "attention")}


def cut_windows(
    images: Tensor,
    points: Sequence[Tensor],
    attention: Tensor,
    *,
    stride: int,
    threshold: float,
    max_regions: int,
    seed: int,
) -> Windows | None:
    """Enlarge a window around each proposed region; return None where there is none.

    Args:
        images: float [B, 3, H, W].
        points: [N, 2] each, in pixels of the images.
        attention: [B, ceil(H / stride), ceil(W / stride)] on the CPU; proposes the regions.
        stride: pixels per cell.
        threshold: least mean attention of a region.
        max_regions: largest number of regions per image.
        seed: of the anchors' centres.
    """
    height, width = images.shape[-2:]
    whole = CropGeometry(0, 0, width, height)
    half = max(1, width // ENLARGEMENT), max(1, height // ENLARGEMENT)
    found: list[tuple[int, CropGeometry, Box]] = []
    for index, seen in enumerate(attention):
        where = InsideRegion.of_pass(seen, whole, whole.box, stride)
        for proposal in propose(where, threshold, max_regions, seed):
            frame = window_of_size(proposal.box, half, (width, height), ENLARGEMENT)
            found.append((index, frame, clip_box(proposal.box, _without_context(frame, whole))))
    if not found:
        return None
    device = images.device
    boxes = torch.tensor([frame.box for _, frame, _ in found], dtype=torch.float32).to(device)
    batch = torch.tensor([index for index, _, _ in found]).to(device)
    return Windows(
        images=ops.crop_and_resize(images.detach(), boxes, batch, found[0][1].size),
        points=[frame.points_from_image(points[index]) for index, frame, _ in found],
        inside=torch.stack([_cells(frame, box, stride) for _, frame, box in found]).to(device),
    )


def _without_context(frame: CropGeometry, whole: CropGeometry) -> Box:
    """Return a window without its context, which it does not need at the image's own edges."""
    x1, y1, x2, y2 = frame.box
    return (
        x1 + CONTEXT * (x1 > 0),
        y1 + CONTEXT * (y1 > 0),
        x2 - CONTEXT * (x2 < whole.width),
        y2 - CONTEXT * (y2 < whole.height),
    )


def _cells(frame: CropGeometry, box: Box, stride: int) -> Tensor:
    """Return which cells of the window's map lie wholly in a box of the image, bool."""
    rows, columns = (-(-length // stride) for length in frame.size)
    inside = torch.zeros((rows, columns), dtype=torch.bool)
    column1, row1, column2, row2 = frame.cells_inside(box, stride)
    inside[max(row1, 0) : max(row2, 0), max(column1, 0) : max(column2, 0)] = True
    return inside


def _losses_inside(
    outputs: Mapping[str, Tensor], windows: Windows, weights: LossWeights
) -> dict[str, Tensor]:
    """Compute `raznet_losses` of the cells inside.

    Outside, the outputs are replaced by the targets. There is no gradient then, whatever terms the
    weights ask for, and no loss in every term that is 0 at its target. The density is replaced as a
    whole.
    """
    size = (windows.images.shape[-2], windows.images.shape[-1])
    wanted = target_maps(windows.points, size, weights.sigma, windows.images.device)
    pixels = windows.inside.repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)
    pixels = pixels[:, : size[0], : size[1]]
    inside = {
        **outputs,
        "localization": torch.where(
            pixels, outputs["localization"].float(), (2 * wanted["localization"] - 1) * _CERTAIN
        ),
        "attention": torch.where(windows.inside, outputs["attention"].float(), wanted["attention"]),
        "density": wanted["density"],
    }
    targets = [{"points": p} for p in windows.points]
    return raznet_losses(inside, targets, size, weights)
