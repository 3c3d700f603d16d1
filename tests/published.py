"""Tiny data sets in the layouts in which the public ones are published.

Every image is 30 wide and 20 high. Image k has heads at (k modulo 30, 0.25) and, outside, at
(31.5, -2); image 2 has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 30, 20


def heads(k: int) -> np.ndarray:
    """float64 [2, 2], or [0, 2] for k = 2."""
    return np.array([[k % WIDTH, 0.25], [31.5, -2.0]]) if k != 2 else np.zeros((0, 2))


def write_image(path: Path, shade: int, orientation: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tag = Image.Exif()
    if orientation is not None:
        tag[0x112] = orientation
    image = np.full((HEIGHT, WIDTH, 3), shade, dtype=np.uint8)
    Image.fromarray(image).save(path, exif=tag)


def write_mat(path: Path, variables: dict[str, object]) -> None:
    import scipy.io

    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, variables)


def write_image_info(path: Path, points: np.ndarray) -> None:
    """The nested cell and struct of ShanghaiTech."""
    cell = np.empty((1, 1), dtype=object)
    cell[0, 0] = {"location": points, "number": len(points)}
    write_mat(path, {"image_info": cell})


def shanghaitech(
    root: Path, part: str = "part_A", truth: str = "ground-truth", split: str = "train"
) -> None:
    folder = root / part / f"{split}_data"
    for k in (1, 2, 10):
        write_image(folder / "images" / f"IMG_{k}.jpg", 10 * k)
        write_image_info(folder / truth / f"GT_IMG_{k}.mat", heads(k))


def ucf_qnrf(root: Path) -> None:
    for folder, numbers in (("Train", (1, 2, 10)), ("Test", (4,))):
        for k in numbers:
            write_image(root / folder / f"img_{k:04d}.jpg", 10 * k)
            write_mat(root / folder / f"img_{k:04d}_ann.mat", {"annPoints": heads(k)})


def ucf_cc_50(root: Path) -> None:
    for k in range(1, 51):
        write_image(root / f"{k}.jpg", 4 * k)
        write_mat(root / f"{k}_ann.mat", {"annPoints": heads(k)})


def nwpu(root: Path, *, jsons: bool = True, mats: bool = False) -> None:
    """The lists name 1, 2 and 3169 for training and 3110 and 3098 for validation."""
    lists = {"train": (1, 2, 3169), "val": (3098, 3110), "test": (3610,)}
    for split, numbers in lists.items():
        for k in numbers:
            write_image(root / "images" / f"{k:04d}.jpg", k % 256)
        text = "".join(f"{k:04d} 1 0\n" for k in numbers)
        (root / f"{split}.txt").write_text(text)
    for k in lists["train"] + lists["val"]:
        if jsons:
            write_nwpu_json(root / "jsons" / f"{k:04d}.json", heads(k))
        if mats:
            write_mat(root / "mats" / f"{k:04d}.mat", {"annPoints": heads(k)})


def write_nwpu_json(path: Path, points: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "img_id": f"{path.stem}.jpg",
        "human_num": len(points),
        "points": points.tolist(),
        "boxes": np.hstack([points - 2, points + 3]).tolist(),
    }
    path.write_text(json.dumps(document))


def jhu(root: Path) -> None:
    for split, numbers in (("train", (1, 2, 10)), ("val", (3,)), ("test", (4,))):
        for k in numbers:
            write_image(root / split / "images" / f"{k:04d}.jpg", 10 * k)
            truth = root / split / "gt" / f"{k:04d}.txt"
            truth.parent.mkdir(exist_ok=True)
            truth.write_text("".join(f"{x:g} {y:g} 4 6 1 0\n" for x, y in heads(k)))
        labels = "".join(f"{k:04d},{len(heads(k))},street,0,0\n" for k in numbers)
        (root / split / "image_labels.txt").write_text(labels)


def own_folder(root: Path) -> None:
    lines = ["image,x,y"]
    for k in (1, 2, 10):
        write_image(root / f"p{k}.png", 10 * k)
        lines += [f"p{k}.png,{x},{y}" for x, y in heads(k)] or [f"p{k}.png,,"]
    (root / "points.csv").write_text("\n".join(lines) + "\n")


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "shanghaitech_a": shanghaitech,
    "shanghaitech_b": lambda root: shanghaitech(root, "part_B_final", "ground_truth"),
    "ucf_qnrf": ucf_qnrf,
    "ucf_cc_50": ucf_cc_50,
    "nwpu": nwpu,
    "jhu": jhu,
    "folder": own_folder,
}
"""Writers of every layout."""
