"""Reader of ShanghaiTech parts A and B (Zhang et al., CVPR 2016)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .sample import Sample, SampleSequence
from .splits import image_number


class ShanghaiTech(SampleSequence):
    """ShanghaiTech as published, ordered by image number, read when asked for.

    Both releases are understood: ``part_A`` or ``part_A_final``, ``ground-truth`` or
    ``ground_truth``. Points are float32 (x, y) as in the files, nothing subtracted; those outside
    the image are kept. Grey photographs become RGB. An EXIF orientation is not applied, because
    the points were marked on the raster as stored.

    Args:
        root: the folder that holds the parts, or the folder of the part itself.
        part: "A" (crowds, 300 + 182 pictures) or "B" (streets, 400 + 316 pictures, all 768x1024).
        split: "train" or "test", as published.

    Raises:
        ValueError: ``part`` or ``split`` is unknown, or ``root`` is the other part's folder.
        InputError: a folder or file is missing or unreadable (files: when they are read).
        ImportError: SciPy, which reads the points, is not installed (when points are read).
    """

    def __init__(
        self,
        root: str | Path,
        part: Literal["A", "B"] = "A",
        split: Literal["train", "test"] = "train",
    ) -> None:
        if part not in ("A", "B"):
            raise ValueError(f"part is {part!r}, must be 'A' or 'B'")
        if split not in ("train", "test"):
            raise ValueError(f"split is {split!r}, must be 'train' or 'test'")
        folder = _part_folder(Path(root), part) / f"{split}_data"
        self._truth = _first_folder([folder / "ground-truth", folder / "ground_truth"])
        pictures = _first_folder([folder / "images"]).glob("IMG_*.jpg")
        self._images = tuple(sorted(pictures, key=lambda path: image_number(path.stem)))
        if not self._images:
            raise InputError(f"{folder / 'images'}: holds no IMG_*.jpg")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures without suffix: ``IMG_1``, ``IMG_2`` and so on."""
        return tuple(path.stem for path in self._images)

    def number(self, index: int) -> int:
        """The k of ``IMG_k``, the picture at ``index``."""
        return image_number(self._images[index].stem)

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Heads of the picture at ``index``, float32 ``[N, 2]``, without reading the picture."""
        return read_points(self._truth / f"GT_{self._images[index].stem}.mat")

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> Sample:
        from ..io.image import read_image

        path = self._images[index]
        return Sample(read_image(path, orient=False), self.points(index), path.stem)


def read_points(path: str | Path) -> npt.NDArray[np.float32]:
    """Head points of a ShanghaiTech ``GT_IMG_k.mat``: float32 ``[N, 2]``, (x, y) as stored.

    Raises:
        InputError: the file is missing, is no MATLAB file, or does not hold points.
        ImportError: SciPy is not installed.
    """
    try:
        matlab = importlib.import_module("scipy.io")
    except ImportError as error:
        raise ImportError("reading .mat files needs SciPy: pip install 'raz[data]'") from error
    try:
        content = matlab.loadmat(str(path), appendmat=False)
    except Exception as error:  # SciPy raises whatever its parser stumbles over
        raise InputError(f"{path}: not a readable MATLAB file ({error})") from error
    try:
        location = content["image_info"][0, 0][0, 0]["location"]
        points = np.asarray(location, dtype=np.float32)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no image_info{{1,1}}.location in it") from error
    if points.size == 0:
        return np.zeros((0, 2), dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{path}: location has shape {points.shape}, must be [N, 2]")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: location holds a NaN or an infinity")
    return points


def _part_folder(root: Path, part: str) -> Path:
    other = "B" if part == "A" else "A"
    if root.name in (f"part_{other}", f"part_{other}_final"):
        raise ValueError(f"root is {root}, which is part {other}; part is {part!r}")
    candidates = [root / f"part_{part}", root / f"part_{part}_final"]
    if (root / "train_data").is_dir() or (root / "test_data").is_dir():
        candidates.insert(0, root)
    return _first_folder(candidates)


def _first_folder(candidates: list[Path]) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    names = " nor ".join(path.name for path in candidates)
    raise InputError(f"{candidates[0].parent}: holds no folder {names}")
