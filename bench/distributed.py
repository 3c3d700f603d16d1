"""Counting on a local Ray cluster against one process: results, throughput, what dies meanwhile.

    python bench/distributed.py bulk --images 500
    python bench/distributed.py failures --images 120
    python bench/distributed.py image --side 12000

`bulk` counts parts of the example's scene: in one process, by one worker on one core, and by two
workers on two cores. `failures` counts the same by two workers, of which one is killed; then the
call itself is killed; then it is made again, twice. `image` counts one image of which copies of the
scene cover a share, in one process on one core and by two workers that share its tiles and regions;
then again with a checkpoint, while a worker and then the call itself is killed.

Everything computes with one thread in float32, so results must be the same to the last digit. Ray
is started before the clock; the workers' own start, and loading the weights, count. Prints one JSON
object; the exit code is 1 if results differ, or an image is lost, there twice or computed again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import raz
from raz import distributed

SCENE = Path(__file__).parent.parent / "examples" / "scene.jpg"
CORES = sorted(os.sched_getaffinity(0))


def write_photos(folder: Path, number: int, size: tuple[int, int]) -> None:
    """Write so many different parts of the scene."""
    scene = Image.open(SCENE).convert("RGB")
    chosen = np.random.default_rng(0)
    for index in range(number):
        left, top = (int(chosen.integers(0, most)) for most in np.subtract(scene.size, size))
        part = scene.crop((left, top, left + size[0], top + size[1]))
        part.save(folder / f"{index:05d}.png")


def write_image(path: Path, side: int, every: int) -> None:
    """Write a TIFF of which copies of the scene cover every so many-th part."""
    import rasterio

    scene = np.asarray(Image.open(SCENE).convert("RGB")).transpose(2, 0, 1)
    profile = {"driver": "GTiff", "count": 3, "height": side, "width": side, "dtype": "uint8"}
    rows = scene.shape[1]
    with rasterio.open(path, "w", tiled=True, photometric="rgb", **profile) as file:
        for top in range(0, side, rows):
            pixels = np.full((3, min(rows, side - top), side), 160, np.uint8)
            for copy, left in enumerate(range(0, side, scene.shape[2])):
                if (copy + top // rows) % every == 0:
                    width = min(scene.shape[2], side - left)
                    pixels[:, :, left : left + width] = scene[:, : pixels.shape[1], :width]
            file.write(pixels, window=((top, top + pixels.shape[1]), (0, side)))


def in_one_process(paths: list[Path], options: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    predictor = raz.Predictor(settings=raz.ZoomSettings(**options))
    predictor(np.zeros((96, 96, 3), np.uint8))
    began = time.perf_counter()
    results = {str(path): predictor(path) for path in paths}
    return time.perf_counter() - began, results


def start_ray(workers: int) -> None:
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=workers + 2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )


def rows_of(folder: str) -> dict[str, dict[str, Any]]:
    import pyarrow.dataset as ds

    rows = ds.dataset(folder).to_table().to_pylist()
    found = {row["path"]: row for row in rows}
    assert len(found) == len(rows), "an image is there twice"
    return found


def same_row(row: dict[str, Any], result: raz.Result) -> bool:
    points = np.float32(row["points"]).reshape(-1, 2)
    return bool(
        row["count"] == result.count
        and np.array_equal(points, result.points.numpy())
        and np.array_equal(np.float32(row["scores"]), result.scores.numpy())
    )


def same_result(one: raz.Result, other: raz.Result) -> bool:
    pairs = [(one.points, other.points), (one.scores, other.scores), (one.density, other.density)]
    return (one.count, one.regions) == (other.count, other.regions) and all(
        torch.equal(a, b) for a, b in pairs
    )


def bulk(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    (folder / "photos").mkdir()
    write_photos(folder / "photos", args.images, (args.width, args.height))
    options = {} if args.depth is None else {"depth": args.depth}
    os.sched_setaffinity(0, CORES[:1])
    seconds, results = in_one_process(sorted((folder / "photos").iterdir()), options)
    os.sched_setaffinity(0, CORES)  # which the calls inherit
    found: dict[str, Any] = {"images": args.images, "size": [args.width, args.height]}
    found |= {"persons": sum(each.count for each in results.values()), "one_process_s": seconds}
    for workers in (1, args.workers):
        # In a process of its own, since what Ray starts stays on the cores that it was started on.
        output = folder / f"by_{workers}"
        command = [sys.executable, __file__, "call", str(folder / "photos"), str(output)]
        command += ["--workers", str(workers), "--options", json.dumps(options)]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # Ray's processes speak, too
        took = float(Path(f"{output}.seconds").read_text())
        rows = rows_of(str(output))
        same = rows.keys() == results.keys() and all(
            same_row(row, results[name]) for name, row in rows.items()
        )
        found |= {f"workers_{workers}_s": took, f"workers_{workers}_same": same}
    found["ratio"] = found["workers_1_s"] / found[f"workers_{args.workers}_s"]
    return found


def until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait for something, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"nothing after {seconds} s")
        time.sleep(0.05)
    return found


def workers_of(process: int, kind: str = "ImageCounter") -> list[int]:
    """Process ids of workers whose raylet a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if kind.encode() in (folder / "cmdline").read_bytes():
                raylet = parent(folder)
                if parent(Path("/proc", str(raylet))) == process:
                    found.append(int(folder.name))
        except OSError:
            continue  # ended meanwhile
    return found


