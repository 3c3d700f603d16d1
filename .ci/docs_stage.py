"""The files and names that the examples of docs/ take for granted, in small; and runs the examples.

`python docs_stage.py FOLDER` writes the files. With `--run` it reads examples as JSON from standard
input, a list of [page, place, text], and runs them in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import raz

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
CORNERS = {"IMG_7": (0, 384), "IMG_8": (256, 512), "IMG_9": (512, 400)}
WIDTH, HEIGHT = 416, 320


def write_files(folder: Path) -> None:
    """Write images, points of their heads, a data set, a video and what else pages name."""
    (folder / "examples").symlink_to(EXAMPLES)
    scene = Image.open(EXAMPLES / "scene.jpg").convert("RGB")
    heads = np.array(json.loads((EXAMPLES / "scene.json").read_text("utf-8"))["points"])
    parts = {name: _part(scene, heads, corner) for name, corner in CORNERS.items()}
    (folder / "photos").mkdir()
    for name, (image, _) in parts.items():
        image.save(folder / "photos" / f"{name}.jpg")
    (folder / "mine").mkdir()
    for number, (image, _) in zip((1, 2, 5, 10, 25), 2 * list(parts.values()), strict=False):
        image.save(folder / "mine" / f"photo_{number}.jpg")
    image, points = parts["IMG_8"]
    for name in ("photo.jpg", "square.jpg", "huge.tif"):
        image.save(folder / name)
    _write_points(folder, {name: points for name, (_, points) in parts.items()})
    _write_orthophoto(folder / "orthophoto.tif", image)
    _write_zones(folder / "zones.geojson")
    for part in ("part_A", "part_B"):
        _write_shanghaitech(folder / "data" / "shanghaitech" / part, image, points)
    (folder / "shanghaitech").symlink_to(folder / "data" / "shanghaitech")
    (folder / "part_A").symlink_to(folder / "data" / "shanghaitech" / "part_A")
    _write_clip(folder / "clip.mp4", image)


def _part(scene: Image.Image, heads: Any, corner: tuple[int, int]) -> tuple[Image.Image, Any]:
    """Return a part of the scene, and its heads."""
    left, top = corner
    size = min(WIDTH, scene.width - left), min(HEIGHT, scene.height - top)
    points = heads - corner
    inside = ((points >= 0) & (points < size)).all(axis=1)
    return scene.crop((left, top, left + size[0], top + size[1])), points[inside]


def _write_points(folder: Path, heads: dict[str, Any]) -> None:
    """Truth and predictions of `photos` in the formats that the pages name."""
    truth, guess, coco, rows = [], [], [], ["image,x,y,score"]
    for number, (name, points) in enumerate(heads.items(), 1):
        whole = points.astype(int)
        lines = " ".join(f"{x} {y} 8 12 2" for x, y in whole.tolist())
        truth.append(f"{number} {len(whole)} {lines}")
        moved = whole[:-2] + 2
        guess.append(f"{number} {len(moved)} " + " ".join(f"{x} {y}" for x, y in moved.tolist()))
        rows += [f"{name}.jpg,{x},{y},0.9" for x, y in moved.tolist()]
        coco.append({"path": f"{name}.jpg", "points": points.tolist()})
    (folder / "truth.txt").write_text("\n".join(truth) + "\n")
    for name in ("predictions.txt", "submission.txt"):
        (folder / name).write_text("\n".join(guess) + "\n")
    (folder / "predictions.csv").write_text("\n".join(rows) + "\n")
    (folder / "truth.json").write_text(json.dumps(coco))


def _write_orthophoto(path: Path, image: Image.Image) -> None:
    import rasterio
    from rasterio.transform import from_origin

    pixels = np.asarray(image).transpose(2, 0, 1)
    profile = {"driver": "GTiff", "count": 3, "height": image.height, "width": image.width}
    place = {"crs": "EPSG:32632", "transform": from_origin(500000, 5400000, 0.1, 0.1)}
    with rasterio.open(path, "w", dtype="uint8", photometric="rgb", **profile, **place) as file:
        file.write(pixels)


def _write_zones(path: Path) -> None:
    ring = [[0, 0], [200, 0], [200, 300], [0, 300], [0, 0]]
    zone = {
        "type": "Feature",
        "properties": {"name": "door"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))


def _write_shanghaitech(folder: Path, image: Image.Image, points: Any) -> None:
    import scipy.io

    for split, numbers in (("train", (1, 5, 10, 15, 25)), ("test", (1,))):
        (folder / f"{split}_data" / "images").mkdir(parents=True)
        (folder / f"{split}_data" / "ground-truth").mkdir()
        for k in numbers:
            cut = image.crop((0, 0, image.width - k, image.height))
            kept = points[points[:, 0] < cut.width]
            cut.save(folder / f"{split}_data" / "images" / f"IMG_{k}.jpg")
            cell = np.empty((1, 1), dtype=object)
            cell[0, 0] = {"location": kept, "number": len(kept)}
            mat = folder / f"{split}_data" / "ground-truth" / f"GT_IMG_{k}.mat"
            scipy.io.savemat(mat, {"image_info": cell})


def _write_clip(path: Path, image: Image.Image) -> None:
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=4)
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
        for shift in range(6):
            moved = Image.fromarray(np.roll(np.asarray(image), 4 * shift, axis=1))
            file.mux(stream.encode(av.VideoFrame.from_image(moved)))
        file.mux(stream.encode())


def names() -> dict[str, Any]:
    """Return what the examples use without saying where it comes from."""
    import onnxruntime

    with Image.open("square.jpg") as image:
        width, height = image.size
    mask = np.zeros((height, width), dtype=bool)
    mask[: height // 2] = True
    heads = [np.array([[10.0, 10.0], [90.0, 90.0]])]
    sigmas, levels = [np.array([[2.0, 5.0], [3.0, 9.0]])], [np.array([1, 3])]
    target = {"points": heads[0], "sigmas": sigmas[0], "levels": levels[0]}
    return {
        "heads": heads,
        "images": np.random.default_rng(0).random((1, 3, 96, 128), dtype=np.float32),
        "levels": levels,
        "loader": [([torch.rand(3, 96, 128)], [target])],
        "mask": mask,
        "model": raz.get_model("raznet_lite"),
        "onnxruntime": onnxruntime,
        "polygon": [(0, 0), (200, 0), (200, 300), (0, 300)],
        "predictions": [np.array([[14.0, 10.0]])],
        "raz": raz,
        "sigmas": sigmas,
        "torch": torch,
        "truth": np.array([[14.0, 10.0], [60.0, 40.0]]),
    }


def run_examples(examples: list[list[str]]) -> int:
    """Run the examples of each page in one namespace; returns how many failed."""
    pages: dict[str, dict[str, Any]] = {}
    failed = 0
    for page, place, text in examples:
        space = pages.setdefault(page, {"__name__": page, **names()})
        try:
            exec(compile(text, place, "exec"), space)
        except Exception:
            failed += 1
            print(f"--- {place}\n{text}--- raised\n{traceback.format_exc(limit=-4)}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", action="store_true")
    arguments = parser.parse_args()
    if not arguments.run:
        write_files(arguments.folder)
        return 0
    os.chdir(arguments.folder)
    return min(run_examples(json.load(sys.stdin)), 1)


if __name__ == "__main__":
    sys.exit(main())
