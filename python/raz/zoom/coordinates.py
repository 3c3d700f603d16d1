"""Conversion between the original image, an enlarged crop and a map of cells: the one place.

There are three coordinate systems, all with pixels as areas (pixel j covers [j, j + 1)):

* the *original image*: every box and point that leaves this package is in its pixels;
* a *crop*: a window of the image, enlarged or reduced;
* a *map*: cells of ``stride`` x ``stride`` crop pixels, the last row and column cut by the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Box = tuple[float, float, float, float]
"""Edges (x1, y1, x2, y2)."""

Window = tuple[int, int, int, int]
"""Edges (x1, y1, x2, y2) in whole pixels."""


@dataclass(frozen=True)
class CropGeometry:
    """Where the pixels of one network pass lie in the original image.

    Attributes:
        x, y: upper left corner of the window, whole original pixels.
        width, height: extent of the window in original pixels, at least 1.
        scale: crop pixels per original pixel: 1 is the image itself, 2 enlarges, 1/2 reduces. The
            crop's last row and column may stick out of the window, unless it is a whole number.
    """

    x: int
    y: int
    width: int
    height: int
    scale: float = 1

    @property
    def box(self) -> Box:
        """Edges of the window in original pixels."""
        return (self.x, self.y, self.x + self.width, self.y + self.height)

    @property
    def size(self) -> tuple[int, int]:
        """Size (h, w) of the crop in its own pixels."""
        return (_up(self.height * self.scale), _up(self.width * self.scale))

    def pixels(self, length: float) -> float:
        """Map a length in pixels of the image, of a reduced crop in its own, to original pixels."""
        return length / min(1.0, self.scale)

    def points_to_image(self, points: Tensor) -> Tensor:
        """Map points [N, 2] of the crop to float64 points [N, 2] of the original image.

        Exact for pixel centres as long as the scale is a power of two. Points in a row or column of
        the crop that sticks out of the window are moved into it, and stay in their row or column.
        """
        corner = torch.tensor([self.x, self.y], dtype=torch.float64, device=points.device)
        located = points.to(torch.float64) / self.scale + corner
        if float(self.scale).is_integer():
            return located
        edge = corner + corner.new_tensor([self.width, self.height])
        half_way = (corner + points.to(torch.float64).floor() / self.scale + edge) / 2
        return torch.minimum(located, torch.maximum(edge - 0.5 / max(1.0, self.scale), half_way))

    def points_from_image(self, points: Tensor) -> Tensor:
        """Map points [N, 2] of the original image to float64 points [N, 2] of the crop."""
        corner = torch.tensor([self.x, self.y], dtype=torch.float64, device=points.device)
        return (points.to(torch.float64) - corner) * self.scale

    def part_to_image(self, part: Window) -> Box:
        """Map a rectangle of the crop's pixels to edges in original pixels."""
        x1, y1, x2, y2 = part
        scale = self.scale
        return (self.x + x1 / scale, self.y + y1 / scale, self.x + x2 / scale, self.y + y2 / scale)

    def cells_to_image(self, box: Box, stride: int) -> Box:
        """Map a box in cells of this crop's map to original pixels, clipped to the window."""
        pixels = stride / self.scale
        x1, y1, x2, y2 = box
        moved = (
            self.x + x1 * pixels,
            self.y + y1 * pixels,
            self.x + x2 * pixels,
            self.y + y2 * pixels,
        )
        return clip_box(moved, self.box)

    def cell_centres(self, cells: int, stride: int, axis: int) -> Tensor:
        """Centres of the first cells along an axis (0: x) in original pixels: float64 [cells]."""
        places = torch.arange(cells, dtype=torch.float64) + 0.5
        return (self.x, self.y)[axis] + places * (stride / self.scale)

    def cells_inside(
        self, box: Box, stride: int, *, centres: bool = False
    ) -> tuple[int, int, int, int]:
        """Range (column1, row1, column2, row2) of the map's cells that lie wholly in ``box``.

        With ``centres`` those whose centre lies in it: a centre on the edge between two boxes
        belongs to the box that starts there. A cell that the window's right or lower edge cuts ends
        there. The range may be empty.
        """
        cells, half = self.scale / stride, 0.5 if centres else 0.0
        x1, y1, x2, y2 = (
            (edge - corner) * cells for edge, corner in zip(box, (self.x, self.y) * 2, strict=True)
        )
        x2, y2 = (_up(edge - half) if centres else -_up(-edge) for edge in (x2, y2))
        rows, columns = (math.ceil(length / stride) for length in self.size)
        return (
            _up(x1 - half),
            _up(y1 - half),
            columns if box[2] >= self.x + self.width else x2,
            rows if box[3] >= self.y + self.height else y2,
        )


def _up(length: float) -> int:
    """The next whole number; what rounding has put a trifle above one stays there."""
    return math.ceil(length - 1e-9)


def window_around(
    box: Box, context: float, image_size: tuple[int, int], scale: float
) -> CropGeometry:
    """Return the geometry of a box with ``context`` original pixels of margin on every side.

    The edges are snapped outward to whole pixels, so that the crop is enlarged exactly ``scale``
    times, and clipped to the image of size ``image_size`` = (w, h).
    """
    width, height = image_size
    x1 = max(0, math.floor(box[0] - context))
    y1 = max(0, math.floor(box[1] - context))
    x2 = min(width, math.ceil(box[2] + context))
    y2 = min(height, math.ceil(box[3] + context))
    return CropGeometry(x1, y1, x2 - x1, y2 - y1, scale)


def raster_order(points: Tensor) -> Tensor:
    """Return the indices that sort points [..., N, 2] by y, then x, stably: int64 [..., N]."""
    by_x = torch.argsort(points[..., 0], stable=True)
    return by_x.gather(-1, torch.argsort(points[..., 1].gather(-1, by_x), stable=True))


def window_of_size(
    box: Box, size: tuple[int, int], image_size: tuple[int, int], scale: int
) -> CropGeometry:
    """Return the geometry of ``size`` = (w, h) pixels centred on a box, shifted into the image.

    Windows of one size make one batch, whatever the sizes of their boxes. Of a box larger than the
    window, the middle is shown.

    Args:
        box: edges in original pixels.
        size: (w, h) of the window, in [1, ``image_size``].
        image_size: (w, h) of the image.
        scale: enlargement.
    """
    corners = [
        min(max(math.floor((low + high - length) / 2), 0), extent - length)
        for low, high, length, extent in zip(box[:2], box[2:], size, image_size, strict=True)
    ]
    return CropGeometry(corners[0], corners[1], size[0], size[1], scale)


def clip_box(box: Box, limits: Box) -> Box:
    """Return the intersection of two boxes; empty or inverted if they do not meet."""
    return (
        max(box[0], limits[0]),
        max(box[1], limits[1]),
        min(box[2], limits[2]),
        min(box[3], limits[3]),
    )


def is_empty(box: Box) -> bool:
    """Tell whether a box has no area (NaN edges included)."""
    return not (box[0] < box[2] and box[1] < box[3])


def points_in_boxes(points: Tensor, boxes: Tensor) -> Tensor:
    """Tell which points [..., N, 2] lie in which boxes [..., K, 4]: bool [..., N, K].

    Inside is x1 <= x < x2 and y1 <= y < y2.
    """
    x, y = points[..., :1], points[..., 1:]
    x1, y1, x2, y2 = boxes[..., None, :, :].unbind(-1)
    return (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