def parent(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])


def failures(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    (folder / "photos").mkdir()
    write_photos(folder / "photos", args.images, (args.width, args.height))
    options = {} if args.depth is None else {"depth": args.depth}
    output = folder / "results"
    command = [sys.executable, __file__, "call", str(folder / "photos"), str(output)]
    command += ["--workers", str(args.workers), "--options", json.dumps(options)]
    command += ["--per-file", "5"]

    def noted() -> list[Path]:
        files = (folder / "results.checkpoint").glob("*/*.parquet")
        return [file for file in files if ".pending." not in file.name]

    def paths(files: Iterable[Path]) -> set[str]:
        return {name for file in files for name in pq.read_table(file)["path"].to_pylist()}

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until(lambda: len(noted()) >= 2)
    [victim, *_] = until(lambda: workers_of(process.pid))
    os.kill(victim, signal.SIGKILL)
    at_the_workers_end = len(paths(noted()))
    until(lambda: len(paths(noted())) >= args.images // 2)
    process.kill()
    process.wait()
    files, finished = set(output.glob("*.parquet")), paths(noted())
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    rows = rows_of(str(output))
    added = set(output.glob("*.parquet")) - files
    again = len(paths(added) & finished)
    before = set(output.glob("*.parquet"))
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return {
        "images": args.images,
        "done_when_a_worker_was_killed": at_the_workers_end,
        "done_when_the_call_was_killed": len(finished),
        "rows_in_the_end": len(rows),
        "errors": sum(row["error"] is not None for row in rows.values()),
        "computed_again": again,
        "files_added_by_a_further_call": len(set(output.glob("*.parquet")) - before),
        "all_same": len(rows) == args.images and again == 0,
    }


def call(args: argparse.Namespace) -> float:
    """Count a folder by so many workers on as many cores; returns the seconds."""
    os.sched_setaffinity(0, CORES[: args.workers])
    start_ray(args.workers)
    settings = raz.ZoomSettings(**json.loads(args.options))
    options = {"workers": args.workers, "cluster": "auto", "settings": settings}
    began = time.perf_counter()
    if Path(args.source).is_dir():
        distributed.predict(args.source, args.output, images_per_file=args.per_file, **options)
    else:
        distributed.predict_image(args.source, checkpoint=args.output, **options)
    return time.perf_counter() - began


def finished(kept: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in kept.glob("*.safetensors")}


def until_killed(command: list[str], kept: Path) -> dict[Path, int]:
    """Kill a worker after the first tile, and the call after ten; returns what was finished."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until(lambda: finished(kept))
        [victim, *_] = until(lambda: workers_of(process.pid, "TileWorker"))
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(finished(kept)) >= 10)
    finally:
        process.kill()
        process.wait()
    return finished(kept)


def image(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    path = folder / "large.tif"
    write_image(path, args.side, args.every)
    options = {} if args.depth is None else {"depth": args.depth}
    os.sched_setaffinity(0, CORES[:1])
    seconds, results = in_one_process([path], options)
    os.sched_setaffinity(0, CORES)
    start_ray(args.workers)
    began = time.perf_counter()
    settings = raz.ZoomSettings(**options)
    there = distributed.predict_image(
        str(path), workers=args.workers, cluster="auto", settings=settings
    )
    took = time.perf_counter() - began
    [here] = results.values()
    kept = folder / "kept"
    command = [sys.executable, __file__, "call", str(path), str(kept), "--options"]
    killed = until_killed([*command, json.dumps(options), "--workers", str(args.workers)], kept)
    again = distributed.predict_image(
        str(path), workers=args.workers, cluster="auto", settings=settings, checkpoint=kept
    )
    after = finished(kept)
    return {
        "side": args.side,
        "tiles": len(after),
        "done_when_the_call_was_killed": len(killed),
        "computed_again": sum(after[file] != when for file, when in killed.items()),
        "after_both_were_killed_same": same_result(here, again),
        "count": here.count,
        "heads": len(here),
        "one_process_s": seconds,
        f"workers_{args.workers}_s": took,
        f"workers_{args.workers}_same": same_result(here, there),
        "ratio": seconds / took,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("bulk", "failures", "image", "call"))
    parser.add_argument("source", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("output", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--options", default="{}", help=argparse.SUPPRESS)
    parser.add_argument("--per-file", type=int, default=100, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=240)
    parser.add_argument("--side", type=int, default=12000)
    parser.add_argument("--every", type=int, default=1, help="copy the scene into every n-th part")
    parser.add_argument("--depth", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "call":
        Path(f"{args.output}.seconds").write_text(str(call(args)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        measure = {"bulk": bulk, "failures": failures, "image": image}[args.what]
        found = measure(args, Path(folder))
    print(json.dumps(found, indent=2))
    same = all(value for name, value in found.items() if name.endswith("_same"))
    early = found.get("done_when_the_call_was_killed", 0) < found.get("tiles", args.images)
    return 0 if same and early and not found.get("computed_again") else 1


if __name__ == "__main__":
    sys.exit(main())
