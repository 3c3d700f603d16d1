"""Open images of every source: files, folders, glob patterns, videos, iterables, and memory.

:func:`expand_source` tells which images a source stands for; :class:`ImageReader` opens them. What
an image file becomes is told in :mod:`raz.io.decoding`.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from raz.errors import InputError, ResourceError, memory_errors

from .brightness import dark_note
from .decoding import (
    DECODING_BYTES,
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    decode,
    read_image_size,
    to_image,
)
from .encoded import is_encoded, is_stream, named
from .folder import image_files, natural_order
from .opening import is_address
from .prefetch import read_ahead
from .rasters import AS_STORED, CACHE_BYTES, Raster, Reading
from .video import VideoFrame, check_every, is_video, video_frames, video_length
from .video_stream import VideoStream, video_stream
from .windows import open_windows

if TYPE_CHECKING:
    import torch

__all__ = [
    "ImageEntries",
    "ImageInfo",
    "ImageReader",
    "OpenedImage",
    "UnopenedImage",
    "expand_source",
    "is_collection",
    "is_many",
]


def is_many(source: Any) -> bool:
    """Tell whether a source stands for many images, not for one.

    Raises:
        TypeError: ``source`` is nothing that holds images.

    Example:
        >>> is_many("photo.jpg"), is_many("photos/*.jpg"), is_many(["photo.jpg"])
        (False, True, True)
    """
    import numpy as np
    import torch
    from PIL import Image

    if isinstance(source, (str, os.PathLike)):
        return is_collection(source)
    if isinstance(source, VideoStream):
        return True
    if isinstance(source, (np.ndarray, torch.Tensor, Image.Image)) or is_encoded(source):
        return False
    if isinstance(source, Iterable) and not isinstance(source, dict):
        return True
    raise TypeError(
        f"source is {type(source).__name__}; it must be a path, bytes, an open file, a PIL image, "
        "an array, a tensor, or an iterable of these"
    )


def is_collection(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path stands for many images: a folder, a glob pattern or a video.

    Videos are also ``camera:0`` and addresses that begin with ``rtsp://``. Another address of a
    network is one image, which cannot be opened.

    Example:
        >>> is_collection("clip.mp4"), is_collection("photo.jpg")
        (True, False)
    """
    name = os.fspath(path)
    if video_stream(name) is not None:
        return True
    return not is_address(name) and (os.path.isdir(name) or _is_pattern(name) or is_video(name))


@dataclass(frozen=True, eq=False)
class ImageEntries:
    """The images that a source of many stands for; see :func:`expand_source`.

    Attributes:
        entries: each once, in order; a video is one entry.
        at_hand: whether they can be taken before their turn. A generator may have to wait for its
            next image itself, so it is asked only for the one that is needed.

    Example:
        >>> expand_source(["a.jpg", "b.jpg"]).at_hand, expand_source(iter(["a.jpg"])).at_hand
        (True, False)
    """

    entries: Iterator[Any]
    at_hand: bool

    def __iter__(self) -> Iterator[Any]:
        return self.entries


def expand_source(source: Any) -> ImageEntries:
    """List the single images of a source of many, in order; a video stays one entry.

    Folders and patterns are in natural order. An entry of an iterable that stands for no image (an
    empty folder, a pattern that matches nothing) becomes an InputError object in its place, so that
    its neighbours are not lost.

    Raises:
        InputError: ``source`` itself is such a folder or pattern.

    Example:
        >>> list(expand_source(["b.jpg", "a.jpg"]))
        ['b.jpg', 'a.jpg']
    """
    if isinstance(source, ImageEntries):
        return source
    if isinstance(source, VideoStream):
        return ImageEntries(iter([source]), at_hand=False)
    if isinstance(source, (str, os.PathLike)):
        return ImageEntries(iter(_expand_path(source)), at_hand=True)
    return ImageEntries(_expand_each(source), at_hand=isinstance(source, Sequence))


def _expand_each(source: Iterable[Any]) -> Iterator[Any]:
    for entry in source:
        if isinstance(entry, (str, os.PathLike)):
            try:
                yield from _expand_path(entry)
            except InputError as error:
                yield error
        else:
            yield entry


