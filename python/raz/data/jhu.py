"""Reader of JHU-CROWD++ (Sindagi et al., TPAMI 2020)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io.points.single import read_number_lines
from .matlab import as_points
from .sample import AnnotatedPhotographs
from .splits import numbered

_COLUMNS = 6  # x y w h occlusion blur


class JHUCrowd(AnnotatedPhotographs):
    """JHU-CROWD++ as published, ordered by image number, read when asked for.

    Points are the centres of heads as in the files, nothing subtracted; those outside the image are
    kept. An empty file of points means that there are no heads. An EXIF orientation is not applied,
    because the points were marked on the raster as stored.

    Args:
        root: the folder that holds ``train``, ``val`` and ``test``.
        split: "train" (2272 images), "val" (500) or "test" (1600).

    Raises:
        ValueError: ``split`` is unknown.
        InputError: a folder or file is missing or unreadable (files: when they are read).
    """

    def __init__(self, root: str | Path, split: str = "train") -> None:
        self.check_split(split)
        folder = Path(root) / split
        for inner in ("images", "gt"):
            if not (folder / inner).is_dir():
                raise InputError(f"{folder}: holds no folder {inner}")
        images = numbered(p for p in (folder / "images").glob("*.jpg") if p.stem.isdecimal())
        if not images:
            raise InputError(f"{folder / 'images'}: holds no images 0001.jpg and so on")
        self._truth_folder = folder / "gt"
        super().__init__(images, [self._truth_folder / f"{path.stem}.txt" for path in images])

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """The splits that lie under ``root``; none where it is another layout."""
        folders = {split: Path(root) / split for split in cls.SPLITS}
        return tuple(
            split
            for split, folder in folders.items()
            if (folder / "images").is_dir() and (folder / "gt").is_dir()
        )

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Heads of the image at ``index``, float32 ``[N, 2]``, without reading the image."""
        return as_points(self._rows(index)[:, :2], f"{self.truth_path(index)}: points")

    def boxes(self, index: int) -> npt.NDArray[np.float32]:
        """Boxes of the same heads, float32 ``[N, 4]``, edges (x1, y1, x2, y2) about the points."""
        rows = self._rows(index)
        if (rows[:, 2:4] < 0).any():
            raise InputError(f"{self.truth_path(index)}: a head has a negative width or height")
        half = rows[:, 2:4] / 2
        return np.hstack([rows[:, :2] - half, rows[:, :2] + half]).astype(np.float32)

    def lone_truth(self) -> tuple[str, ...]:
        """Files of points whose image is missing."""
        return self._without_image(self._truth_folder.glob("[!.]*.txt"))

    def _rows(self, index: int) -> npt.NDArray[np.float64]:
        return read_number_lines(str(self.truth_path(index)), (_COLUMNS,))
