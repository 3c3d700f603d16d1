"""Images and results on local disks and in buckets, by pyarrow's filesystems.

A name is an absolute path, or an address such as ``s3://bucket/folder/photo.jpg`` or
``gs://bucket/photo.jpg``. Options of a bucket follow it as pyarrow spells them
(``?region=eu-central-1&endpoint_override=...``); credentials are best left to the environment. The
names of images are without either, so results hold no secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raz.errors import InputError, InputTooLargeError
from raz.io.decoding import IMAGE_SUFFIXES
from raz.io.encoded import Encoded, byte_limit
from raz.io.folder import natural_order
from raz.io.images import expand_source
from raz.io.video import is_video

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["Place", "Storage", "is_bucket", "listed", "place_of"]

_BUCKET = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_bucket(name: str) -> bool:
    """Tell whether a name is an address, not a local path.

    Example:
        >>> is_bucket("s3://photos/a.jpg"), is_bucket("/photos/a.jpg")
        (True, False)
    """
    return _BUCKET.match(name) is not None


@dataclass(frozen=True)
class Place:
    """A file or folder.

    Attributes:
        filesystem: pyarrow's, that it is on.
        path: in that filesystem.
        name: an absolute path, or an address without options and credentials.

    Example:
        >>> place_of("/photos/a.jpg").path
        '/photos/a.jpg'
    """

    filesystem: FileSystem
    path: str
    name: str

    @property
    def root(self) -> str:
        """What names in the same filesystem begin with; empty for local ones."""
        return _root(self.name)


def place_of(name: str | os.PathLike[str]) -> Place:
    """Return the place that a path or an address names; nothing need be there.

    Raises:
        InputError: the address is of no kind that pyarrow knows, or not to be reached.

    Example:
        >>> place_of("/photos/a.jpg").name
        '/photos/a.jpg'
    """
    from pyarrow.fs import FileSystem, LocalFileSystem

    text = os.fspath(name)
    if not is_bucket(text):
        path = os.path.abspath(text.removeprefix("file://"))
        return Place(LocalFileSystem(), path, path)
    try:
        filesystem, path = FileSystem.from_uri(text)
    except (ValueError, OSError) as error:
        raise InputError(f"{_without_secrets(text)}: {_line(error)}") from None
    path = path.rstrip("/")
    return Place(filesystem, path, f"{text.partition('://')[0].lower()}://{path}")


@dataclass(frozen=True)
class Storage:
    """Opens images by their names, in whatever process it has been sent to.

    Attributes:
        filesystems: by the roots of names; others are opened as the environment says.

    Example:
        >>> Storage().image("/photos/a.jpg", max_pixels=100)
        '/photos/a.jpg'
    """

    filesystems: dict[str, FileSystem] = field(default_factory=dict)

    def image(self, name: str, *, max_pixels: int) -> str | Encoded:
        """Return what :meth:`raz.Predictor.reader.open` takes: a local path, or a file's bytes.

        Raises:
            InputError: there is no such file, or it is too large.
            OSError: the storage cannot be reached, which is not the image's fault.
        """
        if not is_bucket(name):
            return name
        filesystem = self._filesystem(_root(name))
        try:
            with filesystem.open_input_file(name.partition("://")[2]) as file:
                limit = byte_limit(max_pixels)
                if file.size() > limit:
                    raise InputTooLargeError(
                        f"{name}: holds more than {limit:,} bytes, the limit where an image of at "
                        f"most {max_pixels:,} pixels (max_pixels) is read into memory"
                    )
                data = file.read()
        except FileNotFoundError:
            raise InputError(f"{name}: no such file") from None
        except OSError as error:
            raise OSError(f"{name}: {_line(error)}") from error
        if not data:
            raise InputError(f"{name}: is empty")
        return Encoded(name, data)

    def _filesystem(self, root: str) -> FileSystem:
        if root not in self.filesystems:
            self.filesystems[root] = place_of(root).filesystem
        return self.filesystems[root]


def listed(source: Any) -> tuple[list[str], Storage]:
    """List the images of a source, each once and in order, and what opens them.

    Args:
        source: a path or an address, or an iterable of them: of an image, a folder (the image files
            in it, in natural order) or, of local files, a glob pattern.

    Raises:
        InputError: a folder or pattern holds no image, or a source is a video.
        TypeError: a source is no path.

    Example:
        >>> names, storage = listed(["b.jpg", "a.jpg", "b.jpg"])
        >>> [os.path.basename(name) for name in names]
        ['b.jpg', 'a.jpg']
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else source
    if not isinstance(sources, Iterable):
        raise TypeError(
            f"source is {type(source).__name__}; it must be a path, an address, an iterable of "
            "these, or a Ray dataset"
        )
    names: dict[str, None] = {}
    storage = Storage()
    for each in sources:
        if not isinstance(each, (str, os.PathLike)):
            raise TypeError(f"source holds {type(each).__name__}; it must hold paths or addresses")
        names.update(dict.fromkeys(_names(os.fspath(each), storage)))
    return list(names), storage


def _names(source: str, storage: Storage) -> Iterator[str]:
    if not is_bucket(source):
        for entry in expand_source(source.removeprefix("file://")):
            if not isinstance(entry, str) or is_video(entry):
                name = entry if isinstance(entry, str) else entry.name
                raise InputError(f"{name}: is a video; a cluster counts images")
            yield os.path.abspath(entry)
        return
    place = place_of(source)
    known = storage.filesystems.setdefault(place.root, place.filesystem)
    if not known.equals(place.filesystem):
        raise InputError(f"{place.name}: another source has other options of {place.root}")
    yield from _in_bucket(place)


def _in_bucket(place: Place) -> Iterator[str]:
    from pyarrow.fs import FileSelector, FileType

    try:
        if place.filesystem.get_file_info(place.path).type != FileType.Directory:
            yield place.name  # of a file, or of one that is missing: its row will say so
            return
        entries = place.filesystem.get_file_info(FileSelector(place.path))
    except OSError as error:
        raise InputError(f"{place.name}: {_line(error)}") from None
    files = [entry.path for entry in entries if entry.type == FileType.File]
    found = sorted(filter(_is_image, files), key=natural_order)
    if not found:
        raise InputError(f"{place.name}: the folder holds no image file")
    scheme = place.name.partition("://")[0]
    yield from (f"{scheme}://{path}" for path in found)


def _is_image(path: str) -> bool:
    base = os.path.basename(path)
    return os.path.splitext(base)[1].lower() in IMAGE_SUFFIXES and not base.startswith(".")


def _root(name: str) -> str:
    """The address of the bucket that a name is in; empty for a local path."""
    if not is_bucket(name):
        return ""
    scheme, _, path = name.partition("://")
    return f"{scheme}://{path.partition('/')[0]}"


def _without_secrets(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address.partition("?")[0])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
