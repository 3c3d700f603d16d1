"""Measure the counts of a model on images that are worse than its own: `robustness.py --data DIR`.

The held-out tenth of ShanghaiTech's parts A and B, as it is and changed: down-scaled, grey, dark,
noisy, blurred, compressed. Prints Markdown, a row per change with the error of the fused count in
both parts, its 95 % interval (10,000 bootstrap resamples of the images), the bias, and how many
times the error of the unchanged images that is. The exit code is 1 if one is more than --most
times as large, but for images of a quarter of the size, on which a head has two pixels.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from PIL import Image, ImageFilter

import raz
from raz.data import Sample, ShanghaiTech, Subset, holdout
from raz.evaluation import bootstrap_mean
from raz.zoom.settings import Dtype, Quality

UNCHANGED = "as it is"
QUARTER = "a quarter of the size"


def smaller(image: Image.Image, times: int) -> Image.Image:
    """A camera of lower resolution: each pixel is the mean of an area."""
    return image.resize((image.width // times, image.height // times), Image.Resampling.BOX)


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def dark(image: Image.Image) -> Image.Image:
    """An eighth of the light, in the colour space sRGB."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) / 8
    shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return image.point([round(255 * each) for each in shown] * 3)


def noisy(image: Image.Image, deviation: float = 15.0) -> Image.Image:
    """Independent normal noise in each channel, of so many of 255 levels."""
    noise = np.random.default_rng(0).normal(0, deviation, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).round().astype(np.uint8))


def blurred(image: Image.Image, radius: float = 2.0) -> Image.Image:
    """Out of focus, by a Gaussian of so many pixels."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def compressed(image: Image.Image, quality: int = 20) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def night(image: Image.Image) -> Image.Image:
    """Dark, noisy, and compressed by a street camera."""
    return compressed(noisy(dark(image), 8.0), 50)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    UNCHANGED: lambda image: image,
    "half the size": lambda image: smaller(image, 2),
    QUARTER: lambda image: smaller(image, 4),
    "grey": grey,
    "dark (an eighth of the light)": dark,
    "noise of 15 levels": noisy,
    "blur of 2 pixels": blurred,
    "JPEG of quality 20": compressed,
    "dark, noise of 8 levels, JPEG of quality 50": night,
    "half the size, JPEG of quality 20": lambda image: compressed(smaller(image, 2)),
}


def errors_of(
    predictor: raz.Predictor,
    samples: Iterable[Sample],
    change: Callable[[Image.Image], Image.Image],
) -> np.ndarray:
    """Persons that each image is counted too high or, negative, too low by."""
    return np.array(
        [
            predictor(np.asarray(change(Image.fromarray(sample.image)))).count - len(sample.points)
            for sample in samples
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--model", default="raznet_lite")
    parser.add_argument("--weights", default="DEFAULT", help="name or file")
    parser.add_argument("--quality", choices=get_args(Quality), default="balanced")
    parser.add_argument("--dtype", choices=get_args(Dtype), default="float32")
    parser.add_argument("--limit", type=int, help="the first N images of each part only")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--most", type=float, default=1.6)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    settings = raz.ZoomSettings(quality=arguments.quality, dtype=arguments.dtype)
    predictor = raz.Predictor(arguments.model, arguments.weights, settings=settings)
    parts = {}
    for name in "AB":
        photographs = ShanghaiTech(arguments.data, name)
        chosen = holdout(photographs.names).validation[: arguments.limit]
        parts[name] = Subset(photographs, chosen)
    print("| change | part | MAE | 95 % | bias | times |")
    print("|---|---|---|---|---|---|")
    first: dict[str, float] = {}
    worst = 0.0
    for change, make in CHANGES.items():
        for name, samples in parts.items():
            errors = errors_of(predictor, samples, make)
            error = bootstrap_mean(abs(errors))
            usual = first.setdefault(name, error.mean)
            times = error.mean / usual if usual else float("nan")
            if change != QUARTER:
                worst = max(worst, times)
            print(
                f"| {change} | {name} | {error.mean:.1f} | {error.low:.1f} to {error.high:.1f} | "
                f"{errors.mean():+.1f} | {times:.2f} |",
                flush=True,
            )
    return int(worst > arguments.most)


if __name__ == "__main__":
    sys.exit(main())
