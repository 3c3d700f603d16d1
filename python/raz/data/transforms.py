"""Crops, flips and colour changes of a sample by Pillow; the points move with the pixels.

Every function leaves the given sample unchanged. Each is a step on a Pillow image between two
conversions from and to an array; `apply_plan` makes these two once for all its steps.

`apply_plan` has torch resize windows of whole pixels, with Pillow's filter in the same fixed point,
but vectorised. Such a window is resized by itself: unlike `crop_window`'s, its outermost pixels
take in no neighbours beyond it.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance

from ..ops.attention_map import CROWDED_LIMIT
from . import device_transforms
from .crop_plan import (
    Augmentation,
    Changes,
    CropPlan,
    Window,
    draw_changes,
    draw_window,
    draw_zoom_window,
    flip_points,
    move_points,
    plan_points,
)
from .sample import Sample


def crop_window(
    sample: Sample,
    window: Window,
    size: int | tuple[int, int],
    *,
    pad: Literal["black", "edge"] = "black",
) -> Sample:
    """Cut a window out of the image and resize it.

    Shrinking is antialiased (triangle filter); enlarging is bilinear. Points move by the same
    affine map (see `move_points`).

    Args:
        sample: the sample to cut from.
        window: edges (x1, y1, x2, y2) in pixels. They may be fractional or lie beyond the image.
        size: (height, width) of the result in pixels, or one number for a square.
        pad: colour beyond the image: "black", or "edge" for that of the nearest pixel.

    Raises:
        ValueError: ``window`` is empty or not finite, ``size`` is not positive, or ``pad`` is
            neither "black" nor "edge".
    """
    x1, y1, x2, y2 = window
    height, width = (size, size) if isinstance(size, int) else size
    if not all(map(math.isfinite, window)) or x2 <= x1 or y2 <= y1:
        raise ValueError(f"window is {window}; it must be finite with x1 < x2 and y1 < y2")
    if height < 1 or width < 1:
        raise ValueError(f"size is {size}; it must be positive")
    if pad not in ("black", "edge"):
        raise ValueError(f"pad is {pad!r}; it must be 'black' or 'edge'")
    points = move_points(sample.annotation, window, (height, width))
    image = _resized(sample.image, window, height, width, pad)
    return Sample(np.asarray(image), points, sample.name)


def _resized(
    pixels: npt.NDArray[np.uint8], window: Window, height: int, width: int, pad: str
) -> Image.Image:
    """A window of an image [H, W, 3], resized."""
    x1, y1, x2, y2 = window
    # Neighbours beyond the window take part in the filter, as they would in the whole image.
    left = math.floor(x1) - math.ceil((x2 - x1) / width) - 1
    right = math.ceil(x2) + math.ceil((x2 - x1) / width) + 1
    top = math.floor(y1) - math.ceil((y2 - y1) / height) - 1
    bottom = math.ceil(y2) + math.ceil((y2 - y1) / height) + 1
    if x1 >= 0 and y1 >= 0 and x2 <= pixels.shape[1] and y2 <= pixels.shape[0]:
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, pixels.shape[1]), min(bottom, pixels.shape[0])
        patch = pixels[top:bottom, left:right]
    else:
        patch = _beyond(pixels, left, top, right, bottom, pad)
    return Image.fromarray(np.ascontiguousarray(patch)).resize(
        (width, height),
        Image.Resampling.BILINEAR,
        box=(x1 - left, y1 - top, x2 - left, y2 - top),
    )


def random_crop(
    sample: Sample,
    rng: np.random.Generator,
    size: int = 384,
    scale: tuple[float, float] = (0.75, 2.0),
    center_on_head: float = 0.5,
) -> Sample:
    """Cut a square that `draw_window` draws, and resize it to ``size`` x ``size`` pixels.

    Raises:
        ValueError: ``scale`` is not 0 < least <= greatest.
    """
    return crop_window(
        sample, draw_window(sample.annotation, rng, size, scale, center_on_head), size
    )


def zoom_crop(
    sample: Sample, rng: np.random.Generator, size: int = 384, limit: float = CROWDED_LIMIT
) -> Sample:
    """Enlarge a square that `draw_zoom_window` draws by exactly 2; black beyond a small image."""
    return crop_window(sample, draw_zoom_window(sample.annotation, rng, size, limit), size)


def horizontal_flip(sample: Sample) -> Sample:
    """Mirror left and right; x becomes W - x, without another -1, since pixels are areas."""
    points = flip_points(sample.points, sample.size[1])
    return Sample(_pixels(_mirrored(_image(sample))), points, sample.name)


def grey(sample: Sample) -> Sample:
    """Remove the colour: all three channels become the ITU-R 601 luma."""
    return _with_image(sample, _greyed(_image(sample)))


def gamma(sample: Sample, exponent: float) -> Sample:
    """Raise intensities in [0, 1] to the power ``exponent``; above 1 darkens.

    Raises:
        ValueError: ``exponent`` is not positive.
    """
    if not exponent > 0:
        raise ValueError(f"exponent is {exponent}; it must be positive")
    return _with_image(sample, _gamma_corrected(_image(sample), exponent))


def color_jitter(
    sample: Sample, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0
) -> Sample:
    """Multiply contrast, brightness and saturation, in this order.

    Contrast is about the mean of every 4th pixel of every 4th row. A factor of 1 changes nothing.
    """
    return _with_image(sample, _jittered(_image(sample), brightness, contrast, saturation))


def blur(sample: Sample, sigma: float) -> Sample:
    """Blur with a Gaussian whose standard deviation is ``sigma`` pixels."""
    return _with_image(sample, _blurred(_image(sample), sigma))


def jpeg(sample: Sample, quality: int) -> Sample:
    """Compress as JPEG of ``quality`` (1 to 95), and decode it again."""
    return _with_image(sample, _compressed(_image(sample), quality))


def noise(sample: Sample, rng: np.random.Generator, sigma: float) -> Sample:
    """Add Gaussian noise, independent per pixel and channel.

    ``sigma`` is its standard deviation in grey levels, of 255.
    """
    return replace(sample, image=_noisy(sample.image, rng, sigma))


def augment(sample: Sample, rng: np.random.Generator, config: Augmentation | None = None) -> Sample:
    """Flip at random, then change colours and quality at random, in the order a camera would."""
    return apply_changes(sample, draw_changes(rng, config or Augmentation()))


def apply_changes(sample: Sample, changes: Changes) -> Sample:
    """Apply changes in the order of `Changes`; return the sample itself where there are none."""
    image = _image(sample)
    changed = _changed(image, changes)
    if changed is image:
        return sample
    points = flip_points(sample.points, sample.size[1]) if changes.flip else sample.points
    return Sample(_pixels(changed), points, sample.name)


def apply_plan(sample: Sample, plan: CropPlan) -> Sample:
    """Return the training crop that a plan makes of a sample."""
    if _is_whole(plan.window, sample.size):
        image = _resized_alone(sample.image, plan.window, plan.size)
    else:
        image = _resized(sample.image, plan.window, plan.size, plan.size, "black")
    points = plan_points(sample.annotation, plan)
    return Sample(_pixels(_changed(image, plan.changes)), points, sample.name)


def _is_whole(window: Window, size: tuple[int, int]) -> bool:
    """Whether a window has whole pixels of an image of ``size`` (height, width), all inside."""
    x1, y1, x2, y2 = window
    inside = 0 <= x1 < x2 <= size[1] and 0 <= y1 < y2 <= size[0]
    return inside and all(float(edge).is_integer() for edge in window)


def _resized_alone(pixels: npt.NDArray[np.uint8], window: Window, size: int) -> Image.Image:
    """A window of whole pixels of an image [H, W, 3], resized to a square without what is around.

    Differs from Pillow's by at most two grey levels, where the window ends where the image does.
    """
    x1, y1, x2, y2 = map(int, window)
    patch = torch.tensor(pixels[y1:y2, x1:x2])[None].permute(0, 3, 1, 2)
    resized = F.interpolate(patch, (size, size), mode="bilinear", antialias=True)
    return Image.fromarray(resized[0].permute(1, 2, 0).contiguous().numpy())


def _changed(image: Image.Image, changes: Changes) -> Image.Image:
    """What `Changes` says done to an image, in its order; without any the image itself."""
    if changes.flip:
        image = _mirrored(image)
    if changes.blur:
        image = _blurred(image, changes.blur)
    factors = changes.brightness, changes.contrast, changes.saturation
    if factors != (1, 1, 1):
        image = _jittered(image, *factors)
    if changes.gamma != 1:
        image = _gamma_corrected(image, changes.gamma)
    if changes.grey:
        image = _greyed(image)
    if changes.noise:
        rng = np.random.default_rng(changes.noise_seed)
        image = Image.fromarray(_noisy(_pixels(image), rng, changes.noise))
    if changes.jpeg is not None:
        image = _compressed(image, changes.jpeg)
    return image


def _image(sample: Sample) -> Image.Image:
    return Image.fromarray(sample.image)


def _pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image)


def _with_image(sample: Sample, image: Image.Image) -> Sample:
    return replace(sample, image=_pixels(image))


def _mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _greyed(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _gamma_corrected(image: Image.Image, exponent: float) -> Image.Image:
    return _map_intensities(image, (np.arange(256) / 255) ** exponent * 255)


def _jittered(
    image: Image.Image, brightness: float, contrast: float, saturation: float
) -> Image.Image:
    pixels = _pixels(image)
    mean = float(pixels[::4, ::4].mean()) if pixels.size else 0.0
    levels = (np.arange(256) - mean) * contrast + mean
    image = _map_intensities(image, levels * brightness)
    return image if saturation == 1 else ImageEnhance.Color(image).enhance(saturation)


def _blurred(image: Image.Image, sigma: float) -> Image.Image:
    # Not by Pillow's filter, the same three boxes in six passes that round and take thrice as long.
    planes = torch.stack([torch.tensor(np.asarray(band)) for band in image.split()]).float()
    blurred = device_transforms.blur(planes, sigma).add_(0.5).to(torch.uint8)
    return Image.merge(image.mode, [Image.fromarray(plane) for plane in blurred.numpy()])


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as compressed:
        return compressed.convert("RGB")


def _noisy(
    pixels: npt.NDArray[np.uint8], rng: np.random.Generator, sigma: float
) -> npt.NDArray[np.uint8]:
    noisy = rng.standard_normal(pixels.shape, dtype=np.float32)
    noisy *= np.float32(sigma)
    noisy += pixels
    noisy += np.float32(0.5)  # the cast below takes the floor
    np.clip(noisy, 0, 255, out=noisy)
    return noisy.astype(np.uint8)


def _map_intensities(image: Image.Image, levels: npt.NDArray[np.floating[Any]]) -> Image.Image:
    table: list[int] = np.clip(np.rint(levels), 0, 255).astype(np.uint8).tolist()
    return image.point(table * 3)


def _beyond(
    image: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int, pad: str
) -> npt.NDArray[np.uint8]:
    """Return the pixels [top, bottom) x [left, right), some of which lie outside the image."""
    height, width = image.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    patch: npt.NDArray[np.uint8] = image[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    if pad == "black":
        patch[(rows < 0) | (rows >= height)] = 0
        patch[:, (columns < 0) | (columns >= width)] = 0
    return patch
