"""Measure which share of `raz.predict` at 1920 x 1080 is spent outside the net's forward pass.

    OMP_NUM_THREADS=1 python bench/predict_share.py IMAGE [--repeats 5]

The image is repeated to fill that size and handed over decoded. The shares of a run can be compared
with those of others; its milliseconds belong to the machine and the moment. The time of each
operator is printed; the rest is conversions, the sigmoid and the merging of points and counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

import raz
from raz import ops
from raz.io.decoding import read_image

WIDTH, HEIGHT = 1920, 1080
OPERATORS = ("find_peaks", "propose_regions", "crop_and_resize")


class Stopwatch:
    """Add up the seconds of calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent = time.perf_counter() - started
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return call


def tiled(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = image.shape[:2]
    times = (-(-HEIGHT // height), -(-WIDTH // width), 1)
    return np.ascontiguousarray(np.tile(image, times)[:HEIGHT, :WIDTH])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    args = parser.parse_args()

    watch = Stopwatch()
    model = raz.get_model("raznet_lite").eval()
    model.forward = watch.timed("net", model.forward)
    for name in OPERATORS:
        setattr(ops, name, watch.timed(name, getattr(ops, name)))

    image = tiled(read_image(args.image))
    raz.predict(image[:64, :64], model=model)  # loads what is loaded late
    shares = []
    for _ in range(args.repeats):
        watch.seconds.clear()
        started = time.perf_counter()
        result = raz.predict(image, model=model)
        total = time.perf_counter() - started
        parts = {name: watch.seconds.get(name, 0.0) for name in OPERATORS}
        outside = total - watch.seconds["net"]
        parts["rest"] = outside - sum(parts.values())
        shares.append(outside / total)
        print(
            f"total {total * 1e3:.0f} ms  regions {len(result.regions)}  "
            f"points {result.count_points}  outside of the net {outside / total:.2%}: "
            + ", ".join(f"{name} {part / total:.2%}" for name, part in parts.items())
        )
    print(f"median share outside of the net: {median(shares):.2%}")


if __name__ == "__main__":
    main()
