"""Image files of a published layout: by their names, whatever their suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..io.decoding import IMAGE_SUFFIXES

__all__ = ["ImageListing", "in_any_case", "list_images"]

_PREFERRED = (".jpg", ".jpeg", ".png")
"""Of several files of one name, the first of these is the image."""


@dataclass(frozen=True)
class ImageListing:
    """The images of a folder.

    Attributes:
        images: by their names without suffix.
        left_out: image files of other names, and second files of one name.

    Example:
        >>> ImageListing({"IMG_1": Path("IMG_1.JPG")}).left_out
        ()
    """

    images: dict[str, Path] = field(default_factory=dict)
    left_out: tuple[Path, ...] = ()


def list_images(folder: str | Path, belongs: Callable[[str], bool]) -> ImageListing:
    """List the image files of a folder, if there is one; hidden files are passed over.

    Suffixes are those of `raz.io.decoding.IMAGE_SUFFIXES`, in any case. Of several files of one
    name, .jpg goes before .jpeg, .png and others.

    Args:
        folder: need not exist.
        belongs: tells by a name without suffix whether the image is one of the layout.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("IMG_1.JPG", "IMG_2.png", "IMG_2.jpeg", "cover.png", "notes.txt"):
        ...         Path(folder, name).touch()
        ...     listing = list_images(folder, lambda stem: stem.startswith("IMG_"))
        >>> [path.name for path in listing.images.values()]
        ['IMG_1.JPG', 'IMG_2.jpeg']
        >>> [path.name for path in listing.left_out]
        ['IMG_2.png', 'cover.png']
    """
    found = [path for path in _files(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    images: dict[str, Path] = {}
    for path in sorted(found, key=_order):
        if belongs(path.stem):
            images.setdefault(path.stem, path)
    taken = set(images.values())
    return ImageListing(images, tuple(path for path in found if path not in taken))


def in_any_case(folder: str | Path, names: Iterable[str]) -> list[Path]:
    """Return the path of each name in a folder, as it is spelled there.

    A file whose suffix is in another case is found; a name that is not there keeps its spelling.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "GT_IMG_1.MAT").touch()
        ...     [path.name for path in in_any_case(folder, ["GT_IMG_1.mat", "GT_IMG_2.mat"])]
        ['GT_IMG_1.MAT', 'GT_IMG_2.mat']
    """
    files = _files(folder)
    there = {path.stem + path.suffix.lower(): path for path in files}
    there |= {path.name: path for path in files}
    return [there.get(name, Path(folder, name)) for name in names]


def _files(folder: str | Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = (Path(folder, name) for name in names if not name.startswith("."))
    return [path for path in paths if os.path.isfile(path)]


def _order(path: Path) -> tuple[str, int, str]:
    suffix = path.suffix.lower()
    rank = _PREFERRED.index(suffix) if suffix in _PREFERRED else len(_PREFERRED)
    return path.stem, rank, path.suffix