def _expand_path(source: str | os.PathLike[str]) -> Sequence[str | VideoStream]:
    name = os.fspath(source)
    stream = video_stream(name)
    if stream is not None:
        return [stream]
    if is_address(name):
        return [name]
    if os.path.isdir(name):
        chosen = image_files(name)
        if not chosen:
            known = " ".join(sorted(IMAGE_SUFFIXES))
            raise InputError(f"{name}: the folder holds no image file ({known})")
        return chosen
    if _is_pattern(name):
        matches = [path for path in glob.glob(name, recursive=True) if os.path.isfile(path)]
        if not matches:
            raise InputError(f"{name}: no file matches this pattern")
        return sorted(matches, key=natural_order)
    return [name]


def _is_pattern(name: str) -> bool:
    return glob.has_magic(name) and not os.path.lexists(name)


@dataclass(frozen=True)
class ImageInfo:
    """What the header of a file tells, before anything is decoded.

    Attributes:
        size: (h, w) in pixels, upright; of a video as its frames are stored.
        windowed: whether only windows of the file will be read.
        frames: 1 for an image; of a video about how many will be decoded.

    Example:
        >>> info = ImageInfo((1000, 2000), windowed=False)
        >>> info.bytes, info.opening_bytes
        (6000000, 14000000)
    """

    size: tuple[int, int]
    windowed: bool
    frames: int = 1

    @property
    def bytes(self) -> int:
        """Memory that the image takes once it is open: its pixels, or the blocks of its windows."""
        return CACHE_BYTES if self.windowed else 3 * self.size[0] * self.size[1]

    @property
    def opening_bytes(self) -> int:
        """Memory that opening it takes at its peak."""
        return CACHE_BYTES if self.windowed else DECODING_BYTES * self.size[0] * self.size[1]


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """An image that has been decoded, or a file opened for reading windows of it.

    Attributes:
        source: uint8 [3, H, W], RGB, or a file of which windows are read.
        name: the path as it was given, that of an open file, or the name of a video's frame; None
            for an image in memory.
        milliseconds: what opening it took.
        time: of a video's frame, seconds since the first one; else None.
        reading: with which a file's pixels came about.
        read_once: whether it was read from bytes, an open file or a FIFO, not by its path.
        decoding_notes: of an image that has been decoded, its `notes`.

    Example:
        >>> import numpy as np
        >>> with ImageReader().open(np.zeros((4, 6, 3), np.uint8)) as image:
        ...     image.info.size, image.name
        ((4, 6), None)
    """

    source: torch.Tensor | Raster
    name: str | None
    milliseconds: float
    time: float | None = None
    reading: Reading = AS_STORED
    read_once: bool = False
    decoding_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """One line each on what was concluded about the file, and may be wrong.

        Of a file of which windows are read some are known once one has been read.
        """
        return self.source.notes if isinstance(self.source, Raster) else self.decoding_notes

    @property
    def info(self) -> ImageInfo:
        """Its size, and whether windows are read."""
        if isinstance(self.source, Raster):
            width, height = self.source.image_size
            return ImageInfo((height, width), windowed=True)
        height, width = self.source.shape[-2:]
        return ImageInfo((height, width), windowed=False)

    @property
    def file(self) -> str | None:
        """Path of the image file; None for what cannot be read again by it."""
        return self.name if self.time is None and not self.read_once else None

    def kept_pixels(self) -> torch.Tensor | None:
        """What has to be kept to draw on the image later: nothing of a file, which is still there.

        Of an image in memory it is a copy: the caller may use the array again for the next image.
        """
        as_stored = self.reading == AS_STORED
        if isinstance(self.source, Raster) or (self.file is not None and as_stored):
            return None
        own = self.time is not None or self.read_once or self.file is not None
        return self.source if own else self.source.clone()

    def __enter__(self) -> OpenedImage:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.source, Raster):
            self.source.close()


