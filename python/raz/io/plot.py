"""Draw a Result on its image, with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from raz.errors import InputError
from raz.io.decoding import read_image, to_image
from raz.io.zone_plot import draw_zones

if TYPE_CHECKING:
    import torch

    from raz.result import Region, Result

__all__ = ["plot_result"]

_DENSITY_STRIDE = 8
_POINT_COLOUR = (255, 45, 85)
_RING_COLOUR = (255, 255, 255)
_REGION_COLOURS = ((0, 200, 255), (255, 204, 0), (120, 230, 80), (230, 120, 255))
_CAPTION_GROUND = (0, 0, 0, 170)
_OVERSAMPLING = 8

# From cold to hot, and from clear to nearly opaque: red, green, blue, opacity.
_HEAT = np.array(
    [
        [30, 30, 160, 0],
        [30, 110, 220, 110],
        [60, 200, 170, 150],
        [250, 210, 60, 180],
        [220, 40, 40, 200],
    ]
)


def plot_result(
    result: Result,
    *,
    image: torch.Tensor | npt.NDArray[np.uint8] | Image.Image | None = None,
    trace: bool = False,
    density: bool = False,
    caption: bool = True,
) -> Image.Image:
    """Draw the points, and if asked the regions and the density; see :meth:`raz.Result.plot`.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[32.0, 24.0]]), scores=torch.tensor([0.75]),
        ...     density=torch.zeros(6, 8), count=1.0, count_density=0.0, count_points=1,
        ...     image_size=(64, 48),
        ... )
        >>> plot_result(result, image=torch.zeros(3, 48, 64, dtype=torch.uint8)).size
        (64, 48)
    """
    canvas = Image.fromarray(_image(result, image))
    if density:
        _draw_density(canvas, result.density.detach().cpu().float().numpy())
    if trace:
        _draw_regions(canvas, result)
    draw_zones(canvas, result)
    _draw_points(canvas, result.points.detach().cpu().numpy())
    if caption:
        _draw_caption(canvas, f"count {result.count:.1f}  points {result.count_points}")
    return canvas


def _image(result: Result, image: Any) -> npt.NDArray[np.uint8]:
    if image is None:
        image = result.image
    width, height = result.image_size
    if image is not None:
        pixels = to_image(image).permute(1, 2, 0).contiguous().cpu().numpy()
        if pixels.shape[:2] != (height, width):
            raise ValueError(
                f"image is {pixels.shape[1]} x {pixels.shape[0]} pixels; "
                f"it must be {width} x {height}, as the result"
            )
        return np.asarray(pixels, dtype=np.uint8)
    if result.path is None:
        raise ValueError("image is None, and the result has no path to read the image from")
    pixels = read_image(result.path, max_pixels=width * height)
    if pixels.shape[:2] != (height, width):
        raise InputError(
            f"{result.path}: is {pixels.shape[1]} x {pixels.shape[0]} pixels now, "
            f"was {width} x {height} when it was counted"
        )
    return pixels


def _draw_points(canvas: Image.Image, points: npt.NDArray[np.float32]) -> None:
    if not len(points):
        return
    stamp = _stamp(_point_radius(canvas.size, len(points)))
    half = stamp.width / 2
    corners = np.rint(points - half).astype(int)
    for x, y in corners.tolist():
        canvas.paste(stamp, (x, y), stamp)


def _point_radius(size: tuple[int, int], number: int) -> float:
    """Return a radius in pixels that leaves room between dots, also in an uneven crowd."""
    spacing = math.sqrt(size[0] * size[1] / number)
    return float(np.clip(0.06 * spacing, 1.5, max(2.5, min(size) / 150)))


def _stamp(radius: float) -> Image.Image:
    """Draw a dot with a bright ring, smooth at its edge."""
    side = 2 * math.ceil(radius + 1)
    large = Image.new("RGBA", (side * _OVERSAMPLING, side * _OVERSAMPLING), (*_RING_COLOUR, 0))
    draw = ImageDraw.Draw(large)
    centre = large.width / 2
    for reach, colour in ((radius + 0.8, _RING_COLOUR), (radius, _POINT_COLOUR)):
        r = reach * _OVERSAMPLING
        draw.ellipse((centre - r, centre - r, centre + r, centre + r), fill=colour)
    return large.resize((side, side), Image.Resampling.BOX)


@dataclass(frozen=True)
class _Frame:
    """A region as it is drawn: whole pixels inside its edges, and what is written into it."""

    corners: tuple[int, int, int, int]
    depth: int
    label: str
    skipped: bool = False

    @property
    def colour(self) -> tuple[int, int, int]:
        return _REGION_COLOURS[(self.depth - 2) % len(_REGION_COLOURS)]


def _frames(result: Result) -> Iterator[_Frame]:
    for skipped in result.skipped:  # below the regions that were seen
        label = f"{skipped.score:.2f}  {skipped.reason}"
        yield _Frame(_corners(skipped.box), skipped.depth, label, skipped=True)
    for region in _with_children(result.regions):
        change = f"{region.points_before} to {region.points_after}"
        label = f"{region.scale:.3g}x  {region.score:.2f}  {change}"
        yield _Frame(_corners(region.box), region.depth, label)


def _corners(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (round(edge) for edge in box)
    return x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)


def _draw_regions(canvas: Image.Image, result: Result) -> None:
    """Draw every frame, then every label, so that none crosses a label out."""
    draw = ImageDraw.Draw(canvas)
    thick = max(1, round(min(canvas.size) / 400))
    font = _font(max(10, min(canvas.size) // 60))
    frames = list(_frames(result))
    for frame in frames:
        line = max(1, thick - (frame.depth - 2))  # the deeper, the thinner
        if frame.skipped:
            _draw_dashes(draw, frame, line)
        else:
            draw.rectangle(frame.corners, outline=frame.colour, width=line)
    for frame in frames:
        x, y = frame.corners[:2]
        corner = (x + 2 * thick, y + 2 * thick)
        _, _, right, bottom = draw.textbbox(corner, frame.label, font=font)
        draw.rectangle((x, y, right + thick, bottom + thick), fill=frame.colour)
        draw.text(corner, frame.label, fill=(0, 0, 0), font=font)


def _draw_dashes(draw: ImageDraw.ImageDraw, frame: _Frame, line: int) -> None:
    x1, y1, x2, y2 = frame.corners
    dash = 4 * line
    for x in range(x1, x2 + 1, 2 * dash):
        end = min(x + dash - 1, x2)
        for y in (y1, max(y1, y2 - line + 1)):
            draw.rectangle((x, y, end, min(y + line - 1, y2)), fill=frame.colour)
    for y in range(y1, y2 + 1, 2 * dash):
        end = min(y + dash - 1, y2)
        for x in (x1, max(x1, x2 - line + 1)):
            draw.rectangle((x, y, min(x + line - 1, x2), end), fill=frame.colour)


def _with_children(regions: tuple[Region, ...]) -> Iterator[Region]:
    for region in regions:
        yield region
        yield from _with_children(region.children)


def _draw_density(canvas: Image.Image, density: npt.NDArray[np.float32]) -> None:
    peak = float(density.max(initial=0))
    if not peak > 0:
        return
    level = np.clip(np.nan_to_num(density) / peak, 0, 1)
    steps = np.linspace(0, 1, len(_HEAT))
    heat = np.stack([np.interp(level, steps, _HEAT[:, c]) for c in range(4)], axis=-1)
    small = Image.fromarray(np.rint(heat).astype(np.uint8))
    # The last cells may reach past the image: only the part above it is enlarged.
    width, height = canvas.size
    part = (0, 0, width / _DENSITY_STRIDE, height / _DENSITY_STRIDE)
    overlay = small.resize(canvas.size, Image.Resampling.BILINEAR, box=part)
    canvas.paste(overlay, mask=overlay)


def _draw_caption(canvas: Image.Image, text: str) -> None:
    size = max(10, min(canvas.size) // 28)
    font = _font(size)
    left, top, right, bottom = ImageDraw.Draw(canvas).textbbox((0, 0), text, font=font)
    margin = size // 2
    box = (math.ceil(right - left) + 2 * margin, math.ceil(bottom - top) + 2 * margin)
    label = Image.new("RGBA", box, _CAPTION_GROUND)
    ImageDraw.Draw(label).text((margin - left, margin - top), text, fill="white", font=font)
    canvas.paste(label, (0, 0), label)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.load_default(size)
    except (ImportError, OSError, TypeError):  # no FreeType, or Pillow before 10.1
        return ImageFont.load_default()
