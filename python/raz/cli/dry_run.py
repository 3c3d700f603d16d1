"""``raz predict --dry-run``: what images will take, estimated before it is spent."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from raz.cli.model_options import make_predictor
from raz.cli.wording import printable
from raz.errors import InputError
from raz.io.encoded import named

if TYPE_CHECKING:
    from raz.prediction import Predictor

log = logging.getLogger(__name__)

PROBE = 512
"""Side in pixels of the noise that the model is timed on."""


def run(args: argparse.Namespace, images: list[Any], *, several: bool) -> int:
    """Print one line per image, or JSON as ``raz predict`` does; no image is decoded.

    The time is that of the pixels that go through the model, at a rate that is measured now, in one
    pass over noise. Returns the exit code that ``raz predict`` would for unreadable images.
    """
    predictor = make_predictor(args)
    rate = pixels_per_second(predictor)
    rows = []
    for image in images:
        try:
            if isinstance(image, InputError):
                raise image
            rows.append(estimate(predictor, image, rate, every=args.every))
        except InputError as error:
            log.error("%s", error)
    if args.json:
        sys.stdout.write(json.dumps(rows if several else rows[0]) + "\n" if rows or several else "")
    else:
        sys.stdout.write("".join(_line(row) for row in rows))
        sys.stdout.write(
            f"times at {rate / 1e6:.2f} megapixels per second, measured now in one pass of the "
            f"model over {PROBE} x {PROBE} pixels on {predictor.device}\n"
        )
    if len(rows) < len(images):
        return 6 if rows else 3
    return 0


def estimate(
    predictor: Predictor, source: Any, rate: float, *, every: float | None = None
) -> dict[str, Any]:
    """Estimate what one file will take; an open one is used up.

    Tiles, regions and bytes are those of one frame; seconds are those of all frames.
    """
    image = predictor.reader.examine(source, every=every)
    work = predictor.work(image)
    height, width = image.size
    zoom_seconds = work.most_zoom_pixels / rate
    if predictor.settings.max_seconds is not None:
        zoom_seconds = min(zoom_seconds, predictor.settings.max_seconds)
    return {
        "path": named(source),
        "image_size": [width, height],
        "frames": image.frames,
        "windows": image.windowed,
        "tiles": work.tiles,
        "most_regions": work.most_regions,
        "bytes": max(work.memory, image.opening_bytes),
        "seconds": image.frames * work.pixels / rate,
        "most_zoom_seconds": image.frames * zoom_seconds,
        "pixels_per_second": rate,
    }


def pixels_per_second(predictor: Predictor) -> float:
    """Time the second of two passes of the model over noise."""
    import torch

    from raz.zoom import ZoomSettings, collect_trace

    settings = ZoomSettings(depth=1, dtype=predictor.settings.asked_dtype)
    noise = torch.randint(0, 256, (3, PROBE, PROBE), dtype=torch.uint8)
    seconds = 0.0
    for _ in range(2):
        started = time.perf_counter()
        with predictor.evaluating():
            collect_trace(predictor.model, noise, settings, floor=0.5)
        seconds = time.perf_counter() - started
    return PROBE**2 / seconds


def _line(row: dict[str, Any]) -> str:
    width, height = row["image_size"]
    frames = "" if row["frames"] == 1 else f"  frames about {row['frames']}"
    reading = "in windows" if row["windows"] else "decoded whole"
    return (
        f"{printable(row['path'])}  {width} x {height}{frames}  {reading}  "
        f"tiles {row['tiles']}  regions up to about {row['most_regions']}  "
        f"memory {row['bytes'] / 1e9:.2f} GB  about {_time(row['seconds'])}, "
        f"regions up to {_time(row['most_zoom_seconds'])} more\n"
    )


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
