"""Which crop is cut out of an image and how it is changed: drawn here, done elsewhere.

A `CropPlan` says all of it in numbers. `raz.data.transforms` carries plans out on samples with
Pillow, `raz.data.device_transforms` on batches with torch; neither draws anything but the noise
whose seed a plan names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ops.attention_map import CROWDED_LIMIT
from .sample import Annotation

Window = tuple[float, float, float, float]
"""Edges (x1, y1, x2, y2) in pixels of the image, fractional, also beyond it."""


_STEPS = ("flip", "blur", "jitter", "gamma", "grey", "noise", "jpeg")
_AMOUNTS = ("brightness", "contrast", "saturation")
_PAIRS = {
    "gamma_exponent": (0.01, 100),
    "blur_sigma": (0, 100),
    "noise_sigma": (0, 255),
    "jpeg_quality": (1, 95),
}
"""What the numbers of each pair are in."""


@dataclass(frozen=True)
class Augmentation:
    """How often (probabilities) and how much a crop is changed (ours).

    ``blur_sigma`` is in pixels, ``noise_sigma`` in grey levels; pairs are (least, greatest).
    ``brightness``, ``contrast`` and ``saturation``, in [0, 1], are the greatest changes of factors;
    ``gamma_exponent`` is in [0.01, 100], ``blur_sigma`` in [0, 100], ``noise_sigma`` in [0, 255],
    ``jpeg_quality`` in [1, 95].

    Raises:
        ValueError: a value is out of its range or NaN.

    Example:
        >>> from raz.data import Augmentation
        >>> Augmentation(flip=0.0, jpeg=0.0).flip
        0.0
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

    def __post_init__(self) -> None:
        for name in (*_STEPS, *_AMOUNTS):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be in [0, 1]")
        for name, allowed in _PAIRS.items():
            least, most = getattr(self, name)
            if not allowed[0] <= least <= most <= allowed[1]:
                raise ValueError(
                    f"{name} is {(least, most)}; it must be (least, greatest) in "
                    f"[{allowed[0]:g}, {allowed[1]:g}]"
                )


@dataclass(frozen=True)
class Changes:
    """What happens to a crop after it is cut, in this order; the defaults change nothing.

    Attributes:
        flip: whether left and right are mirrored.
        blur: standard deviation of a Gaussian in pixels, 0 for none.
        brightness, contrast, saturation: factors; contrast is about the crop's mean.
        gamma: exponent of the intensities in [0, 1].
        grey: whether the colour is taken away.
        noise: standard deviation in grey levels, 0 for none.
        noise_seed: of the noise.
        jpeg: quality (1 to 95) of a compression, None for none.
    """

    flip: bool = False
    blur: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    gamma: float = 1.0
    grey: bool = False
    noise: float = 0.0
    noise_seed: int = 0
    jpeg: int | None = None


@dataclass(frozen=True)
class CropPlan:
    """One training crop: the window that is cut out, its side in pixels, and what follows."""

    window: Window
    size: int
    changes: Changes = Changes()


def draw_window(
    annotation: Annotation,
    rng: np.random.Generator,
    size: int = 384,
    scale: tuple[float, float] = (0.75, 2.0),
    center_on_head: float = 0.5,
) -> Window:
    """Draw a square of the image, which resized to ``size`` pixels scales people at random.

    The square's side is ``size`` times a log-uniform draw from ``scale``, so more than 1 shrinks
    people. It is at most as long as the image's shorter side or ``size``, whichever is greater: an
    image that is smaller than a crop is padded, not enlarged beyond the draw. The square lies
    inside the image; along an axis on which it is the longer, it holds the whole image, anywhere
    in it. Its edges are whole pixels, which `raz.data.transforms` cuts out fastest.

    Args:
        annotation: of an image of at least 1 x 1 pixels.
        rng: source of randomness.
        size: side of the crop in pixels.
        scale: least and greatest pixels of the image per pixel of the crop.
        center_on_head: share of squares laid around a random head, which falls anywhere inside,
            as far as the image's borders let it. The rest lie uniformly, and may be empty.

    Raises:
        ValueError: ``scale`` is not 0 < least <= greatest.
    """
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(
            f"scale is {scale}; it must be (least, greatest) with 0 < least <= greatest"
        )
    height, width = annotation.size
    drawn = size * math.exp(rng.uniform(math.log(scale[0]), math.log(scale[1])))
    side = min(max(round(drawn), 1), max(min(height, width), size))
    heads = annotation.heads
    x1, y1 = (_draw_start(rng, side, extent) for extent in (width, height))
    if rng.random() < center_on_head and len(heads):
        x, y = heads[rng.integers(len(heads))]
        # From the head's own pixel, so that the square holds it wherever in the pixel it is.
        x1 = _draw_start(rng, side, width, around=int(x))
        y1 = _draw_start(rng, side, height, around=int(y))
    return float(x1), float(y1), float(x1 + side), float(y1 + side)


