"""How much memory an image needs, and how much of it goes through the net, before it is spent.

A pass goes through the net whole or, where it is longer than a tile, tile by tile. The largest
region is a square of 2/3 of the shorter edge, or a rectangle of that area (Liu et al., CVPR 2019):
enlarged twice, 16/9 of the shorter edge squared, and its context. Regions of one size go together
in batches of bounded size.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from raz.errors import ResourceError
from raz.network import Network

from .passes import ENLARGEMENT, MAX_BATCH_PIXELS
from .settings import ZoomSettings
from .tiles import Tiling

LARGEST_REGION = 2 / 3
"""Side of the largest square region by the shorter edge of the image."""

CELL = 8
"""Pixels per side of a cell of the density and attention maps."""

MAP_BYTES = 24
"""A cell of the image: density twice, attention, its integral image, and sums on the way."""


@dataclass(frozen=True)
class Work:
    """What one image comes to, known from its size alone.

    Attributes:
        tiles: passes of the net over the image.
        pixels: that go through the net in them, halos included.
        most_regions: regions that may be zoomed into, all rounds together.
        most_zoom_pixels: that go through the net for these, halos included.
        memory: bytes at the peak, beyond the process's own.
    """

    tiles: int
    pixels: int
    most_regions: int
    most_zoom_pixels: int
    memory: int


def work(
    model: Network,
    size: tuple[int, int],
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> Work:
    """Estimate what counting one image takes; the arguments are those of `required_bytes`."""
    tiling = settings.tiling(model.receptive_field)
    area = zoomed = regions = 0
    for level, crop in enumerate(_largest_crops(size, settings), start=1):
        regions += settings.max_regions**level
        area += settings.max_regions**level * crop
        zoomed += settings.max_regions**level * _through_net(_square(crop), tiling)[1]
    if settings.max_zoom_pixels is not None and area > settings.max_zoom_pixels:
        zoomed = zoomed * settings.max_zoom_pixels // area
    tiles, pixels = _through_net(size, tiling)
    memory = required_bytes(model, size, settings, image_bytes=image_bytes)
    return Work(tiles, pixels, regions, zoomed, memory)


def required_bytes(
    model: Network,
    size: tuple[int, int],
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> int:
    """Estimate the peak memory of counting one image, beyond the process's own.

    Args:
        model: the network; its ``bytes_per_pixel`` and ``receptive_field`` are read.
        size: (H, W) of the image in pixels.
        settings: of zooming; each round after the second may enlarge a region of a region.
        image_bytes: that the image itself takes; by default it is held as uint8 [3, H, W].
    """
    tiling = settings.tiling(model.receptive_field)
    height, width = size
    largest_tile = MAX_BATCH_PIXELS if tiling is None else tiling.side**2
    side = max(size) if tiling is None else tiling.side
    largest = min(height, side) * min(width, side)
    crops = _largest_crops(size, settings)
    for crop in crops:
        alone = crop if tiling is None else min(crop, largest_tile)
        batch = max(alone, min(MAX_BATCH_PIXELS, largest_tile, settings.max_regions * crop))
        if settings.max_zoom_pixels is not None:
            batch = min(batch, settings.max_zoom_pixels)
        largest = max(largest, batch)
    cells = MAP_BYTES * height * width // CELL**2
    # The attention maps of a round are kept for the next one.
    rounds = [settings.max_regions**n * crop for n, crop in enumerate(crops[:-1], 1)]
    if settings.max_zoom_pixels is not None:
        rounds = [min(pixels, settings.max_zoom_pixels) for pixels in rounds]
    kept = [4 * pixels // CELL**2 for pixels in rounds]
    image = 3 * height * width if image_bytes is None else image_bytes
    return int(model.bytes_per_pixel * largest) + image + cells + max(kept, default=0)


def _largest_crops(size: tuple[int, int], settings: ZoomSettings) -> list[int]:
    """Most pixels of one enlarged region, round by round."""
    rounds = settings.depth - 1
    if settings.max_seconds == 0 or settings.max_zoom_pixels == 0 or settings.max_regions == 0:
        rounds = 0
    side = float(min(size))
    crops = []
    for _ in range(rounds):
        side *= LARGEST_REGION * ENLARGEMENT
        crops.append(int((side + 2 * ENLARGEMENT * settings.context) ** 2))
    return crops


def _square(area: int) -> tuple[int, int]:
    side = round(area**0.5)
    return (side, side)


def _through_net(size: tuple[int, int], tiling: Tiling | None) -> tuple[int, int]:
    """Tiles of a pass over a view of size (h, w), and their pixels together."""
    if tiling is None:
        return (1, size[0] * size[1])
    rows, columns = (tiling.lengths(length) for length in size)
    return (len(rows) * len(columns), sum(rows) * sum(columns))


def available_bytes(device: torch.device) -> int | None:
    """Memory that can still be had on a device, or None where nothing tells.

    On the CPU it is what the system has, but no more than the limit of a container (a control
    group of Linux) leaves: past that the kernel ends the process.
    """
    if device.type == "cuda":
        # What torch holds but does not use, e.g. after a larger image, serves the next one.
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if device.type != "cpu":
        return None
    known = [left for left in (_system_bytes(), container_bytes()) if left is not None]
    return min(known, default=None)


def _system_bytes() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


# Where control groups tell of memory, v2 and v1: folder, what /proc/self/cgroup calls the
# hierarchy, limit, use, and statistics with the name of the page cache that was not used lately.
_HIERARCHIES = (
    ("", "", "memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        *("memory", "memory"),
        *("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"),
    ),
)


def container_bytes(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Memory that the limit of a container leaves, or None where there is none or nothing tells.

    A limit holds for all groups below it, so the process's group and every one above it are asked.
    Page cache that the kernel drops when memory is short does not count as used.

    Args:
        root: folder of the control groups, of version 2 or 1. What is missing in it, or cannot be
            read, is ignored.
        membership: file that tells the process's own groups; without it the topmost are asked.
    """
    groups = _memberships(membership)
    known = []
    for folder, hierarchy, limit, used, statistics, cache in _HIERARCHIES:
        group = PurePosixPath(groups.get(hierarchy, "/"))
        for place in (group, *group.parents):
            directory = root / folder / place.relative_to("/")
            most, taken = (_numbers(directory / name).get("") for name in (limit, used))
            if most is not None and taken is not None:
                dropped = _numbers(directory / statistics).get(cache, 0)
                known.append(max(0, most - max(0, taken - dropped)))
    return min(known, default=None)


