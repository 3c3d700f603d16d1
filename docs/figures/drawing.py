"""What the figures are drawn with: Pillow and NumPy, and no text that a font would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Box = Sequence[float]
RED, BLUE, YELLOW, GREEN, WHITE = "#ff2d55", "#0a84ff", "#ffd60a", "#34c759", "#ffffff"
# From cold to hot; what is near 0 stays clear.
HEAT = np.array([[30, 30, 160], [30, 110, 220], [60, 200, 170], [250, 210, 60], [220, 40, 40]])


def grey(image: Image.Image) -> Image.Image:
    """Return the image without colours and darker, so that what is drawn over it stands out."""
    return Image.blend(image.convert("L").convert("RGB"), Image.new("RGB", image.size), 0.35)


def heat(image: Image.Image, values: npt.ArrayLike, *, power: float = 1.0) -> Image.Image:
    """Lay a map [h, w] over an image of any size, each cell as an area of its own."""
    level = np.clip(np.asarray(values, dtype=np.float64), 0, None)
    level = (level / max(level.max(), 1e-12)) ** power
    steps = np.linspace(0, 1, len(HEAT))
    colour = np.stack([np.interp(level, steps, HEAT[:, c]) for c in range(3)], axis=-1)
    opacity = np.clip(level * 4, 0, 0.85) * 255
    layer = np.concatenate([colour, opacity[..., None]], axis=-1).round().astype(np.uint8)
    over = Image.fromarray(layer).resize(image.size, Image.Resampling.NEAREST)
    result = grey(image)
    result.paste(over, mask=over)
    return result


def dots(
    image: Image.Image, points: npt.ArrayLike, colour: str, *, radius: float = 3, ring: bool = False
) -> None:
    """Draw a dot, or a ring, at every point (x, y)."""
    draw = ImageDraw.Draw(image)
    for x, y in np.asarray(points, dtype=np.float64).reshape(-1, 2).tolist():
        edges = (x - radius, y - radius, x + radius, y + radius)
        if ring:
            draw.ellipse(edges, outline=colour, width=2)
        else:
            draw.ellipse(edges, fill=colour, outline="#000000")


def frames(image: Image.Image, boxes: Iterable[Box], colour: str, *, width: int = 3) -> None:
    """Draw the edges of boxes (x1, y1, x2, y2)."""
    draw = ImageDraw.Draw(image)
    for x1, y1, x2, y2 in boxes:
        draw.rectangle((x1, y1, x2 - 1, y2 - 1), outline=colour, width=width)


def lines(
    image: Image.Image, starts: npt.ArrayLike, ends: npt.ArrayLike, colour: str, *, width: int = 2
) -> None:
    """Join points pair by pair."""
    draw = ImageDraw.Draw(image)
    for start, end in zip(np.asarray(starts).tolist(), np.asarray(ends).tolist(), strict=True):
        draw.line((*start, *end), fill=colour, width=width)


def enlarged(image: Image.Image, box: Box, factor: int) -> Image.Image:
    """Cut a box of whole pixels out and enlarge it."""
    part = image.crop(tuple(round(edge) for edge in box))
    return part.resize((part.width * factor, part.height * factor), Image.Resampling.BICUBIC)


def within(points: npt.ArrayLike, box: Box, factor: int = 1) -> npt.NDArray[np.float64]:
    """Return the points inside a box, in pixels of what `enlarged` returns."""
    xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    x1, y1, x2, y2 = box
    inside = (xy[:, 0] >= x1) & (xy[:, 0] < x2) & (xy[:, 1] >= y1) & (xy[:, 1] < y2)
    return (xy[inside] - (x1, y1)) * factor


def side_by_side(*images: Image.Image, gap: int = 8) -> Image.Image:
    """Put images of one height next to each other."""
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    both = Image.new("RGB", (width, images[0].height), WHITE)
    at = 0
    for image in images:
        both.paste(image, (at, 0))
        at += image.width + gap
    return both


def reduced(image: Image.Image, width: int = 720) -> Image.Image:
    """Return the image with at most this width."""
    if image.width <= width:
        return image
    return image.resize(
        (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
    )