@dataclass(frozen=True, eq=False)
class UnopenedImage:
    """One of many images, whose turn has come.

    Attributes:
        name: by which to report it: its path, the name of a video's frame, or ``image 3``.
        open: gives the opened image, or raises what is wrong with it. Call it once.

    Example:
        >>> import numpy as np
        >>> for image in ImageReader().stream(expand_source([np.zeros((4, 6, 3), np.uint8)])):
        ...     print(image.name, image.open().info.size)
        image 0 (4, 6)
    """

    name: str
    open: Callable[[], OpenedImage]


class ImageReader:
    """Opens images: decodes them, or opens large TIFF files for reading windows.

    It holds no state but its limits, so threads may share one.

    Args:
        max_pixels: largest image, width times height; by default 1,000,000,000 where windows are
            read (`raz.io.windows.MAX_WINDOWED_PIXELS`), and 200,000,000 where the whole image is
            decoded (`raz.io.decoding.MAX_PIXELS`).
        windows_above: longer side in pixels above which only windows of a TIFF file are read,
            where rasterio is installed (extra ``tiles``); None always decodes the whole image.
        reading: what the caller knows better than the files.

    Example:
        >>> import numpy as np
        >>> reader = ImageReader(max_pixels=100)
        >>> reader.open(np.zeros((4, 6, 3), np.uint8)).info
        ImageInfo(size=(4, 6), windowed=False, frames=1)
    """

    def __init__(
        self,
        *,
        max_pixels: int | None = None,
        windows_above: int | None = None,
        reading: Reading = AS_STORED,
    ) -> None:
        self.max_pixels = max_pixels
        self.windows_above = windows_above
        self.reading = reading

    def open(self, image: Any) -> OpenedImage:
        """Open one image.

        Args:
            image: anything that :func:`raz.io.decoding.to_image` takes, or a frame of
                :func:`raz.io.video.video_frames`.

        Returns:
            the opened image; use it in a ``with`` statement, which closes its file.

        Raises:
            InputError: the image cannot be read.
            ResourceError: it does not fit into memory.
            TypeError, ValueError: ``image`` is nothing that holds an image.
        """
        if isinstance(image, VideoFrame):
            return OpenedImage(
                image.pixels,
                image.name,
                image.milliseconds,
                image.seconds,
                decoding_notes=_dark(image.pixels),
            )
        once = _is_read_once(image)
        start = time.perf_counter()
        with memory_errors(named(image) or "image"):
            source: torch.Tensor | Raster | None = None if once else self._windows(_path(image))
            notes: tuple[str, ...] = ()
            if source is None:
                source, notes = self._decoded(image)
        return OpenedImage(
            source,
            named(image) if once else _path(image),
            (time.perf_counter() - start) * 1000,
            reading=self.reading,
            read_once=once,
            decoding_notes=notes,
        )

    def _decoded(self, image: Any) -> tuple[torch.Tensor, tuple[str, ...]]:
        import torch
        from PIL import Image

        if not (isinstance(image, (str, os.PathLike, Image.Image)) or is_encoded(image)):
            pixels = to_image(image, max_pixels=self._decoded_pixels)
            return pixels, _dark(pixels)
        found = decode(image, max_pixels=self._decoded_pixels, reading=self.reading)
        pixels = torch.from_numpy(found.pixels).permute(2, 0, 1)
        return pixels, (*found.notes, *_dark(pixels))

    def examine(self, path: Any, *, every: float | None = None) -> ImageInfo:
        """Tell the size of an image file or video from its header; nothing is decoded.

        Args:
            path: of the file; or its bytes, or an open file, which is used up.
            every: of a video, seconds from one frame to the next; by default all frames count.

        Raises:
            InputError: the file cannot be read, or the image is over ``max_pixels``.
        """
        if isinstance(path, VideoStream):
            raise InputError(f"{path.name}: is a camera or stream; nothing is known before it runs")
        once = _is_read_once(path)
        if not once and is_video(path):
            (width, height), frames = video_length(
                path, every=every, max_pixels=self._decoded_pixels
            )
            return ImageInfo((height, width), windowed=False, frames=frames)
        windows = None if once else self._windows(path)
        if windows is not None:
            with closing(windows):
                width, height = windows.image_size
                return ImageInfo((height, width), windowed=True)
        width, height = read_image_size(path, max_pixels=self._decoded_pixels)
        return ImageInfo((height, width), windowed=False)

    def stream(
        self, images: ImageEntries, *, every: float | None = None
    ) -> Generator[UnopenedImage, None, None]:
        """Yield each of many images when its turn comes.

        Of images that are at hand, a background thread opens the next ones meanwhile: at most two,
        and 256 MiB or one larger image. Closing the generator ends the thread. A frame of a video
        is decoded when its turn comes; what is wrong with a video comes after its good frames.

        Args:
            images: of :func:`expand_source`.
            every: of videos, seconds from one frame to the next; by default all frames.

        Raises:
            ValueError: ``every`` is not a finite number above 0.
        """
        check_every(every)
        return self._stream(images, every)

    def _stream(
        self, images: ImageEntries, every: float | None
    ) -> Generator[UnopenedImage, None, None]:
        index = 0  # enumerate would hold an image's pixels until the next one is read
        with closing(self._openers(images)) as openers:
            for entry, opens in openers:
                frames = self._frames(entry, every)
                if frames is not None:
                    with closing(frames):
                        for frame in frames:
                            yield frame
                            del frame
                            index += 1
                else:
                    yield UnopenedImage(_name(entry, index), opens)
                    index += 1
                del entry, opens  # and with them the pixels

    def _openers(
        self, images: ImageEntries
    ) -> Generator[tuple[Any, Callable[[], OpenedImage]], None, None]:
        """Every entry with a function that opens it, or that waits for the thread that does."""
        if images.at_hand:
            yield from read_ahead(images, self._open_entry, self._bytes_ahead)
        else:
            for entry in images:
                yield entry, partial(self._open_entry, entry)

    def _frames(
        self, entry: Any, every: float | None
    ) -> Generator[UnopenedImage, None, None] | None:
        """The frames of a video; None of anything else."""
        limit = self._decoded_pixels
        if isinstance(entry, VideoStream):
            return self._unopened(entry.name, entry.frames(every=every, max_pixels=limit))
        path = _path(entry)
        if path is None or not is_video(path):
            return None
        return self._unopened(path, video_frames(path, every=every, max_pixels=limit))

    def _unopened(
        self, name: str, frames: Iterator[VideoFrame]
    ) -> Generator[UnopenedImage, None, None]:
        try:
            for frame in frames:
                yield UnopenedImage(frame.name, partial(self.open, frame))
                del frame
        except InputError as error:
            yield UnopenedImage(name, partial(_fail, error))
        finally:
            frames.close()  # type: ignore[attr-defined]  # both are generators

    def _open_entry(self, entry: Any) -> OpenedImage:
        if isinstance(entry, InputError):
            raise entry
        return self.open(entry)

    def _bytes_ahead(self, entry: Any) -> int | None:
        """Memory that opening an entry will take; None for one that is not opened ahead."""
        path = _path(entry)
        if path is None or _is_read_once(path) or is_video(path):
            return None
        try:
            return self.examine(path).bytes
        except (InputError, ResourceError):  # opening it will say so
            return 0

    def _windows(self, path: str | os.PathLike[str] | None) -> Raster | None:
        """A file opened for reading windows; None where the whole image is to be decoded."""
        if path is None or self.windows_above is None:
            return None
        return open_windows(
            path,
            longer_than=self.windows_above,
            max_pixels=self.max_pixels,
            reading=self.reading,
        )

    @property
    def _decoded_pixels(self) -> int:
        return MAX_PIXELS if self.max_pixels is None else self.max_pixels


def _path(image: Any) -> str | None:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else None


def _dark(pixels: torch.Tensor) -> tuple[str, ...]:
    note = dark_note(pixels)
    return () if note is None else (note,)


def _is_read_once(image: Any) -> bool:
    path = _path(image)
    return is_encoded(image) if path is None else is_stream(path)


def _name(entry: Any, index: int) -> str:
    if isinstance(entry, VideoStream):
        return entry.name
    if isinstance(entry, InputError):  # its text begins with what was asked for
        return str(entry).rpartition(": ")[0]
    path = _path(entry)
    return path or (named(entry) if is_encoded(entry) else None) or f"image {index}"


def _fail(error: InputError) -> NoReturn:
    raise error
