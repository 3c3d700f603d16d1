"""Views of an image: the pixels that go through the network in one pass.

The first pass views the whole image, as it is or reduced; a region's pass views a window of it.
Only the pixels under the requested part are read, so neither an image nor a view need ever be in
memory whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from raz import ops

from .coordinates import Box, CropGeometry, Window, window_around

STRIP_PIXELS = 1_048_576
"""Most pixels of the image that are reduced at once, or one row of the view, without the pixels
around it that it mixes (ours): about 12 MB, 35 MB for the largest images."""


class ImageSource(Protocol):
    """An image whose windows can be read.

    Example:
        >>> import numpy as np
        >>> class Array:
        ...     image_size = (48, 64)
        ...     def read(self, window):
        ...         x1, y1, x2, y2 = window
        ...         return np.zeros((3, y2 - y1, x2 - x1), np.uint8)
        >>> import raz
        >>> raz.zoom.count_and_locate(raz.get_model("raznet_lite"), Array()).image_size
        (48, 64)
    """

    @property
    def image_size(self) -> tuple[int, int]:
        """(w, h) in pixels."""
        ...

    def read(self, window: Window, /) -> Tensor | np.ndarray:
        """Return the pixels of a window inside the image: uint8 [3, h, w], RGB, on any device.

        The result is an array or a tensor. It may share memory with the image; it is not written
        to.
        """
        ...


@dataclass(frozen=True)
class TensorImage:
    """An image in memory as a source.

    Attributes:
        image: uint8 [3, H, W], RGB.
    """

    image: Tensor

    @property
    def image_size(self) -> tuple[int, int]:
        """(w, h) in pixels."""
        return (self.image.shape[-1], self.image.shape[-2])

    def read(self, window: Window) -> Tensor:
        """Return the pixels of a window, without a copy."""
        x1, y1, x2, y2 = window
        return self.image[:, y1:y2, x1:x2]


@dataclass(frozen=True)
class View:
    """A window of an image, enlarged or reduced by the scale of its crop.

    Enlarging is bilinear (`raz.ops.crop_and_resize`), reducing is antialiased (`reduce`).

    Attributes:
        image: the source of its pixels.
        crop: the window and its enlargement.
        device: of the pixels.

    Raises:
        TypeError, ValueError: in `pixels`, if the source does not return uint8 [3, h, w] of the
            window.
    """

    image: ImageSource
    crop: CropGeometry
    device: torch.device

    @property
    def size(self) -> tuple[int, int]:
        """Size (h, w) in the view's own pixels."""
        return self.crop.size

    def pixels(self, part: Window | None = None) -> Tensor:
        """Return the pixels of a part, or of the whole view: float32 [3, h, w] in [0, 1].

        A part has exactly the same pixels as the whole view there; of a reduced view, up to
        rounding to bytes.

        Args:
            part: a rectangle in the view's own pixels.
        """
        height, width = self.size
        x1, y1, x2, y2 = part = part or (0, 0, width, height)
        crop = self.crop
        if crop.scale == 1:
            shown = self._read((crop.x + x1, crop.y + y1, crop.x + x2, crop.y + y2))
            return shown.float().div_(255)
        if crop.scale < 1:
            return self._reduced(part)
        box = crop.part_to_image(part)
        # A sample mixes neighbouring pixels: one pixel more on every side, where there is one.
        read = window_around(box, 1, self.image.image_size, 1)
        shown = self._read((read.x, read.y, read.x + read.width, read.y + read.height))
        corner = (read.x, read.y, read.x, read.y)
        moved = [edge - origin for edge, origin in zip(box, corner, strict=True)]
        return ops.crop_and_resize(
            shown[None],
            torch.tensor([moved], dtype=torch.float64, device=self.device),
            torch.zeros(1, dtype=torch.int64, device=self.device),
            (y2 - y1, x2 - x1),
        )[0]

    def _reduced(self, part: Window) -> Tensor:
        """The pixels of a part of a reduced view, computed in strips of its rows."""
        x1, y1, x2, y2 = part
        scale = self.crop.scale
        step = max(1, int(STRIP_PIXELS * scale**2 / (x2 - x1)))
        reduced = torch.empty(3, y2 - y1, x2 - x1, device=self.device)
        width, height = self.image.image_size
        rows, columns = self.size
        _, _, right, lower = self.crop.part_to_image((0, 0, columns, rows))
        # The last pixels may stick out of the image; those before them see what is beyond, too.
        extent = (max(width, math.ceil(right - 1e-6)), max(height, math.ceil(lower - 1e-6)))
        for top in range(y1, y2, step):
            bottom = min(top + step, y2)
            box = self.crop.part_to_image((x1, top, x2, bottom))
            # A pixel mixes those that its neighbours cover, too.
            read = window_around(box, 1 / scale, extent, 1)
            left, upper = read.x, read.y
            shown = self._stored(
                (left, upper, min(width, left + read.width), min(height, upper + read.height))
            )
            moved = (box[0] - left, box[1] - upper, box[2] - left, box[3] - upper)
            size = (bottom - top, x2 - x1)
            reduced[:, top - y1 : bottom - y1] = reduce(
                shown, moved, size, (read.height, read.width)
            )
        return reduced.div_(255)

    def _read(self, window: Window) -> Tensor:
        """Pixels of a window of the image, uint8 [3, h, w] on the device."""
        return self._stored(window).to(self.device)

    def _stored(self, window: Window) -> Tensor:
        """Pixels of a window of the image, uint8 [3, h, w], where the source has them."""
        pixels = self.image.read(window)
        if pixels.dtype != (torch.uint8 if isinstance(pixels, Tensor) else np.uint8):
            raise TypeError(f"read() of the image returned {pixels.dtype}; it must return uint8")
        if not isinstance(pixels, Tensor):  # torch takes neither negative strides nor read-only
            pixels = torch.from_numpy(np.require(pixels, requirements=["C", "W"]))
        x1, y1, x2, y2 = window
        if pixels.shape != (3, y2 - y1, x2 - x1):
            raise ValueError(
                f"read({window}) of the image returned the shape {tuple(pixels.shape)}; it must "
                f"be {(3, y2 - y1, x2 - x1)}"
            )
        return pixels


def reduce(
    pixels: Tensor, box: Box, size: tuple[int, int], extent: tuple[int, int] = (0, 0)
) -> Tensor:
    """Reduce a box of an image with antialiasing, on the CPU.

    Args:
        pixels: uint8 [3, H, W]; beyond its right and lower edge its border is repeated.
        box: edges (x1, y1, x2, y2), x1 and y1 at least 0.
        size: (h, w), less than that of the box.
        extent: (h, w) to which the border is repeated at least.

    Returns:
        uint8 [3, h, w]: weighted means of the pixels under each and around it (Hamming's window).
    """
    rows = np.ascontiguousarray(pixels.cpu().permute(1, 2, 0).numpy())
    below, right = (
        max(0, math.ceil(box[3 - axis] - 1e-6) - rows.shape[axis], extent[axis] - rows.shape[axis])
        for axis in (0, 1)
    )
    if below or right:
        rows = np.pad(rows, ((0, below), (0, right), (0, 0)), mode="edge")
    box = (box[0], box[1], min(box[2], rows.shape[1]), min(box[3], rows.shape[0]))
    image = Image.fromarray(rows).resize(size[::-1], Image.Resampling.HAMMING, box=box)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
