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
from raz.zoom import passes
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
