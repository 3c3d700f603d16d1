"""From an image as users hold it to the input of a net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ["UnitRange"]


class UnitRange(nn.Module):
    """Convert one image to float32 RGB [3, H, W] in [0, 1], the input of every net of this library.

    The nets normalise and pad inside, so no size is changed and no mean is subtracted. A PIL image
    is turned upright by its EXIF orientation, as ``raz.predict`` does.

    Example:
        >>> UnitRange()(np.full((2, 3, 3), 255, np.uint8)).shape
        torch.Size([3, 2, 3])
        >>> UnitRange()(torch.full((3, 1, 1), 51, dtype=torch.uint8)).flatten()
        tensor([0.2000, 0.2000, 0.2000])
    """

    def forward(self, image: Image | npt.NDArray[np.uint8] | Tensor) -> Tensor:
        """Convert one image.

        Args:
            image: a PIL image of mode "RGB" or "L"; a uint8 array [H, W, 3] (RGB) or [H, W] (grey);
                or a tensor [3, H, W], uint8 or floating point in [0, 1], which stays on its device.

        Raises:
            TypeError: it is of another type, mode or dtype.
            ValueError: its shape or its range is wrong.
        """
        if isinstance(image, Tensor):
            return _of_tensor(image)
        if isinstance(image, np.ndarray):
            return _of_array(image)
        return _of_array(_of_pil(image))


def _of_tensor(image: Tensor) -> Tensor:
    if image.ndim != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise ValueError(f"image has shape {tuple(image.shape)}; it must be [3, H, W], not empty")
    if image.dtype == torch.uint8:
        return image.float() / 255
    if not image.is_floating_point() or image.dtype.itemsize < 2:
        raise TypeError(
            f"image is {image.dtype}; it must be uint8, or floating point of 16 bits or more in "
            "[0, 1]"
        )
    low, high = (float(value) for value in torch.aminmax(image.detach()))
    if not (low >= 0 and high <= 1):  # NaN fails too
        raise ValueError(f"image has values from {low:g} to {high:g}; they must be in [0, 1]")
    return image.float()


def _of_array(image: npt.NDArray[Any]) -> Tensor:
    if image.dtype != np.uint8:
        raise TypeError(f"image is {image.dtype}; an array must be uint8")
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or image.size == 0:
        raise ValueError(
            f"image has shape {image.shape}; an array must be [H, W, 3] or [H, W], not empty"
        )
    # torch takes neither negative strides nor read-only memory.
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).float() / 255
    return pixels.expand(3, -1, -1) if image.ndim == 2 else pixels.permute(2, 0, 1)


def _of_pil(image: Any) -> npt.NDArray[Any]:
    from PIL import Image, ImageOps

    if not isinstance(image, Image.Image):
        raise TypeError(
            f"image is {type(image).__name__}; it must be a PIL image, an array or a tensor"
        )
    if image.mode not in ("RGB", "L"):
        raise TypeError(
            f"image has mode {image.mode!r}; it must be 'RGB' or 'L' (see Image.convert)"
        )
    return np.asarray(ImageOps.exif_transpose(image))
