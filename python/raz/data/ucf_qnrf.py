"""Reader of UCF-QNRF (Idrees et al., ECCV 2018)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .listing import in_any_case, list_images
from .matlab import read_ann_points, stated_ann_number
from .sample import AnnotatedPhotographs
from .splits import named, numbered

_TRUTH = "img_*_ann.[mM][aA][tT]"


class UCFQNRF(AnnotatedPhotographs):
    """UCF-QNRF as published. Images are ordered by number and read when asked for.

    Points are float32 (x, y) as in the files. Those outside the image are kept. The EXIF
    orientation is not applied, because the points were marked on the raster as stored.

    Args:
        root: the folder that holds ``Train`` and ``Test``.
        split: "train" (1201 images) or "test" (334).

    Raises:
        ValueError: ``split`` is unknown.
        InputError: a folder or file is missing or unreadable (files: when they are read).
        ImportError: SciPy, which reads the points, is not installed (when points are read).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from scipy.io import savemat
        >>> from raz.data import UCFQNRF
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "Train").mkdir()
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/Train/img_0001.jpg")
        ...     savemat(f"{folder}/Train/img_0001_ann.mat", {"annPoints": [[12.5, 30.0]]})
        ...     UCFQNRF(folder, "train")[0].points.tolist()
        [[12.5, 30.0]]
    """

    SPLITS = ("train", "test")

    def __init__(self, root: str | Path, split: str = "train") -> None:
        self.check_split(split)
        self._folder = Path(root) / split.capitalize()
        if not self._folder.is_dir():
            raise InputError(f"{root}: holds no folder {split.capitalize()}")
        listing = list_images(self._folder, named("img_"))
        images = numbered(listing.images.values())
        if not images:
            raise InputError(f"{self._folder}: holds no img_*.jpg")
        truth = in_any_case(self._folder, [f"{path.stem}_ann.mat" for path in images])
        super().__init__(images, truth, listing.left_out)

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """List the splits under ``root``; none if it has another layout."""
        folders = {split: Path(root) / split.capitalize() for split in cls.SPLITS}
        return tuple(split for split, folder in folders.items() if any(folder.glob(_TRUTH)))

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image."""
        return read_ann_points(self.truth_path(index))

    def stated_count(self, index: int) -> int | None:
        """Read the number of heads, where the file has one."""
        return stated_ann_number(self.truth_path(index))

    def lone_truth(self) -> tuple[str, ...]:
        """List the files of points whose image is missing."""
        return self._without_image(self._folder.glob(_TRUTH))
