"""A network and the decoding of its maps, in operations that every runtime has."""

from __future__ import annotations

import copy
import json

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.density import calibrated_density, suppression_radius
from raz.models.layers import fold_norms
from raz.models.raznet import RAZNet
from raz.network import unwrapped
from raz.zoom.fusion import density_cells, fuse_cells, in_cells

__all__ = ["OUTPUTS", "ReadNetwork", "metadata"]

NUMBERS = ("stride", "receptive_field", "bytes_per_pixel")
"""Attributes of a net that its exported file holds, beside those that weights files hold."""

ROUNDS = 16
"""Rounds of suppression; photographs of crowds need about five."""

MAPS = {"localization": "localization", "density": "raw_density", "attention": "attention"}
"""The maps of :class:`raz.network.Network`, and the outputs of an exported file that hold them."""

OUTPUTS = (
    *("points", "scores", "image", "count", "density", "attention"),
    *("localization", "raw_density"),
)
"""Names of the outputs of an exported file, in order."""


class ReadNetwork(nn.Module):
    """Does what ``raz.predict(depth=1)`` does once the pixels are read: no zoom.

    Only operations of torch and of ONNX's default domain are used, so an exported file needs
    neither raz nor its native module.

    A peak is defined as in :func:`raz.ops.find_peaks`, except for plateaus of equal smoothed
    values: there, a pixel is a peak if no neighbour exceeds it and no neighbour before it in raster
    order equals it. That gives one point for two or four touching pixels, and may give several for
    larger shapes (ours). Smoothed values are summed in another order than in find_peaks, so scores
    differ in their last bits. Suppression is that of :func:`raz.ops.point_nms`, settled in `ROUNDS`
    rounds: exact unless more than that many points in a row wait for one another.

    Args:
        model: The net; its copy here has the normalisations folded into the convolutions.

    Example:
        >>> import raz
        >>> network = ReadNetwork(raz.get_model("raznet_lite"))
        >>> with torch.no_grad():
        ...     outputs = dict(zip(OUTPUTS, network(torch.zeros(1, 3, 64, 64)), strict=True))
        >>> outputs["points"].shape, outputs["count"].shape
        (torch.Size([0, 2]), torch.Size([1]))
    """

    def __init__(self, model: RAZNet) -> None:
        super().__init__()
        model = unwrapped(model, "maps", "operating_point")
        self.network = copy.deepcopy(model).eval().requires_grad_(False)
        fold_norms(self.network)
        self.point = model.operating_point

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Count and locate the persons of a batch.

        Args:
            images: [B, 3, H, W], float RGB in [0, 1], at least 9 pixels a side.

        Returns:
            ``OUTPUTS``: ``points`` float32 [N, 2], (x, y) in pixels, of all images, each in raster
            order, none suppressed; ``scores`` [N], in [0, 1]; ``image`` int64 [N], the point's
            image in the batch; ``count`` float32 [B], persons, density and points fused (Liu et
            al., CVPR 2019, eq. 4), at least 0; ``density`` [B, ceil(H/8), ceil(W/8)], persons per
            cell, corrected; ``attention``, of the same shape, in [0, 1]. Last what zooming needs,
            as the net gives it: ``localization`` [B, H, W], logits, and ``raw_density``, like
            ``density`` but not corrected.
        """
        maps = self.network.maps(images)
        heat = torch.sigmoid(maps["localization"].float())[:, None]
        smoothed = F.avg_pool2d(heat, 3, stride=1, padding=1, count_include_pad=False)[:, 0]
        density = maps["density"].float()
        peaks = _peaks(smoothed, self.point.peak_threshold(1))
        if self.point.suppression(1)[0] > 0:
            peaks = self._unsuppressed(peaks, smoothed, density)
        image, row, column = peaks.nonzero().unbind(1)
        raw, density = density, calibrated_density(density, self.point, 1)
        return (
            torch.stack((column, row), 1).float() + 0.5,
            smoothed[image, row, column],
            image,
            self._count(density, peaks),
            density,
            maps["attention"],
            maps["localization"],
            raw,
        )

    def _unsuppressed(self, peaks: Tensor, scores: Tensor, density: Tensor) -> Tensor:
        """Take the suppressed ones off the peaks [B, H, W]."""
        image, row, column = peaks.nonzero().unbind(1)
        stride = self.network.stride
        radius = suppression_radius(density, self.point, 1, stride)
        stay = _greedy(
            peaks,
            (image, row, column),
            scores[image, row, column],
            radius[image, row // stride, column // stride],
            self.point.suppression(1)[1],
        )
        return torch.zeros_like(peaks).index_put((image, row, column), stay)

    def _count(self, density: Tensor, peaks: Tensor) -> Tensor:
        height, width = peaks.shape[1:]
        rows, columns = (
            in_cells(torch.arange(side, device=peaks.device) + 0.5, side)
            for side in (height, width)
        )
        by_points = rows.mT @ peaks.double() @ columns
        by_density = density_cells(density, (width, height), self.network.stride)
        return fuse_cells(by_density, by_points, self.point.fusion_threshold).clamp(min=0.0).float()


def metadata(model: RAZNet) -> dict[str, str]:
    """Metadata of an exported file, by the names that weights files use.

    ``architecture``, ``operating_point`` (JSON, see :class:`raz.models.OperatingPoint`),
    ``raz_version``; and of the graph: ``stride``, ``receptive_field`` and ``bytes_per_pixel`` (see
    :class:`raz.network.Network`), and ``outputs`` (JSON).

    Example:
        >>> import raz
        >>> found = metadata(raz.get_model("raznet_lite", weights=None))
        >>> found["architecture"], found["stride"]
        ('raznet_lite', '8')
        >>> json.loads(found["outputs"])[:2]
        ['points', 'scores']
    """
    from raz.models.weights import own_metadata

    model = unwrapped(model, *NUMBERS)
    return {
        **own_metadata(model),
        **{name: str(getattr(model, name)) for name in NUMBERS},
        "outputs": json.dumps(OUTPUTS),
    }


def _peaks(values: Tensor, threshold: float) -> Tensor:
    """Mark the peaks of [B, H, W]."""
    bordered = F.pad(values, (1, 1, 1, 1), value=-1.0)  # below every probability
    above, same, below = bordered[:, :-2], bordered[:, 1:-1], bordered[:, 2:]
    before = torch.maximum(_widest(above), same[..., :-2])
    after = torch.maximum(_widest(below), same[..., 2:])
    return (values >= threshold) & (values > before) & (values >= after)


def _widest(rows: Tensor) -> Tensor:
    """Maximum of three neighbours of a row: [B, H, W + 2] to [B, H, W]."""
    return torch.maximum(torch.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])


def _greedy(
    peaks: Tensor,
    places: tuple[Tensor, Tensor, Tensor],
    scores: Tensor,
    radii: Tensor,
    most: float,
) -> Tensor:
    """Tell which of N peaks no better one suppresses: bool [N].

    A peak all of whose better neighbours are suppressed is kept, one with a kept one among them is
    suppressed, and so on, all peaks at once. Memory: about 10 KB per peak at 10 pixels.

    Args:
        peaks: bool [B, H, W].
        places: image, row and column of each peak, in raster order.
        scores: [N].
        radii: [N], pixels.
        most: pixels that no radius exceeds.
    """
    image, row, column = places
    reach = int(most)
    side = torch.arange(-reach, reach + 1, device=scores.device)
    squared = (side[:, None] ** 2 + side**2).flatten()
    offsets = ((squared > 0) & (squared <= most**2)).nonzero()[:, 0]
    down, right = side[offsets // len(side)] + reach, side[offsets % len(side)] + reach

    number = torch.arange(1, scores.shape[0] + 1, device=scores.device)  # 0 is no peak
    numbers = torch.zeros_like(peaks, dtype=torch.int64).index_put(places, number)
    numbers = F.pad(numbers, (reach, reach, reach, reach))
    near = numbers[image[:, None], row[:, None] + down, column[:, None] + right]
    others = F.pad(scores, (1, 0), value=-1.0)[near]
    first = (others > scores[:, None]) | ((others == scores[:, None]) & (near < number[:, None]))
    rivals = (near > 0) & first & (squared[offsets] <= (radii**2)[:, None])

    kept = torch.zeros_like(scores, dtype=torch.bool)
    suppressed = kept
    for _ in range(ROUNDS):
        by_kept = (rivals & F.pad(kept, (1, 0))[near]).any(1)
        waiting = (rivals & ~F.pad(kept | suppressed, (1, 0))[near]).any(1)
        suppressed = suppressed | by_kept
        kept = kept | ~(by_kept | waiting)
    return ~suppressed
