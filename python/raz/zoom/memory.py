"""How much memory a picture needs, known before it is spent.

Every pass goes through the net whole. The largest region is a square of 2/3 of the shorter edge,
or a rectangle of that area (Liu et al., CVPR 2019): enlarged twice, 16/9 of the shorter edge
squared, and its context. Regions of one size go together in batches of bounded size.
"""

from __future__ import annotations

import torch

from raz.errors import ResourceError

from .budget import DEFAULT_BUDGET, Budget
from .recurrence import MAX_BATCH_PIXELS

LARGEST_REGION = 2 / 3
"""Side of the largest square region by the shorter edge of the picture."""


def required_bytes(
    bytes_per_pixel: float,
    size: tuple[int, int],
    *,
    budget: Budget = DEFAULT_BUDGET,
    context: int = 32,
) -> int:
    """Estimate the peak memory of counting one picture, beyond the process's own.

    Args:
        bytes_per_pixel: peak of one pass of the net (``RAZNet.bytes_per_pixel``).
        size: (H, W) of the picture in pixels.
        budget: of zooming; each round after the second may enlarge a region of a region.
        context: margin around a region in pixels.
    """
    height, width = size
    largest = height * width
    side = float(min(height, width))
    for _ in range(0 if budget.max_seconds == 0 else budget.depth - 1):
        side *= LARGEST_REGION * 2
        crop = int((side + 4 * context) ** 2)
        batch = max(crop, min(MAX_BATCH_PIXELS, budget.max_regions * crop))
        if budget.max_zoom_pixels is not None:
            batch = min(batch, budget.max_zoom_pixels)
        largest = max(largest, batch if budget.max_regions else 0)
    return int(bytes_per_pixel * largest) + 3 * height * width


def available_bytes(device: torch.device) -> int | None:
    """Memory that can still be had on a device, or None where nothing tells."""
    if device.type == "cuda":
        # What torch holds but does not use, e.g. after a larger picture, serves the next one.
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if device.type != "cpu":
        return None
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def check_memory(
    bytes_per_pixel: float,
    size: tuple[int, int],
    device: torch.device,
    *,
    budget: Budget = DEFAULT_BUDGET,
) -> None:
    """Refuse a picture that does not fit, before anything is allocated for it.

    Raises:
        ResourceError: it needs more than is available; the message says how much of each.
    """
    needed = required_bytes(bytes_per_pixel, size, budget=budget)
    available = available_bytes(device)
    if available is not None and needed > available:
        raise ResourceError(
            f"{size[1]} x {size[0]} pixels at depth {budget.depth} need about "
            f"{needed / 1e9:.1f} GB on {device}, {available / 1e9:.1f} GB are available; take a "
            "smaller picture, depth or max_zoom_pixels"
        )
