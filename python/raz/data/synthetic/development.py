"""From the canvas to the bytes of a photograph."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .arrays import Array, Generator, coordinates
from .colours import hsv, mix, rgb, to_bytes
from .noise import noise
from .scene import Scene


def develop(rng: Generator, scene: Scene) -> NDArray[np.uint8]:
    """Light, lens, sensor and file of a camera: from the canvas to bytes. Nothing moves."""
    pixels = _light_up(rng, scene, scene.canvas.pixels)
    pixels = _grade(rng, pixels)
    if scene.night:
        pixels = _darken(rng, pixels)
    image = Image.fromarray(to_bytes(pixels))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9))))
    image = _expose(rng, image, 0.04 if scene.night else 0.02)
    return _save_as_jpeg(rng, image) if rng.random() < 0.6 else np.asarray(image).copy()


def _light_up(rng: Generator, scene: Scene, pixels: Array) -> Array:
    """Large shadows, spots of coloured light at night, and the lens's darker corners."""
    h, w = scene.size
    rows, columns = coordinates(scene.size)
    light = np.ones((h, w), np.float32)
    if rng.random() < 0.35:
        edge = noise(rng, (h, w), max(h, w) / 2, 2) + rng.uniform(-1, 1)
        light *= 1 - np.float32(rng.uniform(0.15, 0.5)) * np.clip(
            edge * rng.uniform(0.5, 2) + 0.5, 0, 1
        )
    reach = ((rows / h - 0.5) ** 2 + (columns / w - 0.5) ** 2) * 2
    light *= 1 - np.float32(rng.uniform(0, 0.3)) * reach
    pixels = pixels * light[..., None]
    for _ in range(int(rng.integers(1, 5)) if scene.night else 0):
        away = ((columns / w - rng.random()) ** 2 + (rows / h - rng.uniform(0, 0.7)) ** 2) * 12
        glow = np.exp(-away).astype(np.float32)[..., None]
        tint = hsv(rng.random(), rng.uniform(0.1, 0.8), 1.0)
        pixels = pixels * (1 + 0.8 * glow * tint) + 0.08 * glow * tint
    return pixels


def _grade(rng: Generator, pixels: Array) -> Array:
    """Colour temperature, saturation, contrast and tone curve."""
    warmth = float(rng.normal(0, 0.06))
    pixels = pixels * rgb(1 + warmth, 1, 1 - warmth)
    grey = pixels.mean(2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.06 else float(rng.uniform(0.6, 1.15))
    pixels = grey + saturation * (pixels - grey)
    contrast, lift = float(rng.uniform(0.75, 1.25)), float(rng.normal(0, 0.04))
    pixels = np.clip((pixels - 0.45) * contrast + 0.45 + lift, 0, 1)
    result: Array = pixels ** np.float32(rng.uniform(0.8, 1.3))
    return result


def _darken(rng: Generator, pixels: Array) -> Array:
    """Night, under bluish to yellowish lamps."""
    tint = mix(rgb(0.8, 0.9, 1.1), rgb(1.1, 0.9, 0.65), rng.random())
    result: Array = pixels * tint * np.float32(rng.uniform(0.4, 0.75))
    return result


def _expose(rng: Generator, image: Image.Image, most: float) -> Image.Image:
    """Sensor noise, partly the same in the three channels."""
    values = np.asarray(image).astype(np.float32) / 255
    strength = np.float32(rng.uniform(0, most))
    shared = rng.standard_normal((*values.shape[:2], 1), np.float32)
    own = rng.standard_normal(values.shape, np.float32) * np.float32(0.5)
    return Image.fromarray(to_bytes(values + strength * (shared + own)))


def _save_as_jpeg(rng: Generator, image: Image.Image) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(40, 96)))
    return np.asarray(Image.open(stream).convert("RGB")).copy()
