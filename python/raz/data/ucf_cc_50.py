"""Reader of UCF_CC_50 (Idrees et al., CVPR 2013)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .listing import in_any_case, list_images
from .matlab import read_ann_points, stated_ann_number
from .sample import AnnotatedPhotographs
from .splits import numbered

FOLDS = 5


class UCFCC50(AnnotatedPhotographs):
    """UCF_CC_50 as published: 50 grey images and five-fold cross-validation.

    Fold k tests on images 10 (k - 1) + 1 to 10 k and trains on the others. The publication asks for
    five folds; that they are runs of ten is ours. Points are float32 (x, y) as in the files. Those
    outside the image are kept. The EXIF orientation is not applied, because the points were marked
    on the raster as stored.

    Args:
        root: the folder of ``1.jpg``, ``1_ann.mat`` and so on.
        fold: 1 to 5.
        split: "train" (40 images) or "test" (10).

    Raises:
        ValueError: ``fold`` or ``split`` is unknown.
        InputError: a folder or file is missing or unreadable (files: when they are read).
        ImportError: SciPy, which reads the points, is not installed (when points are read).

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from scipy.io import savemat
        >>> from raz.data import UCFCC50
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for number in (1, 11):
        ...         Image.new("L", (64, 48)).save(f"{folder}/{number}.jpg")
        ...         savemat(f"{folder}/{number}_ann.mat", {"annPoints": [[12.5, 30.0]]})
        ...     [UCFCC50(folder, fold=1, split=split).names for split in ("train", "test")]
        [('11',), ('1',)]
    """

    SPLITS = ("train", "test")

    def __init__(self, root: str | Path, fold: int = 1, split: str = "train") -> None:
        self.check_split(split)
        if fold not in range(1, FOLDS + 1):
            raise ValueError(f"fold is {fold!r}; it must be 1 to {FOLDS}")
        self._folder, self._fold, self._split = Path(root), fold, split
        listing = list_images(self._folder, str.isdecimal)
        images = [path for path in numbered(listing.images.values()) if self._is_mine(path.stem)]
        if not images:
            raise InputError(f"{root}: holds no image 1.jpg to 50.jpg of fold {fold}'s {split}")
        truth = in_any_case(self._folder, [f"{path.stem}_ann.mat" for path in images])
        super().__init__(images, truth, listing.left_out)

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """List both splits if the images lie in ``root``; none if it has another layout."""
        numbers = list_images(root, str.isdecimal).images
        truth = in_any_case(root, [f"{number}_ann.mat" for number in numbers])
        return cls.SPLITS if any(path.is_file() for path in truth) else ()

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image."""
        return read_ann_points(self.truth_path(index))

    def stated_count(self, index: int) -> int | None:
        """Read the number of heads, where the file has one."""
        return stated_ann_number(self.truth_path(index))

    def lone_truth(self) -> tuple[str, ...]:
        """List the files of points of this split whose image is missing."""
        found = self._folder.glob("*_ann.[mM][aA][tT]")
        numbers = {path: path.stem.removesuffix("_ann") for path in found}
        return self._without_image(
            path for path, number in numbers.items() if number.isdecimal() and self._is_mine(number)
        )

    def _is_mine(self, number: str) -> bool:
        tested = (int(number) - 1) // 10 == self._fold - 1
        return tested == (self._split == "test")
