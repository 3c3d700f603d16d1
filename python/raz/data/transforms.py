"""Crops, flips and colour changes of a sample; the points move with the pixels.

Every function returns a new sample and leaves the given one alone.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from .sample import Sample
from .targets import CROWDED_LIMIT, congestion

Window = tuple[float, float, float, float]


def crop_window(
    sample: Sample,
    window: Window,
    size: int | tuple[int, int],
    *,
    pad: Literal["black", "edge"] = "black",
) -> Sample:
    """Cut a window out of the image and resize it.

    Shrinking is antialiased (triangle filter), enlarging is bilinear. Points move by the same
    affine map and are kept where x1 <= x < x2 and y1 <= y < y2, so that abutting windows share
    none; a point on the image's own last edge belongs to the window that ends there.

    Args:
        sample: what to cut from.
        window: (x1, y1, x2, y2), edges in pixels, fractional, also beyond the image.
        size: (height, width) of the result in pixels, or one number for a square.
        pad: what the window shows beyond the image: black, or the nearest pixel's colour.

    Raises:
        ValueError: the window is empty or not finite, ``size`` is not positive, or ``pad`` unknown.
    """
    x1, y1, x2, y2 = window
    height, width = (size, size) if isinstance(size, int) else size
    if not all(map(math.isfinite, window)) or x2 <= x1 or y2 <= y1:
        raise ValueError(f"window is {window}, must be finite with x1 < x2 and y1 < y2")
    if height < 1 or width < 1:
        raise ValueError(f"size is {size}, must be positive")
    if pad not in ("black", "edge"):
        raise ValueError(f"pad is {pad!r}, must be 'black' or 'edge'")
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
    points = _move_points(sample, window, (height, width))
    return Sample(np.asarray(resized), points, sample.name)


def random_crop(
    sample: Sample,
    rng: np.random.Generator,
    size: int = 384,
    scale: tuple[float, float] = (0.75, 2.0),
    center_on_head: float = 0.5,
) -> Sample:
    """Cut a random square and resize it to ``size`` x ``size`` pixels.

    The square's side is ``size`` times a log-uniform draw from ``scale``, so more than 1 shrinks
    people; it lies inside the image. Where the image's shorter side is less than that, it is the
    shorter side: small pictures are enlarged to the crop, with their aspect ratio kept.

    Args:
        sample: what to cut from; both sides of its image at least 1 pixel.
        rng: source of randomness.
        size: side of the crop in pixels.
        scale: least and greatest pixels of the image per pixel of the crop.
        center_on_head: share of crops laid around a random head, which falls anywhere inside,
            as far as the image's borders let it. The rest lie uniformly, and may be empty.

    Raises:
        ValueError: ``scale`` is not 0 < least <= greatest.
    """
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale is {scale}, must be (least, greatest) with 0 < least <= greatest")
    height, width = sample.size
    drawn = size * math.exp(rng.uniform(math.log(scale[0]), math.log(scale[1])))
    side = min(drawn, height, width)
    heads = _points_inside(sample)
    x1, y1 = rng.uniform(0, width - side), rng.uniform(0, height - side)
    if rng.random() < center_on_head and len(heads):
        x, y = heads[rng.integers(len(heads))]
        x1 = min(max(x - rng.random() * side, 0.0), width - side)
        y1 = min(max(y - rng.random() * side, 0.0), height - side)
    window = (x1, y1, min(x1 + side, width), min(y1 + side, height))
    return crop_window(sample, window, size)


def zoom_crop(
    sample: Sample,
    rng: np.random.Generator,
    size: int = 384,
    limit: float = CROWDED_LIMIT,
) -> Sample:
    """Enlarge a square around a crowded head by exactly 2, as the zoom does to a region (ours).

    The head is drawn among those whose congestion is below ``limit`` pixels, among all where none
    is, and the square lies anywhere where there are no heads. It is shifted into the image; an
    image smaller than the square is centred in it and black around.

    Args:
        sample: what to cut from.
        rng: source of randomness.
        size: side of the crop in pixels; the square's side is half of it.
        limit: mean distance to the three nearest heads, in pixels, below which a head is crowded.
    """
    height, width = sample.size
    side = size / 2
    heads = _points_inside(sample)
    crowded = heads[congestion(heads) < limit]
    choice = crowded if len(crowded) else heads
    if len(choice):
        x, y = choice[rng.integers(len(choice))]
    else:
        x, y = rng.uniform(0, width), rng.uniform(0, height)
    x1 = _slide_inside(float(x) - side / 2, side, width)
    y1 = _slide_inside(float(y) - side / 2, side, height)
    return crop_window(sample, (x1, y1, x1 + side, y1 + side), size)


def horizontal_flip(sample: Sample) -> Sample:
    """Mirror left and right: x becomes W - x (pixels are areas, so nothing more is taken off)."""
    points = sample.points.copy()
    points[:, 0] = np.float32(sample.size[1]) - points[:, 0]
    return Sample(np.ascontiguousarray(sample.image[:, ::-1]), points, sample.name)


def grey(sample: Sample) -> Sample:
    """Take the colour away (ITU-R 601 luma in all three channels)."""
    luma = np.asarray(Image.fromarray(sample.image).convert("L"))
    return replace(sample, image=np.repeat(luma[:, :, None], 3, axis=2))


def gamma(sample: Sample, exponent: float) -> Sample:
    """Raise intensities in [0, 1] to ``exponent``: above 1 darkens.

    Raises:
        ValueError: ``exponent`` is not positive.
    """
    if not exponent > 0:
        raise ValueError(f"exponent is {exponent}, must be positive")
    return _map_intensities(sample, (np.arange(256) / 255) ** exponent * 255)


def color_jitter(
    sample: Sample,
    rng: np.random.Generator,
    brightness: float = 0.15,
    contrast: float = 0.15,
    saturation: float = 0.1,
) -> Sample:
    """Multiply brightness, contrast (about the mean) and saturation by 1 + uniform(-a, a) each."""
    bright, steep, vivid = (
        1 + rng.uniform(-amount, amount) for amount in (brightness, contrast, saturation)
    )
    mean = float(sample.image[::4, ::4].mean()) if sample.image.size else 0.0
    levels = (np.arange(256) - mean) * steep + mean
    changed = _map_intensities(sample, levels * bright)
    if saturation == 0:
        return changed
    image = ImageEnhance.Color(Image.fromarray(changed.image)).enhance(vivid)
    return replace(changed, image=np.asarray(image))


def blur(sample: Sample, sigma: float) -> Sample:
    """Blur by a Gaussian of ``sigma`` pixels."""
    image = Image.fromarray(sample.image).filter(ImageFilter.GaussianBlur(sigma))
    return replace(sample, image=np.asarray(image))


def jpeg(sample: Sample, quality: int) -> Sample:
    """Compress as JPEG of ``quality`` (1 to 95) and decode again."""
    buffer = io.BytesIO()
    Image.fromarray(sample.image).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as image:
        return replace(sample, image=np.asarray(image.convert("RGB")))


def noise(sample: Sample, rng: np.random.Generator, sigma: float) -> Sample:
    """Add Gaussian noise of ``sigma`` grey levels (of 255), independent per pixel and channel."""
    noisy = rng.standard_normal(sample.image.shape, dtype=np.float32)
    noisy *= np.float32(sigma)
    noisy += sample.image
    noisy += np.float32(0.5)  # the cast below takes the floor
    np.clip(noisy, 0, 255, out=noisy)
    return replace(sample, image=noisy.astype(np.uint8))


@dataclass(frozen=True)
class Augmentation:
    """How often (probabilities) and how much `augment` changes a sample (ours).

    ``blur_sigma`` is in pixels, ``noise_sigma`` in grey levels; pairs are (least, greatest).
    """

    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.15
    contrast: float = 0.15
    saturation: float = 0.1
    grey: float = 0.1
    gamma: float = 0.3
    gamma_exponent: tuple[float, float] = (0.7, 1.4)
    blur: float = 0.1
    blur_sigma: tuple[float, float] = (0.3, 1.0)
    noise: float = 0.1
    noise_sigma: tuple[float, float] = (1.0, 6.0)
    jpeg: float = 0.15
    jpeg_quality: tuple[int, int] = (30, 90)


def augment(sample: Sample, rng: np.random.Generator, config: Augmentation | None = None) -> Sample:
    """Flip at random, then change colours and quality at random, in the order a camera would."""
    config = config or Augmentation()
    happens = dict(zip(_STEPS, rng.random(len(_STEPS)), strict=True))
    if happens["flip"] < config.flip:
        sample = horizontal_flip(sample)
    if happens["blur"] < config.blur:
        sample = blur(sample, rng.uniform(*config.blur_sigma))
    if happens["jitter"] < config.jitter:
        sample = color_jitter(sample, rng, config.brightness, config.contrast, config.saturation)
    if happens["gamma"] < config.gamma:
        sample = gamma(sample, rng.uniform(*config.gamma_exponent))
    if happens["grey"] < config.grey:
        sample = grey(sample)
    if happens["noise"] < config.noise:
        sample = noise(sample, rng, rng.uniform(*config.noise_sigma))
    if happens["jpeg"] < config.jpeg:
        least, greatest = config.jpeg_quality
        sample = jpeg(sample, int(rng.integers(least, greatest, endpoint=True)))
    return sample


_STEPS = ("flip", "blur", "jitter", "gamma", "grey", "noise", "jpeg")


def _beyond(
    image: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int, pad: str
) -> npt.NDArray[np.uint8]:
    """The pixels [top, bottom) x [left, right), some of them outside the image."""
    height, width = image.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    patch: npt.NDArray[np.uint8] = image[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    if pad == "black":
        patch[(rows < 0) | (rows >= height)] = 0
        patch[:, (columns < 0) | (columns >= width)] = 0
    return patch


def _move_points(sample: Sample, window: Window, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    x1, y1, x2, y2 = window
    x, y = sample.points.astype(np.float64).T
    height, width = sample.size
    kept = (x1 <= x) & (y1 <= y)
    kept &= (x < x2) | ((x == x2) & (x2 == width))
    kept &= (y < y2) | ((y == y2) & (y2 == height))
    moved = np.stack(
        [(x[kept] - x1) * (size[1] / (x2 - x1)), (y[kept] - y1) * (size[0] / (y2 - y1))], axis=1
    ).astype(np.float32)
    # Rounding to float32 must not carry a point out of its crop.
    last: npt.NDArray[np.float32] = np.nextafter(
        np.array([size[1], size[0]], dtype=np.float32), np.float32(0)
    )
    kept_inside: npt.NDArray[np.float32] = np.minimum(moved, last)
    return kept_inside


def _points_inside(sample: Sample) -> npt.NDArray[np.float32]:
    height, width = sample.size
    x, y = sample.points.T
    inside = (x >= 0) & (y >= 0) & (x <= width) & (y <= height)
    return np.compress(inside, sample.points, axis=0)


def _slide_inside(start: float, length: float, extent: float) -> float:
    """Start of an interval moved inside [0, extent], or centred on it where it is the longer."""
    if length >= extent:
        return (extent - length) / 2
    return min(max(start, 0.0), extent - length)


def _map_intensities(sample: Sample, levels: npt.NDArray[np.floating[Any]]) -> Sample:
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return replace(sample, image=table[sample.image])
