"""The record of the heads of one image, as every file format reads and writes it, and image names.

Images are told apart by one rule, :func:`image_key`, in files of every format and in folders;
images of one name in several folders by as many of these as need be, :func:`distinct_keys`.
"""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.io.decoding import IMAGE_SUFFIXES
from raz.io.text import clipped
from raz.io.video import VIDEO_SUFFIXES

__all__ = [
    "ImagePoints",
    "PointFile",
    "distinct_keys",
    "image_key",
    "image_place",
    "image_stem",
    "keyed_apart",
    "same_places",
]

Image = TypeVar("Image")

_FRAME_NAME = re.compile(r"(?P<path>.*)#t=(?P<seconds>\d+\.\d{3})", re.DOTALL)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePoints:
    """The heads of one image. Reading gives it, writing takes it.

    Coordinates are pixels of the image; pixel j covers [j, j + 1). A float32 that was written is
    the same float32 when it was read.

    Attributes:
        name: the image's file name as the file has it, perhaps with folders; "" where it has none.
        points: float64 [N, 2], (x, y), as the file has them.
        scores: float64 [N]; None where a head of the file has none.
        boxes: float64 [N, 4], each head's edges (x1, y1, x2, y2); None where unknown.
        sigmas: float64 [N, 2], each head's (sigma_s, sigma_l) in pixels; None where unknown.
        levels: int64 [N], each head's level of area, 0 to 5; None where unknown.
        head_labels: N labels, as the file has them; None in formats without labels.
        count: persons in the image where the file says so apart from its points, else None.
        interval: (low, high) of that count in persons, at level 0.9, where the file has it.
        size: (width, height) in pixels, None where unknown.
        labels: of the image: "weather", or "level" and "luminance", where known.
        line: the line on which the image first appears; None in JSON documents.

    Example:
        >>> import numpy as np
        >>> image = ImagePoints(name="a.jpg", size=(640, 480), points=np.array([[3.5, 4.0]]))
        >>> image.points.tolist(), image.scores
        ([[3.5, 4.0]], None)
    """

    name: str = ""
    points: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64] | None = None
    boxes: npt.NDArray[np.float64] | None = None
    sigmas: npt.NDArray[np.float64] | None = None
    levels: npt.NDArray[np.int64] | None = None
    head_labels: tuple[str, ...] | None = None
    count: float | None = None
    interval: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    line: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PointFile:
    """The images of one file, in the file's order.

    Attributes:
        path: the file.
        kind: "nwpu", "csv", "coco", "raz", "cvat", "label-studio", "labelme", "via", "makesense",
            "geojson" or "folder".
        images: by key; see :func:`image_key` and, for names that occur in several folders,
            :func:`distinct_keys`.
        keys: COCO only: the key of each numeric image id.
        categories: COCO only: the ids of the categories whose annotations are heads.
        by_id: whether images are known by such ids: an array of COCO results, which has no names.
        unnamed: whether the file has one image and does not name it. Its key is then the file's
            own name without suffix.

    Example:
        >>> import numpy as np
        >>> images = {"a": ImagePoints(name="a.jpg", points=np.zeros((0, 2)), line=2)}
        >>> file = PointFile(path="heads.csv", kind="csv", images=images)
        >>> file.where("a")
        'heads.csv:2'
        >>> file.with_sizes({"a": (640, 480)}).images["a"].size
        (640, 480)
    """

    path: str
    kind: str
    images: Mapping[str, ImagePoints]
    keys: Mapping[str, str] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    by_id: bool = False
    unnamed: bool = False

    def where(self, key: str) -> str:
        """Return the place of an image, for messages: "file:line" or "file"."""
        line = self.images[key].line
        return self.path if line is None else f"{self.path}:{line}"

    def with_sizes(self, sizes: Mapping[str, tuple[int, int]]) -> PointFile:
        """Return the same with the images' (width, height).

        Raises:
            InputError: an image has none.
        """
        nobody = np.zeros((0, 2))
        theirs = {key: ImagePoints(name=key, points=nobody) for key in sizes}
        same = same_places(self, PointFile(path="sizes", kind="csv", images=theirs))
        known = {
            key: sizes[same.get(key, key)] for key in self.images if same.get(key, key) in sizes
        }
        self._check_covered(known, "size")
        return self._changed({key: {"size": known[key]} for key in self.images})

    def with_labels(self, labels: Mapping[str, Mapping[str, int]]) -> PointFile:
        """Return the same with the images' labels.

        Raises:
            InputError: an image has none.
        """
        self._check_covered(labels, "label")
        return self._changed({key: {"labels": labels[key]} for key in self.images})

    def renamed(self, names: Mapping[str, str]) -> PointFile:
        """Return the same with other keys for some images.

        Raises:
            InputError: two images would have one key.
        """
        images: dict[str, ImagePoints] = {}
        for key, image in self.images.items():
            name = names.get(key, key)
            if name in images:
                raise InputError(f"{self.where(key)}: image {_named(name)} is there twice")
            images[name] = image
        return replace(self, images=images, by_id=False, unnamed=False)

    def by_row_number(self, names: Iterable[str]) -> PointFile:
        """Return the same for a file whose ids are row numbers, from 1, in string order of names.

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
                    f"{self.where(key)}: id {_named(key)} is no row number from 1 to {len(rows)}"
                )
        return self.renamed(rows)

    def _check_covered(self, given: Mapping[str, object], what: str) -> None:
        lacking = [key for key in self.images if key not in given]
        if lacking:
            raise InputError(
                f"{self.where(lacking[0])}: image {_named(lacking[0])} has no {what} "
                f"({len(lacking)} of {len(self.images)} images have none)"
            )

    def _changed(self, changes: Mapping[str, Mapping[str, object]]) -> PointFile:
        images = {
            key: replace(image, **changes[key])  # type: ignore[arg-type]
            for key, image in self.images.items()
        }
        return replace(self, images=images)


def image_key(name: str) -> str:
    """Return what an image is known by in every format: its :func:`image_stem`, normalized.

    Names in files may come from other systems: a backslash separates folders too, letters and
    accents that lie apart are composed (Unicode's NFC), and white space around the name is dropped.

    Example:
        >>> image_key("photos/IMG_7.jpg"), image_key("C:\\\\photos\\\\IMG_7.JPG")
        ('IMG_7', 'IMG_7')
    """
    base = re.split(r"[/\\]", name)[-1]
    stem = unicodedata.normalize("NFC", image_stem(base.strip() or base))
    return stem.strip() or stem


def image_place(name: str) -> str:
    """Return the folders and the key of an image, which tell it from one of its name elsewhere.

    Example:
        >>> image_place("photos/./gate/7.JPG"), image_place("7.jpg")
        ('photos/gate/7', '7')
    """
    *folders, _ = re.split(r"[/\\]", unicodedata.normalize("NFC", name))
    return "/".join([*(part for part in folders if part not in ("", ".")), image_key(name)])


def distinct_keys(places: Iterable[str]) -> dict[str, str]:
    """Return the key of each place: the image's, with as many folders as tell it from others.

    Args:
        places: by :func:`image_place`, each different.

    Example:
        >>> distinct_keys(["day/gate/7", "day/stage/7", "day/gate/8"])
        {'day/gate/7': 'gate/7', 'day/stage/7': 'stage/7', 'day/gate/8': '8'}
    """
    groups: dict[str, list[list[str]]] = {}
    keys = {place: place.rpartition("/")[2] for place in places}
    for place, key in keys.items():
        groups.setdefault(key, []).append(place.split("/"))
    for same in (group for group in groups.values() if len(group) > 1):
        parts = next(n for n in itertools.count(2) if len({(*p[-n:],) for p in same}) == len(same))
        keys |= {"/".join(place): "/".join(place[-parts:]) for place in same}
    return keys


def keyed_apart(images: Mapping[str, Image]) -> dict[str, Image]:
    """Return images by the keys of their places; see :func:`distinct_keys`.

    Example:
        >>> keyed_apart({"day/gate/7": 1, "day/stage/7": 2})
        {'gate/7': 1, 'stage/7': 2}
    """
    keys = distinct_keys(images)
    return {keys[place]: image for place, image in images.items()}


def same_places(first: PointFile, second: PointFile) -> dict[str, str]:
    """Return the keys that images of a file have in another, where names occur in several folders.

    Of images of one name those belong together whose places have the most folders in common, from
    the last on: all folders of one of them, or at least one. Names that occur once in each file
    need no folder.

    Raises:
        InputError: an image may be several of the other file.

    Example:
        >>> def file(*names):
        ...     nobody = np.zeros((0, 2))
        ...     images = {image_place(n): ImagePoints(name=n, points=nobody) for n in names}
        ...     return PointFile(path="f.csv", kind="csv", images=keyed_apart(images))
        >>> found = file("photos/gate/7.jpg", "photos/stage/7.jpg")
        >>> same_places(found, file("stage/7.jpg", "stage/8.jpg"))
        {'stage/7': '7'}
    """
    ours, theirs = _by_name(first), _by_name(second)
    same: dict[str, str] = {}
    for name in ours.keys() & theirs.keys():
        if len(ours[name]) > 1 or len(theirs[name]) > 1:
            same |= _paired(ours[name], theirs[name], first, second)
    return {key: place for key, place in same.items() if key != place}


def _by_name(file: PointFile) -> dict[str, dict[str, list[str]]]:
    """The folders and name of each image, by key, by name."""
    groups: dict[str, dict[str, list[str]]] = {}
    for key, image in file.images.items():
        parts = image_place(image.name or key).split("/")
        groups.setdefault(parts[-1], {})[key] = parts
    return groups


def _paired(
    ours: dict[str, list[str]], theirs: dict[str, list[str]], first: PointFile, second: PointFile
) -> dict[str, str]:
    # Those whose last folder is the same have something in common; and one without any, all.
    nearest: dict[tuple[str, ...], list[str]] = {}
    for other, yours in theirs.items():
        nearest.setdefault(tuple(yours[-2:]), []).append(other)
    bare = [other for other, yours in theirs.items() if len(yours) == 1]
    levels: dict[int, list[tuple[str, str]]] = {}
    for key, mine in ours.items():
        near = theirs if len(mine) == 1 else [*nearest.get(tuple(mine[-2:]), ()), *bare]
        for other in near:
            alike = itertools.takewhile(
                lambda pair: pair[0] == pair[1],
                zip(reversed(mine), reversed(theirs[other]), strict=False),
            )
            levels.setdefault(len(list(alike)), []).append((key, other))
    paired: dict[str, str] = {}
    taken: set[str] = set()
    for number in sorted(levels, reverse=True):
        level = [
            (key, other)
            for key, other in levels[number]
            if key not in paired and other not in taken
        ]
        sources: dict[str, list[str]] = {}
        targets: dict[str, list[str]] = {}
        for key, other in level:
            sources.setdefault(other, []).append(key)
            targets.setdefault(key, []).append(other)
        for key, other in level:
            mine, yours = sources[other], targets[key]
            if len(yours) > 1:
                raise InputError(
                    f"{first.where(key)}: image {_named(key)} may be {_named(*yours, word='or')} "
                    f"of {second.path}"
                )
            if len(mine) > 1:
                raise InputError(
                    f"{first.where(key)}: images {_named(*mine, word='and')} may both be "
                    f"{_named(other)} of {second.path}"
                )
            paired[key] = other
            taken.add(other)
    return paired


def _named(*images: str, word: str = "and") -> str:
    """Names of images for a message, which they must not flood."""
    names = [clipped(image, 200) for image in images[:2]]
    more = [f"{len(images) - 2} more"] if len(images) > 2 else []
    return f" {word} ".join(names + more)


def image_stem(name: str) -> str:
    """Return an image's file name without folder and suffix, letter by letter.

    Only suffixes of images are dropped. A frame of a video is called by the video's name and the
    time in seconds.

    Example:
        >>> image_stem("photos/scene.v2.png"), image_stem("scene.v2")
        ('scene.v2', 'scene.v2')
        >>> image_stem("clip.mp4#t=12.480")
        'clip-00012.480'
    """
    base = os.path.basename(name)
    frame = _FRAME_NAME.fullmatch(base)
    if frame is not None:
        stem, suffix = os.path.splitext(frame["path"])
        if suffix.lower() in VIDEO_SUFFIXES:
            return f"{stem}-{float(frame['seconds']):09.3f}"
    stem, dot, suffix = base.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in IMAGE_SUFFIXES else base
