"""Reader of anyone's own images: a folder of them and the points of their heads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io.annotations import ImagePoints, PointFile, image_key, same_places
from ..io.folder import image_files
from ..io.formats.shapes import Anchor, HeadRule
from ..io.georeference import read_georeference
from ..io.points.folder import is_of_points, labels_of_all
from ..io.points.reading import looks_like_points, read_points
from ..io.points.single import SINGLE_SUFFIXES, read_single
from .listing import in_any_case
from .matlab import as_points, read_ann_points, stated_ann_number
from .sample import AnnotatedPhotographs

_TABLE_SUFFIXES = (".csv", ".json", ".jsonl", ".xml", ".geojson")


_SINGLE_NAMES = (
    *(f"{{}}{suffix}" for suffix in SINGLE_SUFFIXES),
    *("{}.mat", "GT_{}.mat", "{}_ann.mat"),
)
"""Names of the file of an image's points, by the image's name without suffix."""


class AnnotatedFolder(AnnotatedPhotographs):
    """Images of one folder, in natural order. They are read when asked for.

    A split is the folder of its name in ``root``; without a folder ``train``, ``root`` itself is
    the split "train". The images lie in the split's folder or in ``images`` there. Their points
    come from the first of these that is there:

    1. ``points.csv``, ``points.json``, ``points.jsonl``, ``points.xml``, ``points.geojson`` or
       ``points.txt``: one file for all, of any format that `raz.io.points.read_points` knows, such
       as CSV ``image,x,y``, COCO, or the exports of CVAT, Label Studio, VIA and makesense.ai;
    2. a file for each image, of its name and ``.txt`` (one line ``x y`` per head) or ``.json`` (an
       object with ``points``, or labelme's), in the folder ``points`` or beside the image. Or
       MATLAB's ``a.mat``, ``GT_a.mat`` or ``a_ann.mat`` for ``a.jpg``, with the points in any
       struct, see `raz.data.matlab`;
    3. the only ``.csv``, ``.json``, ``.jsonl``, ``.xml`` of CVAT or ``.geojson`` in the split's
       folder, as in 1.

    A file that does not name its image serves a folder of one image. An image that the file for all
    does not name is an error, not an image without heads: in CSV a line ``image,,`` says that there
    are none.

    The EXIF orientation is applied, as in viewers, annotation tools and `raz.predict`: points
    belong to the upright image. Reading an image is an error if the file states another size.

    Args:
        root: the folder.
        split: "train", "val" or "test".
        anchor: where in boxes and ellipses the head is, "center" or "top".
        labels: the labels of heads; see `raz.io.points.read_points`. Files of single images are
            looked at together.

    Raises:
        ValueError: ``split`` or ``anchor`` is unknown.
        InputError: there are no images or no points, it is not clear which file holds them, two
            images have one name, or a file for all cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import AnnotatedFolder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/street.png")
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\nstreet,12.5,30\\n")
        ...     samples = AnnotatedFolder(folder)
        ...     samples.names, samples.points(0).tolist(), samples[0].size
        (('street',), [[12.5, 30.0]], (48, 64))
    """

    ORIENTED = True

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        anchor: Anchor = "center",
        labels: Sequence[str] | None = None,
    ) -> None:
        self.check_split(split)
        folder = _split_folder(Path(root), split)
        images = _images(folder)
        if not images:
            raise InputError(f"{folder}: holds no images, nor does a folder images in it")
        _check_names(images)
        one = _named_points(folder)
        truth = [] if one else _single_files(folder, images)
        if one is None and not any(map(os.path.isfile, truth)):
            one = _only_table(folder)
        super().__init__(images, truth if one is None else [one] * len(images))
        self._file: PointFile | None = None
        self._rule = HeadRule(anchor=anchor, labels=labels)
        if one is not None:
            place = read_georeference(images[0]) if one.suffix.lower() == ".geojson" else None
            file = read_points(one, anchor=anchor, labels=labels, georeference=place)
            self._file = _of_folder(_with_name(file, images, folder), images)

    @classmethod
    def splits_in(cls, root: str | Path) -> tuple[str, ...]:
        """List the splits under ``root`` that have images."""
        splits = []
        for split in cls.SPLITS:
            try:
                if _images(_split_folder(Path(root), split)):
                    splits.append(split)
            except InputError:
                continue
        return tuple(splits)

    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image."""
        if self._is_matlab(index):
            return read_ann_points(self.truth_path(index))
        return as_points(self._entry(index).points, f"{self.truth_path(index)}: points")

    def stated_size(self, index: int) -> tuple[int, int] | None:
        """Height and width as the file of points states them, None where it does not."""
        size = None if self._is_matlab(index) else self._entry(index).size
        return None if size is None else size[::-1]

    def stated_count(self, index: int) -> int | None:
        """Return the whole number of heads that the file of points states beside those.

        The count of a prediction, whose points have scores, is none.
        """
        if self._is_matlab(index):
            return stated_ann_number(self.truth_path(index))
        entry = self._entry(index)
        if entry.count is None or entry.scores is not None or not entry.count.is_integer():
            return None
        return int(entry.count)

    def lone_truth(self) -> tuple[str, ...]:
        """Entries of the file for all, or files of points, whose image is missing.

        Beside images, other text may lie too: there what does not begin as points do is none.
        """
        if self._file is not None:
            known, file = set(self.names), self._file
            return tuple(
                f"{file.where(key)}: image {key}" for key in file.images if key not in known
            )
        used = {path.suffix for path in self._truth}
        places = {path.parent for path in self._truth}
        lone = {path for place in places for path in place.iterdir() if path.suffix in used}
        return self._without_image(
            path
            for path in lone.difference(self._truth)
            if not path.name.startswith(".")
            if path.parent.name == "points" or is_of_points(path)
        )

    @property
    def _labels(self) -> frozenset[str]:
        """Labels of heads in files of single images, by the labels of all of them together."""
        if isinstance(self._choice, InputError):
            raise InputError(str(self._choice))
        return self._choice

    @cached_property
    def _choice(self) -> frozenset[str] | InputError:
        """The labels, or why none is chosen: all files are read for either, and only once."""
        try:
            return labels_of_all(map(str, self._truth), self._rule, str(self._truth[0].parent))
        except InputError as error:
            return error

    def _is_matlab(self, index: int) -> bool:
        return self._file is None and self.truth_path(index).suffix.lower() == ".mat"

    def _entry(self, index: int) -> ImagePoints:
        if self._file is None:
            return read_single(self.truth_path(index), self._rule, self._labels)
        key = image_key(self.image_path(index).name)
        if key not in self._file.images:
            raise InputError(
                f"{self.image_path(index)}: not named in {self.truth_path(index)} "
                "(say there that it has no heads, if so)"
            )
        return self._file.images[key]


def _split_folder(root: Path, split: str) -> Path:
    if os.path.isdir(root / split):
        return root / split
    if split == "train":
        return root
    raise InputError(f"{root}: holds no folder {split}")


def _images(folder: Path) -> list[Path]:
    inner = folder / "images"
    return [
        Path(path)
        for place in (folder, inner)
        if place == folder or os.path.isdir(place)
        for path in image_files(place)
    ]


def _check_names(images: list[Path]) -> None:
    first: dict[str, Path] = {}
    for path in images:
        other = first.setdefault(image_key(path.name), path)
        if other != path:
            raise InputError(f"{path}: has the same name as {other}; points go by name")


def _with_name(file: PointFile, images: list[Path], folder: Path) -> PointFile:
    """The same for a file that does not name its image, where it is clear which one it is."""
    keys = [image_key(path.name) for path in images]
    if not file.unnamed or set(file.images) <= set(keys):
        return file
    if len(keys) > 1:
        raise InputError(f"{file.path}: does not name its image, and {folder} holds {len(keys)}")
    return file.renamed(dict.fromkeys(file.images, keys[0]))


def _of_folder(file: PointFile, images: list[Path]) -> PointFile:
    """The same, where names occur in several folders, with those of this folder by name alone."""
    if not any("/" in key for key in file.images):
        return file
    nobody = np.zeros((0, 2))
    own = {
        image_key(path.name): ImagePoints(name=str(path.resolve()), points=nobody)
        for path in images
    }
    places = same_places(PointFile(path=file.path, kind="csv", images=own), file)
    return file.renamed({place: key for key, place in places.items()})


def _named_points(folder: Path) -> Path | None:
    named = [folder / f"points{suffix}" for suffix in (*_TABLE_SUFFIXES, ".txt")]
    found = [path for path in named if os.path.isfile(path)]
    if len(found) > 1:
        raise InputError(f"{folder}: holds {_listed(found)}; keep one")
    return found[0] if found else None


def _single_files(folder: Path, images: list[Path]) -> list[Path]:
    """The file of each image's points; where it lacks one, the first that was looked for."""
    inner = folder / "points"
    files = []
    for parent in dict.fromkeys(image.parent for image in images):
        place = inner if os.path.isdir(inner) else parent
        names = {
            image: [form.format(image.stem) for form in _SINGLE_NAMES]
            for image in images
            if image.parent == parent
        }
        there = iter(in_any_case(place, [name for each in names.values() for name in each]))
        for image, looked_for in names.items():
            paths = [next(there) for _ in looked_for]
            found = [path for path in paths if os.path.isfile(path)]
            if len(found) > 1:
                raise InputError(f"{image}: its points lie in {_listed(found)}; keep one")
            files.append((found or paths)[0])
    return files


def _only_table(folder: Path) -> Path:
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _TABLE_SUFFIXES and not path.name.startswith(".")
        if path.suffix.lower() != ".xml" or looks_like_points(path)  # GDAL and others write XML too
    )
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{folder}: holds {_listed(found)}; call the one with the points "
            f"points{found[0].suffix}"
        )
    raise InputError(
        f"{folder}: holds no points: looked for one .csv, .json, .jsonl, .geojson or .xml of CVAT, "
        "for points.txt, and for a .txt or .json of each image's name, beside it or in the folder "
        "points"
    )


def _listed(paths: list[Path]) -> str:
    return " and ".join(path.name for path in paths)
