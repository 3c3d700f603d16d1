"""Reader of JHU-CROWD++ (Sindagi et al., TPAMI 2020)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io.points.single import read_number_lines
from .listing import in_any_case, list_images
from .matlab import as_points
from .sample import AnnotatedPhotographs
from .splits import numbered

_COLUMNS = 6  # x y w h occlusion blur


class JHUCrowd(AnnotatedPhotographs):
    """JHU-CROWD++ as published. Images are ordered by number and read when asked for.

    Points are the centres of heads, as in the files. Those outside the image are kept. An empty
    file of points means that there are no heads. The EXIF orientation is not applied, because the
    points were marked on the raster as stored.

    Args:
        root: the folder that holds ``train``, ``val`` and ``test``.
        split: "train" (2272 images), "val" (500) or "test" (1600).

    Raises:
        ValueError: ``split`` is unknown.
        InputError: a folder or file is missing or unreadable (files: when they are read).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import JHUCrowd
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     train = Path(folder, "train")
        ...     for name in ("images", "gt"):
        ...         (train / name).mkdir(parents=True)
        ...     Image.new("RGB", (64, 48)).save(train / "images" / "0001.jpg")
        ...     _ = (train / "gt" / "0001.txt").write_text("12.5 30 8 10 1 0\\n")
        ...     samples = JHUCrowd(folder)
        ...     samples.points(0).tolist(), samples.boxes(0).tolist()
        ([[12.5, 30.0]], [[8.5, 25.0, 16.5, 35.0]])
    """

    def __init__(self, root: str | Path, split: str = "train") -> None:
        self.check_split(split)
        folder = Path(root) / split
        for inner in ("images", "gt"):
            if not (folder / inner).is_dir():
                raise InputError(f"{folder}: holds no folder {inner}")
        listing = list_images(folder / "images", str.isdecimal)
        images = numbered(listing.images.values())
        if not images:
            raise InputError(f"{folder / 'images'}: holds no images 0001.jpg and so on")
        self._truth_folder = folder / "gt"
        self._stated = _stated_counts(folder / "image_labels.txt")
        truth = in_any_case(self._truth_folder, [f"{path.stem}.txt" for path in images])
        super().__init__(images, truth, listing.left_out)

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """List the splits under ``root``; none if it has another layout."""
        folders = {split: Path(root) / split for split in cls.SPLITS}
        return tuple(
            split
            for split, folder in folders.items()
            if (folder / "images").is_dir() and (folder / "gt").is_dir()
        )

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image."""
        return as_points(self._rows(index)[:, :2], f"{self.truth_path(index)}: points")

    def boxes(self, index: int) -> npt.NDArray[np.float32]:
        """Read the boxes of the same heads, float32 ``[N, 4]``, edges (x1, y1, x2, y2)."""
        rows = self._rows(index)
        if (rows[:, 2:4] < 0).any():
            raise InputError(f"{self.truth_path(index)}: a head has a negative width or height")
        half = rows[:, 2:4] / 2
        return np.hstack([rows[:, :2] - half, rows[:, :2] + half]).astype(np.float32)

    def stated_count(self, index: int) -> int | None:
        """Return the number of heads by ``image_labels.txt`` beside the images, where it has it."""
        return self._stated.get(self.image_path(index).stem)

    def lone_truth(self) -> tuple[str, ...]:
        """List the files of points whose image is missing."""
        return self._without_image(self._truth_folder.glob("[!.]*.[tT][xX][tT]"))

    def _rows(self, index: int) -> npt.NDArray[np.float64]:
        return read_number_lines(str(self.truth_path(index)), (_COLUMNS,))


def _stated_counts(path: Path) -> dict[str, int]:
    """The counts of a file of lines name,count,scene,weather,distractor; others are passed over."""
    if not path.is_file():
        return {}
    rows = [line.split(",") for line in path.read_text(errors="replace").splitlines()]
    known = [row for row in rows if len(row) == 5 and row[1].strip().isdecimal()]
    return {row[0].strip(): int(row[1]) for row in known}
