"""What counting an image will take, in memory and in pixels, told from its size alone.

A view goes through the network whole or, if it is longer than a tile, tile by tile. The largest
region of the anchors is a square of 2/3 of the shorter edge, or a rectangle of that area (Liu et
al., CVPR 2019): enlarged twice, 16/9 of the shorter edge squared, plus its context; a region of the
cover is a tile. Regions of one size go through together, in batches of bounded size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from raz.devices import available_bytes
from raz.errors import ResourceError
from raz.network import Network

from .coordinates import CropGeometry
from .passes import ENLARGEMENT, MAX_BATCH_PIXELS
from .probe import BLIND
from .proposals import tile_grid
from .settings import ZoomSettings
from .tiles import Tiling

LARGEST_REGION = 2 / 3
"""Side of the largest square region, as a fraction of the shorter edge of the image."""

MAP_BYTES = 28
"""Bytes per cell of the image: density twice, attention, its integral image, partial sums, and
those who stand too dense."""

SEEN_BYTES = 8
"""Bytes per cell of a region's pass: density as the net gave it, and those who stand too dense."""

MERGED_BYTES = 8
"""Bytes per cell of a region's density as it is merged, float64, in cells of the image's own pixels
where the region was seen reduced. Before that its attention, for the next round, float32."""


@dataclass(frozen=True)
class Workload:
    """What counting one image takes, about at most.

    Attributes:
        tiles: passes of the network over the image, reduced where the settings ask for it; of one
            that is probed (`raz.zoom.probe`), as if its overview were enough.
        pixels: input pixels of these passes, halos included.
        most_regions: regions that may be zoomed into, all rounds together, if all is crowded and
            regions are cut like the image; those of another shape may be cut into more.
        most_zoom_pixels: input pixels of the passes over these regions, halos included.
        memory: peak in bytes, beyond the process's own.
    """

    tiles: int
    pixels: int
    most_regions: int
    most_zoom_pixels: int
    memory: int


