"""Reader of NWPU-Crowd (Wang et al., TPAMI 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io.annotations import image_key
from ..io.text import number_rows, parse_json, read_text
from .listing import in_any_case, list_images
from .matlab import as_points, read_ann_points, stated_ann_number, stated_number
from .sample import AnnotatedPhotographs

_NUMBERS = {"train": range(1, 3110), "val": range(3110, 3610), "test": range(3610, 5110)}
_EXCHANGED = {3098: 3169, 3169: 3098}


class NWPUCrowd(AnnotatedPhotographs):
    """NWPU-Crowd as published. Images are in the order of its lists and read when asked for.

    The images of a split are those of ``train.txt`` or ``val.txt``. Where a list is missing they
    are 1 to 3109 and 3110 to 3609, with 3098 in the second and 3169 in the first, as published.
    Points come from ``jsons``, or from ``mats`` where there is no such folder; 351 images have
    none. Points are (x, y) as in the files. Those outside the
    image are kept.
    The EXIF orientation is not applied, because the points were marked on the raster as stored.

    Args:
        root: the folder that holds ``images``, ``jsons`` or ``mats``, and the lists.
        split: "train" (3109 images) or "val" (500).

    Raises:
        ValueError: ``split`` is unknown.
        InputError: a folder or file is missing or unreadable (files: when they are read), or
            ``split`` is "test", whose points are not published.
        ImportError: SciPy, which reads ``mats``, is not installed (when points are read).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import NWPUCrowd
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("images", "jsons"):
        ...         Path(folder, name).mkdir()
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/images/0001.jpg")
        ...     _ = Path(folder, "jsons", "0001.json").write_text('{"points": [[12.5, 30]]}')
        ...     _ = Path(folder, "train.txt").write_text("0001 0 0\\n")
        ...     NWPUCrowd(folder)[0].points.tolist()
        [[12.5, 30.0]]
    """

    def __init__(self, root: str | Path, split: str = "train") -> None:
        self.check_split(split)
        root = Path(root)
        if split == "test":
            raise InputError(
                f"{root}: the points of NWPU-Crowd's test images are not published; "
                "use split train or val, or predict on the images alone"
            )
        if not (root / "images").is_dir():
            raise InputError(f"{root}: holds no folder images")
        ids = _ids(root, split)
        self._root = root
        self._truth_folder = _truth_folder(root)
        self._suffix = self._truth_folder.name.removesuffix("s")  # jsons/0001.json, mats/0001.mat
        known = {key for each in _NUMBERS for key in _listed(root, each)}
        listing = list_images(root / "images", known.__contains__)
        super().__init__(
            [listing.images.get(key, root / "images" / f"{key}.jpg") for key in ids],
            in_any_case(self._truth_folder, [f"{key}.{self._suffix}" for key in ids]),
            listing.left_out,
        )

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """List the splits with points under ``root``; none if it has another layout."""
        root = Path(root)
        folders = [root / name for name in ("jsons", "mats") if (root / name).is_dir()]
        if not folders or not (root / "images").is_dir():
            return ()
        listed = tuple(split for split in ("train", "val") if (root / f"{split}.txt").is_file())
        if listed or not any(folders[0].glob("0001.*")):  # another set may have such folders
            return listed
        return ("train", "val")

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image.

        Raises:
            InputError: the file is missing, broken, or its ``human_num`` is not their number.
        """
        path = self.truth_path(index)
        if _is_matlab(path):
            return read_ann_points(path)
        document = _document(path)
        rows = number_rows(document.get("points"), (2,), f"{path}: points")
        said = document.get("human_num", len(rows))
        if said != len(rows):
            raise InputError(f"{path}: human_num is {said}, but it holds {len(rows)} points")
        return as_points(rows, f"{path}: points")

    def stated_count(self, index: int) -> int | None:
        """Read ``human_num``, or the number that a MATLAB file has."""
        path = self.truth_path(index)
        return stated_ann_number(path) if _is_matlab(path) else stated_number(_document(path))

    def boxes(self, index: int) -> npt.NDArray[np.float32] | None:
        """Read the boxes of the same heads, float32 ``[N, 4]``, edges; None from ``mats``."""
        path = self.truth_path(index)
        if _is_matlab(path):
            return None
        boxes = number_rows(_document(path).get("boxes"), (4,), f"{path}: boxes")
        if len(boxes) != len(self.points(index)):
            raise InputError(f"{path}: boxes and points differ in number")
        if (boxes[:, :2] > boxes[:, 2:]).any():
            raise InputError(f"{path}: a box is not x1 y1 x2 y2 with x1 <= x2 and y1 <= y2")
        return boxes.astype(np.float32)

    def lone_truth(self) -> tuple[str, ...]:
        """List the files of points without an image, in any split."""
        known = {key for split in _NUMBERS for key in _listed(self._root, split)}
        there = list_images(self._root / "images", lambda stem: True).images
        return tuple(
            str(path)
            for path in sorted(self._truth_folder.glob("[!.]*"))
            if path.suffix.lower() == f".{self._suffix}"
            if path.stem not in known and path.stem not in there
        )

    def files(self) -> Iterator[Path]:
        """Yield every file that is read: images, points and the lists of the splits."""
        yield from super().files()
        yield from (self._root / f"{split}.txt" for split in self.SPLITS)


def _ids(root: Path, split: str) -> list[str]:
    ids = _listed(root, split)
    if len(set(ids)) < len(ids):
        twice = next(key for key in ids if ids.count(key) > 1)
        raise InputError(f"{root / split}.txt: image {twice} is there twice")
    return ids


def _listed(root: Path, split: str) -> list[str]:
    path = root / f"{split}.txt"
    if not path.is_file():
        return [f"{_EXCHANGED.get(number, number):04d}" for number in _NUMBERS[split]]
    lines = read_text(str(path)).split("\n")
    return [image_key(line.split()[0]) for line in lines if line.strip()]


def _truth_folder(root: Path) -> Path:
    for name in ("jsons", "mats"):
        if (root / name).is_dir():
            return root / name
    raise InputError(f"{root}: holds no folder jsons nor mats")


def _is_matlab(path: Path) -> bool:
    return path.suffix.lower() == ".mat"


def _document(path: Path) -> dict[str, Any]:
    document = parse_json(read_text(str(path)), str(path))
    if not isinstance(document, dict):
        raise InputError(f"{path}: is not an object with points")
    return document
