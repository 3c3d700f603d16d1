"""The one form in memory of points read from files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.io.decoding import IMAGE_SUFFIXES

__all__ = ["ImagePoints", "PointFile", "image_key"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePoints:
    """The points of one image.

    Attributes:
        points: float64 [N, 2], (x, y) in original pixels, as the file has them.
        scores: float64 [N]; None where the file has none.
        sigmas: float64 [N, 2], each head's (sigma_s, sigma_l) in pixels; None where unknown.
        levels: int64 [N], each head's level of area, 0 to 5; None where unknown.
        count: persons in the image where the file says so apart from its points, else None.
        size: (width, height) in pixels, None where unknown.
        labels: "weather", or "level" and "luminance", where known.
        line: the line on which the image first appears, None in JSON documents.
    """

    points: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64] | None = None
    sigmas: npt.NDArray[np.float64] | None = None
    levels: npt.NDArray[np.int64] | None = None
    count: float | None = None
    size: tuple[int, int] | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PointFile:
    """The images of one file, in the file's order.

    Attributes:
        path: the file.
        kind: "nwpu", "csv", "coco" or "raz".
        images: by key; see :func:`image_key`.
        keys: COCO only: the key of each numeric image id.
        by_id: whether images are known by such ids: an array of COCO results, which has no names.
    """

    path: str
    kind: str
    images: Mapping[str, ImagePoints]
    keys: Mapping[str, str] = field(default_factory=dict)
    by_id: bool = False

    def where(self, key: str) -> str:
        """The place of an image, for messages: "file:line" or "file"."""
        line = self.images[key].line
        return self.path if line is None else f"{self.path}:{line}"

    def with_sizes(self, sizes: Mapping[str, tuple[int, int]]) -> PointFile:
        """The same with the images' (width, height).

        Raises:
            InputError: an image has none.
        """
        self._check_covered(sizes, "size")
        return self._changed({key: {"size": sizes[key]} for key in self.images})

    def with_labels(self, labels: Mapping[str, Mapping[str, int]]) -> PointFile:
        """The same with the images' labels.

        Raises:
            InputError: an image has none.
        """
        self._check_covered(labels, "label")
        return self._changed({key: {"labels": labels[key]} for key in self.images})

    def renamed(self, names: Mapping[str, str]) -> PointFile:
        """The same with other keys for some images.

        Raises:
            InputError: two images would have one key.
        """
        images: dict[str, ImagePoints] = {}
        for key, image in self.images.items():
            name = names.get(key, key)
            if name in images:
                raise InputError(f"{self.where(key)}: image {name} is there twice")
            images[name] = image
        return replace(self, images=images, by_id=False)

    def by_row_number(self, names: Iterable[str]) -> PointFile:
        """The same for a file whose ids are row numbers, from 1, in the string order of names.

        Evaluation files of ShanghaiTech are made so: 1 is IMG_1, 2 is IMG_10, 3 is IMG_100.

        Args:
            names: keys of all images.

        Raises:
            InputError: the ids are not 1 ... the number of names.
        """
        # "." stands for the suffix that file names are sorted with.
        ordered = sorted(names, key=lambda name: name + ".")
        rows = {str(row): name for row, name in enumerate(ordered, start=1)}
        for key in self.images:
            if key not in rows:
                raise InputError(
                    f"{self.where(key)}: id {key} is no row number from 1 to {len(rows)}"
                )
        return self.renamed(rows)

    def _check_covered(self, given: Mapping[str, object], what: str) -> None:
        lacking = [key for key in self.images if key not in given]
        if lacking:
            raise InputError(
                f"{self.where(lacking[0])}: image {lacking[0]} has no {what} "
                f"({len(lacking)} of {len(self.images)} images have none)"
            )

    def _changed(self, changes: Mapping[str, Mapping[str, object]]) -> PointFile:
        images = {
            key: replace(image, **changes[key])  # type: ignore[arg-type]
            for key, image in self.images.items()
        }
        return replace(self, images=images)


def image_key(name: str) -> str:
    """What an image is known by in every form: its :func:`image_stem`, composed (NFC).

    File systems may take a letter and its accent apart.
    """
    return unicodedata.normalize("NFC", image_stem(name))


def image_stem(name: str) -> str:
    """File name of an image without folder and suffix, letter by letter."""
    base = re.split(r"[/\\]", name)[-1]
    stem, dot, suffix = base.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in IMAGE_SUFFIXES else base