def workload(
    model: Network,
    size: tuple[int, int],
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> Workload:
    """Estimate what counting one image takes; the arguments are those of `required_bytes`.

    Example:
        >>> import raz
        >>> workload(raz.get_model("raznet_lite"), (3000, 4000)).tiles
        6
    """
    tiling = settings.tiling(model.receptive_field)
    area = zoomed = regions = 0
    for each in _rounds(size, settings, model.stride):
        regions += each.regions
        area += each.pixels
        zoomed += each.regions * _through_net(_square(each.crop), tiling)[1]
    if settings.max_zoom_pixels is not None and area > settings.max_zoom_pixels:
        zoomed = zoomed * settings.max_zoom_pixels // area
    tiles, pixels = _through_net(_first_look(size, settings), tiling)
    memory = required_bytes(model, size, settings, image_bytes=image_bytes)
    times = 2 if settings.quality == "best" else 1  # every pass goes with its mirror image
    return Workload(times * tiles, times * pixels, regions, times * zoomed, memory)


def required_bytes(
    model: Network,
    size: tuple[int, int],
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> int:
    """Estimate the peak memory in bytes of counting one image, beyond the process's own.

    Args:
        model: only its ``bytes_per_pixel``, ``receptive_field`` and ``stride`` are read.
        size: (H, W) of the image in pixels.
        settings: of zooming; each round after the second may enlarge a region of a region.
        image_bytes: memory of the image itself; by default it is held as uint8 [3, H, W].

    Example:
        >>> import raz
        >>> needed = required_bytes(raz.get_model("raznet_lite"), (768, 1024))
        >>> f"{needed / 1e9:.2f} GB"
        '1.26 GB'
    """
    tiling = settings.tiling(model.receptive_field)
    height, width = size
    largest_tile = MAX_BATCH_PIXELS if tiling is None else tiling.side**2
    first = size if _probed(size, settings) else _first_look(size, settings)
    side = max(first) if tiling is None else tiling.side
    largest = min(first[0], side) * min(first[1], side)
    regions, left = 0, settings.max_zoom_pixels
    for each in _rounds(size, settings, model.stride):
        alone = each.crop if tiling is None else min(each.crop, largest_tile)
        batch = max(alone, min(MAX_BATCH_PIXELS, largest_tile, each.pixels))
        pixels = each.pixels
        if left is not None:
            batch, pixels = min(batch, left), min(pixels, left)
            left -= pixels
        largest = max(largest, batch)
        regions += each.cell_bytes * pixels // model.stride**2
    cells = MAP_BYTES * height * width // model.stride**2
    image = 3 * height * width if image_bytes is None else image_bytes
    return int(model.bytes_per_pixel * largest) + image + cells + regions


class _Round(NamedTuple):
    """Most regions of a round, and most pixels of one of them at its scale, with context."""

    regions: int
    crop: int
    scale: float

    @property
    def pixels(self) -> int:
        return self.regions * self.crop

    @property
    def cell_bytes(self) -> int:
        """Bytes that are kept per cell of the round's regions."""
        return SEEN_BYTES + MERGED_BYTES * max(1, math.ceil(1 / self.scale)) ** 2


def _first_look(size: tuple[int, int], settings: ZoomSettings) -> tuple[int, int]:
    """Size (h, w) at which an image of a size is seen first."""
    scale = settings.scales((size[1], size[0]))[0]
    return CropGeometry(0, 0, size[1], size[0], scale).size


def _probed(size: tuple[int, int], settings: ZoomSettings) -> bool:
    """Whether the first look at an image of a size depends on what a probe of it sees."""
    return settings.scales((size[1], size[0]))[0] <= BLIND


def _rounds(size: tuple[int, int], settings: ZoomSettings, stride: int) -> list[_Round]:
    """The rounds of an image of a size, at most."""
    if settings.max_seconds == 0 or settings.max_zoom_pixels == 0 or settings.max_regions == 0:
        return []
    height, width = (float(length) for length in _first_look(size, settings))
    regions, rounds = 1, []
    for scale in settings.scales((size[1], size[0]))[1:]:
        if settings.regions == "cover":
            cells = (math.ceil(height / stride), math.ceil(width / stride))
            rows, columns = tile_grid(cells, settings.max_regions)
            height, width = (
                stride * math.ceil(count / parts)
                for count, parts in zip(cells, (rows, columns), strict=True)
            )
            regions *= rows * columns
        else:
            height = width = min(height, width) * LARGEST_REGION
            regions *= settings.max_regions
        height, width = height * ENLARGEMENT, width * ENLARGEMENT
        margin = 2 * ENLARGEMENT * settings.context
        rounds.append(_Round(regions, int((height + margin) * (width + margin)), scale))
    return rounds


def _square(area: int) -> tuple[int, int]:
    side = round(area**0.5)
    return (side, side)


def _through_net(size: tuple[int, int], tiling: Tiling | None) -> tuple[int, int]:
    """Number of tiles of a view of size (h, w), and their pixels together."""
    if tiling is None:
        return (1, size[0] * size[1])
    rows, columns = (tiling.lengths(length) for length in size)
    return (len(rows) * len(columns), sum(rows) * sum(columns))


def check_memory(
    model: Network,
    size: tuple[int, int],
    device: torch.device,
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> None:
    """Refuse an image that does not fit into memory, in tiles if possible, before it is begun.

    Raises:
        ResourceError: it needs more than is available; the message tells both.
    """
    needed = required_bytes(model, size, settings, image_bytes=image_bytes)
    available = available_bytes(device)
    if available is not None and needed > available:
        tiling = settings.tiling(model.receptive_field)
        cut = "" if tiling is None else f" in tiles of {tiling.side} pixels"
        raise ResourceError(
            f"{size[1]} x {size[0]} pixels{_depth(settings)}{cut} need about "
            f"{needed / 1e9:.1f} GB on {device}, {available / 1e9:.1f} GB are available; take a "
            f"smaller {'image' if tiling is None else 'tile, image'} or depth"
        )


def _depth(settings: ZoomSettings) -> str:
    return "" if settings.depth is None else f" at depth {settings.depth}"
