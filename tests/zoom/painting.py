"""Painted images and a model that sees the dots in them: every answer is known in advance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from raz import ops
from raz.network import OperatingPoint
from raz.zoom import passes, scales
from raz.zoom.proposals import InsideRegion, Proposal, propose

Cells = tuple[float, float, float, float]
Regions = Sequence[tuple[Cells, float]]


class DotModel:
    """Reads its three maps off the colours: red are heads, green attention, blue density.

    A head is a red pixel. It is marked by a cross, as in training, so heads 2 px apart give one
    peak, between them; enlarged twice they give one peak each, 0.25 px up and left of the centre.
    """

    stride = 8
    receptive_field = 0
    bytes_per_pixel = 0

    @property
    def architecture(self) -> str:
        return type(self).__name__

    def __init__(self, operating_point: OperatingPoint | None = None) -> None:
        self.operating_point = operating_point or OperatingPoint((0.4, 0.4), 4.0, 0.01)
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        assert not torch.is_grad_enabled()
        assert images.dtype == torch.float32
        assert 0 <= float(images.min()) <= float(images.max()) <= 1
        self.seen.append(tuple(images.shape))
        red, green, blue = images.unbind(1)
        return {
            "localization": 40 * _cross((red > 0.5).float()) - 20,
            "density": _cells(blue) * 64,
            "attention": _cells(green),
        }


class GreyModel(DotModel):
    """Its probability of a head is the red channel itself: peaks of every score."""

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        outputs = super().__call__(images)
        return {**outputs, "localization": torch.logit(images[:, 0], eps=1e-4)}


class BumpModel(GreyModel):
    """Sees heads that are bumps of red, at any scale at which they are a pixel or more.

    Its density is 1 in the cell of each peak of at least its threshold.
    """

    receptive_field = 8

    def __init__(self, operating_point: OperatingPoint | None = None) -> None:
        super().__init__(operating_point or OperatingPoint((0.25,), 1e9, 0.05))

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        outputs = super().__call__(images)
        heat = torch.sigmoid(outputs["localization"])
        points, _, counts = ops.find_peaks(heat, threshold=self.operating_point.peak_thresholds[0])
        density = torch.zeros_like(outputs["density"])
        for index, count in enumerate(counts.tolist()):
            columns, rows = (points[index, :count] // 8).long().unbind(1)
            density[index].index_put_((rows, columns), torch.ones(count), accumulate=True)
        return {**outputs, "density": density}


@contextmanager
def overviews_of(longer: float, shorter: float) -> Iterator[None]:
    """First looks whose sides have so many pixels, of images that are larger."""
    with (
        mock.patch.object(scales, "LONG_SIDE", longer),
        mock.patch.object(scales, "SHORT_SIDE", shorter),
    ):
        yield


def _cross(marked: Tensor) -> Tensor:
    across = F.max_pool2d(marked[:, None], (1, 3), 1, (0, 1))
    down = F.max_pool2d(marked[:, None], (3, 1), 1, (1, 0))
    return torch.maximum(across, down)[:, 0]


def _cells(channel: Tensor) -> Tensor:
    """Sum of each 8 x 8 cell divided by 64; what sticks out of the image is black."""
    height, width = channel.shape[-2:]
    padded = F.pad(channel[:, None], (0, -width % 8, 0, -height % 8))
    return F.avg_pool2d(padded, 8)[:, 0]


def painted(size: tuple[int, int], heads: Iterable[tuple[int, int]], attention: int = 0) -> Tensor:
    """Black image uint8 [3, H, W] of size (h, w) with a red pixel at every (column, row)."""
    image = torch.zeros(3, *size, dtype=torch.uint8)
    image[1] = attention
    for column, row in heads:
        image[0, row, column] = 255
    return image


def bumps(
    size: tuple[int, int], heads: Iterable[tuple[float, float]], radius: float = 16
) -> Tensor:
    """Black image uint8 [3, H, W] of size (h, w) with a cone of red around every (x, y)."""
    y, x = torch.meshgrid(
        *(torch.arange(length, dtype=torch.float64) + 0.5 for length in size), indexing="ij"
    )
    image = torch.zeros(3, *size, dtype=torch.uint8)
    for column, row in heads:
        cone = 255 * (1 - torch.hypot(x - column, y - row) / radius).clamp(min=0)
        image[0] = torch.maximum(image[0], cone.to(torch.uint8))
    return image


def noise(size: tuple[int, int], seed: int) -> Tensor:
    """Image uint8 [3, H, W] of independent random bytes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator)


@contextmanager
def proposing(*answers: Regions) -> Iterator[None]:
    """Replace the proposals of either kind.

    The n-th attention map asked about gives the n-th list of regions. Regions are
    ((x1, y1, x2, y2) in cells of that map, score); later maps give none.
    """
    left = list(answers)

    def propose_regions(attention: Tensor, **_: object) -> tuple[Tensor, Tensor, Tensor]:
        regions = left.pop(0) if left else []
        boxes = torch.tensor([box for box, _ in regions]).reshape(1, -1, 4)
        scores = torch.tensor([score for _, score in regions]).reshape(1, -1)
        return boxes, scores, torch.tensor([len(regions)])

    def cover(where: InsideRegion, threshold: float, most: int) -> list[Proposal]:
        return propose(where, threshold, most, seed=0)

    with (
        mock.patch.object(ops, "propose_regions", propose_regions),
        mock.patch.object(passes, "cover", cover),
    ):
        yield
