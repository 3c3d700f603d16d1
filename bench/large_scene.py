"""Count scenes of N x N pixels, each in a process of its own, and print what that took.

    python bench/large_scene.py 5000 10000 20000

Without ``--depth`` they are seen as raz predict sees any image: reduced first, then zoomed into.

A scene is the example scene (examples/scene.jpg), repeated and cut at the scene's edge, in a tiled
TIFF that is written block by block. Prints one line per scene: the peak memory of the process, its
seconds by the clock and of processor time, its count, and the count of one copy times the copies
that fit. The two counts differ by what the net makes of borders between copies, and of copies
that the edge cuts.

``--model raznet_vgg16``, of which no weights are published, is measured untrained: memory and time
do not depend on weights, but its count says nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

SCENE = Path(__file__).parent.parent / "examples" / "scene.jpg"
BLOCK = 512


def write_scene(path: Path, side: int) -> float:
    """Write a TIFF of ``side`` x ``side`` pixels; return how many copies of the scene it holds."""
    import rasterio
    from rasterio.windows import Window

    from raz.io.decoding import read_image

    scene = read_image(SCENE)
    height, width = scene.shape[:2]
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8",
        "photometric": "rgb", "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "compress": "deflate", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the scene has no place on Earth
        with rasterio.open(path, "w", **profile) as file:
            for top in range(0, side, BLOCK):
                rows = np.arange(top, min(top + BLOCK, side))
                for left in range(0, side, BLOCK):
                    columns = np.arange(left, min(left + BLOCK, side))
                    block = scene[np.ix_(rows % height, columns % width)]
                    window = Window(left, top, len(columns), len(rows))
                    file.write(block.transpose(2, 0, 1), window=window)
    return side * side / (height * width)


class Run(NamedTuple):
    """What one ``raz predict`` found and took."""

    result: dict[str, float]
    seconds: float
    processor_seconds: float
    peak_bytes: int


def predict(path: Path, options: list[str]) -> Run:
    """Run ``raz predict`` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "raz.cli", "predict", str(path), *options]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--output", str(result)], stdout=subprocess.DEVNULL)
        # Of this child alone; resource.RUSAGE_CHILDREN keeps the largest of all there were.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        unit = 1 if sys.platform == "darwin" else 1024
        processor_seconds = usage.ru_utime + usage.ru_stime
        peak = usage.ru_maxrss * unit
        return Run(json.loads(result.read_text()), seconds, processor_seconds, peak)


def untrained(name: str, folder: str) -> str:
    """Write weights of a net that has not been trained; return their path."""
    import raz
    from raz.models.weights import save_weights

    path = Path(folder) / f"{name}.safetensors"
    save_weights(raz.get_model(name, weights=None), path)
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sides", metavar="N", nargs="+", type=int, help="of the scenes, in pixels")
    parser.add_argument("--depth", help="of raz predict")
    parser.add_argument("--quality", default="balanced", help="of raz predict (%(default)s)")
    parser.add_argument("--tile", default="2048", help="of raz predict (%(default)s)")
    parser.add_argument("--overlap", default="exact", help="of raz predict (%(default)s)")
    parser.add_argument("--max-zoom-pixels", help="of raz predict")
    parser.add_argument("--model", default="raznet_lite", help="of raz predict (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(args, folder)


def measure(args: argparse.Namespace, folder: str) -> None:
    """Count one copy, then every scene; print one line each. Scenes are written to the folder."""
    options = ["--device", "cpu", "--quality", args.quality]
    if args.depth:
        options += ["--depth", args.depth]
    options += ["--tile", args.tile, "--overlap", args.overlap]
    if args.max_zoom_pixels:
        options += ["--max-zoom-pixels", args.max_zoom_pixels]

    options += ["--model", args.model]
    if args.model != "raznet_lite":
        options += ["--weights", untrained(args.model, folder)]

    one = predict(SCENE, options)
    expected = one.result["count"]
    print(f"one copy: count {expected:.1f}, peak {one.peak_bytes / 1e9:.2f} GB")
    print("| N | peak GB | seconds | of processors | count | count of its parts |")
    print("|---|---|---|---|---|---|", flush=True)
    for side in args.sides:
        path = Path(folder) / f"{side}.tif"
        copies = write_scene(path, side)
        run = predict(path, options)
        print(
            f"| {side:,} | {run.peak_bytes / 1e9:.2f} | {run.seconds:.0f} "
            f"| {run.processor_seconds:.0f} | {run.result['count']:,.1f} "
            f"| {copies * expected:,.1f} |",
            flush=True,
        )
        path.unlink()


if __name__ == "__main__":
    main()
