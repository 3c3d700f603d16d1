"""Views of an image: the pixels that go through the network in one pass.

The first pass views the whole image as it is; a region's pass views an enlarged window of it. Only
the pixels under the requested part are read, so neither an image nor an enlarged window need ever
be in memory whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from raz import ops

from .coordinates import CropGeometry, Window, window_around


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
    """A window of an image, enlarged by the scale of its crop.

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

        A part has exactly the same pixels as the whole view there.

        Args:
            part: a rectangle in the view's own pixels.
        """
        height, width = self.size
        x1, y1, x2, y2 = part = part or (0, 0, width, height)
        crop = self.crop
        if crop.scale == 1:
            shown = self._read((crop.x + x1, crop.y + y1, crop.x + x2, crop.y + y2))
            return shown.float().div_(255)
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

    def _read(self, window: Window) -> Tensor:
        """Pixels of a window of the image, uint8 [3, h, w] on the device."""
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
        return pixels.to(self.device)
