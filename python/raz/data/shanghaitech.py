"""Reader of ShanghaiTech parts A and B (Zhang et al., CVPR 2016)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .listing import in_any_case, list_images
from .matlab import FoundPoints, as_points, find_points, read_matlab, stated_number
from .sample import AnnotatedPhotographs
from .splits import image_number, named, numbered


class ShanghaiTech(AnnotatedPhotographs):
    """ShanghaiTech as published. Images are ordered by number and read when asked for.

    Both releases are understood: ``part_A`` or ``part_A_final``, ``ground-truth`` or
    ``ground_truth``. Points are float32 (x, y) as in the files. Those outside the image are kept.
    Grey photographs become RGB. The EXIF orientation is not applied, because the points were marked
    on the raster as stored.

    Args:
        root: the folder that holds the parts, or the folder of the part itself.
        part: "A" (crowds, 300 + 182 images) or "B" (streets, 400 + 316 images, all 768x1024).
        split: "train" or "test", as published.

    Raises:
        ValueError: ``part`` or ``split`` is unknown, or ``root`` is the other part's folder.
        InputError: a folder or file is missing or unreadable (files: when they are read).
        ImportError: SciPy, which reads the points, is not installed (when points are read).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> import numpy as np
        >>> from scipy.io import savemat
        >>> from raz.data import ShanghaiTech
        >>> info = np.empty((1, 1), dtype=object)
        >>> info[0, 0] = {"location": [[12.5, 30.0]]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     train = Path(folder, "part_B", "train_data")
        ...     for name in ("images", "ground-truth"):
        ...         (train / name).mkdir(parents=True)
        ...     Image.new("RGB", (64, 48)).save(train / "images" / "IMG_1.jpg")
        ...     savemat(train / "ground-truth" / "GT_IMG_1.mat", {"image_info": info})
        ...     ShanghaiTech(folder, part="B", split="train")[0].points.tolist()
        [[12.5, 30.0]]
    """

    SPLITS = ("train", "test")

    def __init__(
        self,
        root: str | Path,
        part: Literal["A", "B"] = "A",
        split: str = "train",
    ) -> None:
        if part not in ("A", "B"):
            raise ValueError(f"part is {part!r}; it must be 'A' or 'B'")
        self.check_split(split)
        folder = _first_folder(_part_folders(Path(root), part)) / f"{split}_data"
        self._truth_folder = _first_folder([folder / "ground-truth", folder / "ground_truth"])
        listing = list_images(_first_folder([folder / "images"]), named("IMG_"))
        images = numbered(listing.images.values())
        if not images:
            raise InputError(f"{folder / 'images'}: holds no IMG_*.jpg")
        truth = in_any_case(self._truth_folder, [f"GT_{path.stem}.mat" for path in images])
        super().__init__(images, truth, listing.left_out)

    @classmethod
    def splits_in(cls, root: str | Path, part: Literal["A", "B"] = "A") -> tuple[str, ...]:
        """List the splits of a part under ``root``; none if it has another layout."""
        try:
            folders = _part_folders(Path(root), part)
        except ValueError:
            return ()
        return tuple(
            split
            for split in cls.SPLITS
            if any((folder / f"{split}_data" / "images").is_dir() for folder in folders)
        )

    def number(self, index: int) -> int:
        """Return the k of ``IMG_k``, the image at ``index``."""
        return image_number(self.image_path(index).stem)

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image."""
        return read_points(self.truth_path(index))

    def stated_count(self, index: int) -> int | None:
        """Read ``number``, which lies beside the points."""
        return stated_number(_location(self.truth_path(index)).beside)

    def lone_truth(self) -> tuple[str, ...]:
        """List the files of points whose image is missing."""
        return self._without_image(self._truth_folder.glob("GT_IMG_*.[mM][aA][tT]"))


def read_points(path: str | Path) -> npt.NDArray[np.float32]:
    """Read the head points of a ``GT_IMG_k.mat``: float32 ``[N, 2]``, (x, y) as stored.

    Raises:
        InputError: the file is missing, is no MATLAB file, or does not hold points.
        ImportError: SciPy is not installed.
    """
    found = _location(path)
    return as_points(found.values, f"{path}: {found.place}")


def _location(path: str | Path) -> FoundPoints:
    # annPoints are the points of other data sets.
    return find_points(read_matlab(path), path, "location", without=("annpoints",))


def _part_folders(root: Path, part: str) -> list[Path]:
    """List the folders that may hold a part.

    Raises:
        ValueError: ``root`` is the other part's folder.
    """
    other = "B" if part == "A" else "A"
    if {root.name, root.resolve().name} & {f"part_{other}", f"part_{other}_final"}:
        raise ValueError(f"root is {root}, which is part {other}; part is {part!r}")
    candidates = [root / f"part_{part}", root / f"part_{part}_final"]
    if (root / "train_data").is_dir() or (root / "test_data").is_dir():
        candidates.insert(0, root)
    return candidates


def _first_folder(candidates: list[Path]) -> Path:
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    names = " nor ".join(path.name for path in candidates)
    raise InputError(f"{candidates[0].parent}: holds no folder {names}")