def _memberships(path: Path) -> dict[str, str]:
    """The process's control group by each controller of version 1, and by "" of version 2."""
    try:
        lines = os.fsdecode(path.read_bytes()).splitlines()
    except OSError:
        return {}
    groups = {}
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if group.startswith("/") and ".." not in group.split("/"):  # else: outside what is visible
            groups.update(dict.fromkeys(controllers.split(","), "/" + group.lstrip("/")))
    return groups


def _numbers(path: Path) -> dict[str, int]:
    """Whole numbers in a file of the kernel, by the name before each, "" where there is none."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    found = (line.rpartition(" ") for line in lines)
    return {name: int(number) for name, _, number in found if number.isdecimal()}


def check_memory(
    model: Network,
    size: tuple[int, int],
    device: torch.device,
    settings: ZoomSettings = ZoomSettings(),
    *,
    image_bytes: int | None = None,
) -> None:
    """Refuse an image that does not fit, in tiles if they are allowed, before it is begun.

    Raises:
        ResourceError: it needs more than is available; the message says how much of each.
    """
    needed = required_bytes(model, size, settings, image_bytes=image_bytes)
    available = available_bytes(device)
    if available is not None and needed > available:
        tiling = settings.tiling(model.receptive_field)
        cut = "" if tiling is None else f" in tiles of {tiling.side} pixels"
        raise ResourceError(
            f"{size[1]} x {size[0]} pixels at depth {settings.depth}{cut} need about "
            f"{needed / 1e9:.1f} GB on {device}, {available / 1e9:.1f} GB are available; take a "
            f"smaller {'image' if tiling is None else 'tile, image'} or depth"
        )
