"""Crops, flips and colour changes of a sample by Pillow; the points move with the pixels.

Every function leaves the given sample unchanged.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

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
)
from .sample import Sample
from .targets import CROWDED_LIMIT


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
    # Neighbours beyond the window take part in the filter, as they would in the whole image.
    left = math.floor(x1) - math.ceil((x2 - x1) / width) - 1
    right = math.ceil(x2) + math.ceil((x2 - x1) / width) + 1
    top = math.floor(y1) - math.ceil((y2 - y1) / height) - 1
    bottom = math.ceil(y2) + math.ceil((y2 - y1) / height) + 1
    inside = x1 >= 0 and y1 >= 0 and x2 <= sample.size[1] and y2 <= sample.size[0]
    if inside:
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, sample.size[1]), min(bottom, sample.size[0])
        patch = sample.image[top:bottom, left:right]
    else:
        patch = _beyond(sample.image, left, top, right, bottom, pad)
    resized = Image.fromarray(np.ascontiguousarray(patch)).resize(
        (width, height),
        Image.Resampling.BILINEAR,
        box=(x1 - left, y1 - top, x2 - left, y2 - top),
    )
    points = move_points(sample.annotation, window, (height, width))
    return Sample(np.asarray(resized), points, sample.name)


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
    return Sample(np.ascontiguousarray(sample.image[:, ::-1]), points, sample.name)


def grey(sample: Sample) -> Sample:
    """Remove the colour: all three channels become the ITU-R 601 luma."""
    luma = np.asarray(Image.fromarray(sample.image).convert("L"))
    return replace(sample, image=np.repeat(luma[:, :, None], 3, axis=2))


def gamma(sample: Sample, exponent: float) -> Sample:
    """Raise intensities in [0, 1] to the power ``exponent``; above 1 darkens.

    Raises:
        ValueError: ``exponent`` is not positive.
    """
    if not exponent > 0:
        raise ValueError(f"exponent is {exponent}; it must be positive")
    return _map_intensities(sample, (np.arange(256) / 255) ** exponent * 255)


def color_jitter(
    sample: Sample, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0
) -> Sample:
    """Multiply contrast, brightness and saturation, in this order.

    Contrast is about the mean of every 4th pixel of every 4th row. A factor of 1 changes nothing.
    """
    mean = float(sample.image[::4, ::4].mean()) if sample.image.size else 0.0
    levels = (np.arange(256) - mean) * contrast + mean
    changed = _map_intensities(sample, levels * brightness)
    if saturation == 1:
        return changed
    image = ImageEnhance.Color(Image.fromarray(changed.image)).enhance(saturation)
    return replace(changed, image=np.asarray(image))


def blur(sample: Sample, sigma: float) -> Sample:
    """Blur with a Gaussian whose standard deviation is ``sigma`` pixels."""
    image = Image.fromarray(sample.image).filter(ImageFilter.GaussianBlur(sigma))
    return replace(sample, image=np.asarray(image))


def jpeg(sample: Sample, quality: int) -> Sample:
    """Compress as JPEG of ``quality`` (1 to 95), and decode it again."""
    buffer = io.BytesIO()
    Image.fromarray(sample.image).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as image:
        return replace(sample, image=np.asarray(image.convert("RGB")))


def noise(sample: Sample, rng: np.random.Generator, sigma: float) -> Sample:
    """Add Gaussian noise, independent per pixel and channel.

    ``sigma`` is its standard deviation in grey levels, of 255.
    """
    noisy = rng.standard_normal(sample.image.shape, dtype=np.float32)
    noisy *= np.float32(sigma)
    noisy += sample.image
    noisy += np.float32(0.5)  # the cast below takes the floor
    np.clip(noisy, 0, 255, out=noisy)
    return replace(sample, image=noisy.astype(np.uint8))


def augment(sample: Sample, rng: np.random.Generator, config: Augmentation | None = None) -> Sample:
    """Flip at random, then change colours and quality at random, in the order a camera would."""
    return apply_changes(sample, draw_changes(rng, config or Augmentation()))


def apply_changes(sample: Sample, changes: Changes) -> Sample:
    """Apply changes in the order of `Changes`; return the sample itself where there are none."""
    if changes.flip:
        sample = horizontal_flip(sample)
    if changes.blur:
        sample = blur(sample, changes.blur)
    factors = changes.brightness, changes.contrast, changes.saturation
    if factors != (1, 1, 1):
        sample = color_jitter(sample, *factors)
    if changes.gamma != 1:
        sample = gamma(sample, changes.gamma)
    if changes.grey:
        sample = grey(sample)
    if changes.noise:
        sample = noise(sample, np.random.default_rng(changes.noise_seed), changes.noise)
    if changes.jpeg is not None:
        sample = jpeg(sample, changes.jpeg)
    return sample


def apply_plan(sample: Sample, plan: CropPlan) -> Sample:
    """Return the training crop that a plan makes of a sample."""
    return apply_changes(crop_window(sample, plan.window, plan.size), plan.changes)


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


def _map_intensities(sample: Sample, levels: npt.NDArray[np.floating[Any]]) -> Sample:
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return replace(sample, image=table[sample.image])