def draw_zoom_window(
    annotation: Annotation,
    rng: np.random.Generator,
    size: int = 384,
    limit: float = CROWDED_LIMIT,
) -> Window:
    """Draw a square of half of ``size`` around a crowded head: the zoom's enlargement by 2 (ours).

    The head is drawn among those whose congestion is below ``limit`` pixels, among all where none
    is, and the square lies anywhere where there are no heads. It is shifted into the image; an
    image smaller than the square is centred in it, to the pixel. It begins at a whole pixel.

    Args:
        annotation: of the image.
        rng: source of randomness.
        size: side of the crop in pixels.
        limit: mean distance to the three nearest heads, in pixels, below which a head is crowded.
    """
    height, width = annotation.size
    side = size / 2
    crowded = annotation.heads[annotation.congestion < limit]
    choice = crowded if len(crowded) else annotation.heads
    if len(choice):
        x, y = choice[rng.integers(len(choice))]
    else:
        x, y = rng.uniform(0, width), rng.uniform(0, height)
    x1 = math.floor(_slide_inside(float(x) - side / 2, side, width))
    y1 = math.floor(_slide_inside(float(y) - side / 2, side, height))
    return float(x1), float(y1), x1 + side, y1 + side


def draw_changes(rng: np.random.Generator, config: Augmentation) -> Changes:
    """Draw whether to flip, and how to change colours and quality."""
    happens = dict(zip(_STEPS, rng.random(len(_STEPS)) < _chances(config), strict=True))
    brightness, contrast, saturation = (
        1 + rng.uniform(-amount, amount)
        for amount in (config.brightness, config.contrast, config.saturation)
    )
    blur, exponent = rng.uniform(*config.blur_sigma), rng.uniform(*config.gamma_exponent)
    noise, noise_seed = rng.uniform(*config.noise_sigma), int(rng.integers(2**63))
    quality = int(rng.integers(*config.jpeg_quality, endpoint=True))
    jitters = happens["jitter"]
    return Changes(
        flip=bool(happens["flip"]),
        blur=blur if happens["blur"] else 0.0,
        brightness=brightness if jitters else 1.0,
        contrast=contrast if jitters else 1.0,
        saturation=saturation if jitters else 1.0,
        gamma=exponent if happens["gamma"] else 1.0,
        grey=bool(happens["grey"]),
        noise=noise if happens["noise"] else 0.0,
        noise_seed=noise_seed,
        jpeg=quality if happens["jpeg"] else None,
    )


def move_points(
    annotation: Annotation, window: Window, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Points inside a window, in pixels of the crop of ``size`` = (height, width) made of it.

    Kept are those with x1 <= x < x2 and y1 <= y < y2, so that abutting windows share none; a point
    on the image's own last edge belongs to the window that ends there. Heads marked outside the
    image are left out: they would lie on the black around it.

    Returns:
        float32 ``[M, 2]``, less than (width, height), in the order of the annotation's points.
    """
    x1, y1, x2, y2 = window
    x, y = annotation.heads.astype(np.float64).T
    height, width = annotation.size
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
    inside: npt.NDArray[np.float32] = np.minimum(moved, last)
    return inside


def flip_points(points: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Mirror left and right: x becomes W - x (pixels are areas, so nothing more is taken off)."""
    flipped = points.copy()
    flipped[:, 0] = np.float32(width) - flipped[:, 0]
    return flipped


def plan_points(annotation: Annotation, plan: CropPlan) -> npt.NDArray[np.float32]:
    """Points of the crop that a plan makes of an image, float32 ``[M, 2]`` in its pixels."""
    points = move_points(annotation, plan.window, (plan.size, plan.size))
    return flip_points(points, plan.size) if plan.changes.flip else points


def _chances(config: Augmentation) -> list[float]:
    return [getattr(config, step) for step in _STEPS]


def _draw_start(
    rng: np.random.Generator, length: int, extent: int, *, around: int | None = None
) -> int:
    """Start of an interval that lies in [0, extent], or that holds it where it is the longer.

    Uniform; or such that the pixel ``around`` falls anywhere in it, as far as that goes.
    """
    least, most = min(0, extent - length), max(0, extent - length)
    if around is None:
        return int(rng.integers(least, most + 1))
    return min(max(around - int(rng.integers(length)), least), most)


def _slide_inside(start: float, length: float, extent: float) -> float:
    """Start of an interval moved inside [0, extent], or centred on it where it is the longer."""
    if length >= extent:
        return (extent - length) / 2
    return min(max(start, 0.0), extent - length)
