"""Read TIFF and JPEG 2000 files through rasterio (the extra ``tiles``), whole or in windows.

A file that is read here is read here at any size, so that a large and a small file of one kind
give the same pixels. The kinds: grey and RGB of 8 bits and more, floating point, any number of
bands, and every compression that rasterio's GDAL knows. Palettes, CMYK and the like are left to
Pillow. Each line of a PNG or JPEG depends on the lines before, so these have no windows.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from raz.errors import InputError

from .colours import (
    OPAQUE_NOTE,
    Extremes,
    Pixels,
    Samples,
    bits_of,
    to_rgb,
    upright,
)
from .jpeg2000 import is_jpeg2000
from .opening import first_look, import_rasterio, naming, quiet_decoders
from .tiff import (
    BLACK_IS_ZERO,
    JPEG,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    TiffPage,
    choose_page,
    is_tiff,
)

if TYPE_CHECKING:
    import torch

__all__ = ["AS_STORED", "CACHE_BYTES", "Raster", "Reading", "open_raster"]

CACHE_BYTES = 128 * 2**20
"""Bytes of decoded blocks that are kept for the next windows (ours)."""

log = logging.getLogger(__name__)

_STRIP_PIXELS = 4_000_000


@dataclass(frozen=True)
class Reading:
    """What the caller knows better than the file.

    Attributes:
        bits: that samples have which are stored with more than eight, 8 to 16. Of floating-point
            samples, 2^bits - 1 is white. None believes the file, else its greatest value.
        bands: numbers of the bands, from 1, that are red, green and blue, or of the one that is
            grey. None believes the file.

    Raises:
        TypeError, ValueError: a value is of the wrong kind or out of range.

    Example:
        >>> Reading(bands=[4, 3, 2]).bands
        (4, 3, 2)
    """

    bits: int | None = None
    bands: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if self.bits is not None:
            if isinstance(self.bits, bool) or not isinstance(self.bits, (int, np.integer)):
                raise TypeError(f"bits is {self.bits!r}; it must be an integer from 8 to 16")
            if not 8 <= self.bits <= 16:
                raise ValueError(f"bits is {self.bits}; it must be an integer from 8 to 16")
            object.__setattr__(self, "bits", int(self.bits))
        if self.bands is not None:
            rule = "it must be one or three numbers of bands, from 1"
            if isinstance(self.bands, (str, bytes)) or not isinstance(self.bands, Sequence):
                raise TypeError(f"bands is {self.bands!r}; {rule}")
            bands = tuple(self.bands)
            if not all(
                isinstance(band, (int, np.integer)) and not isinstance(band, bool) for band in bands
            ):
                raise TypeError(f"bands is {self.bands!r}; {rule}")
            if len(bands) not in (1, 3) or min(bands) < 1:
                raise ValueError(f"bands is {self.bands!r}; {rule}")
            object.__setattr__(self, "bands", tuple(map(int, bands)))


AS_STORED = Reading()
"""Believes every file."""


class Raster:
    """An open file of which windows are read; see `open_raster`.

    It takes `CACHE_BYTES` of memory for decoded blocks, beside the window itself. Threads may share
    it.

    Attributes:
        image_size: (width, height) in pixels, upright.
        block_bytes: of one decoded block, all bands: the least that a window takes.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 32), "red").save(f"{folder}/red.tif")
        ...     raster = open_raster(f"{folder}/red.tif")
        ...     size, pixels = raster.image_size, raster.read((0, 0, 4, 2))
        ...     raster.close()
        >>> size, pixels.shape
        ((64, 32), torch.Size([3, 2, 4]))
    """

    def __init__(self, name: str, file: Any, layout: _Layout, close: Callable[[], None]) -> None:
        self._name = name
        self._file = file
        self._layout = layout
        self._close = close
        self._lock = threading.Lock()
        self._samples: Samples | None = None
        self._notes: list[str] = list(layout.notes)
        width, height = file.width, file.height
        self.image_size = (height, width) if layout.orientation >= 5 else (width, height)
        self.block_bytes = sum(
            rows * columns * np.dtype(kind).itemsize
            for (rows, columns), kind in zip(file.block_shapes, file.dtypes, strict=True)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """One line each on what was concluded about the file, and may be wrong.

        Some are known once something has been read.
        """
        return tuple(self._notes)

    def read(self, window: tuple[int, int, int, int]) -> torch.Tensor:
        """Read a window of the upright image.

        Args:
            window: (x1, y1, x2, y2), edges in pixels.

        Returns:
            uint8 [3, h, w], RGB.

        Raises:
            InputError: the file is damaged there, or its values are out of range.
        """
        import torch

        with self._lock, naming(self._name), self._environment():
            pixels = self._pixels(self._as_stored(window))
        return torch.from_numpy(upright(pixels, self._layout.orientation)).permute(2, 0, 1)

    def read_whole(self) -> Pixels:
        """Read the upright image: uint8 [H, W, 3].

        Raises:
            InputError: the file is damaged, or its values are out of range.
            ResourceError: the image does not fit into memory.
        """
        with self._lock, naming(self._name), self._environment():
            whole = np.empty((self._file.height, self._file.width, 3), np.uint8)
            for x1, y1, x2, y2 in self._parts():
                whole[y1:y2, x1:x2] = self._pixels((x1, y1, x2, y2))
            return upright(whole, self._layout.orientation)

    def close(self) -> None:
        """Close the file."""
        self._close()

    def _environment(self) -> Any:
        # A block that is larger is decoded once only if it stays.
        cache = max(CACHE_BYTES, self.block_bytes + 2**20)
        return importlib.import_module("rasterio").Env(GDAL_CACHEMAX=cache)

    def _pixels(self, window: tuple[int, int, int, int]) -> Pixels:
        if self._samples is None:
            self._samples = self._scan()
        layout = self._layout
        bands = layout.bands
        if self._samples.alpha != "none":
            bands = (*bands, layout.alpha)
        return to_rgb(self._bands(bands, window), self._samples)

    def _bands(self, bands: Sequence[int], window: tuple[int, int, int, int]) -> npt.NDArray[Any]:
        """Read samples as stored: [h, w, n]; colours without data become 0."""
        x1, y1, x2, y2 = window
        rasterio = importlib.import_module("rasterio")
        try:
            read = self._file.read(
                list(bands), window=rasterio.windows.Window(x1, y1, x2 - x1, y2 - y1)
            )
        except rasterio.errors.RasterioIOError as error:  # its text is in the error before
            raise InputError(str(error.__cause__ or error)) from error
        empty = self._layout.empty
        if empty is not None:
            for band, values in zip(bands, read, strict=True):
                if band != self._layout.alpha:  # whose greatest value is often the same
                    values[np.isnan(values) if np.isnan(empty) else values == empty] = 0
        return np.ascontiguousarray(read.transpose(1, 2, 0))

    def _scan(self) -> Samples:
        """Find out what only the whole file tells: the greatest value, and whether alpha means
        something. It ends where nothing more can be learnt."""
        layout = self._layout
        kind = np.dtype(self._file.dtypes[layout.bands[0] - 1])
        integers = kind.kind in "iu" and kind.itemsize > 1
        unknown = integers and layout.bits is None
        samples = Samples(
            bits=layout.bits or (0 if kind.kind == "f" else 8), white_is_zero=layout.white_is_zero
        )
        extremes, opaque = Extremes(), 0
        deep = kind == np.uint16  # any value of it is in range
        # An opaque pixel has the greatest value that alpha takes.
        enough = 2**15 if integers else 0
        for window in self._parts():
            if unknown and not (deep and extremes.settled):
                extremes.add(self._bands(layout.bands, window))
            elif not layout.alpha or opaque > enough:
                break
            if layout.alpha and opaque <= enough:
                opaque = max(opaque, self._bands([layout.alpha], window).max())
        if unknown:
            samples = Samples(bits=extremes.bits, white_is_zero=layout.white_is_zero)
            self._notes += [extremes.note] if extremes.note else []
        if layout.alpha and not opaque:
            self._notes.append(OPAQUE_NOTE)
        elif layout.alpha:
            alpha: Any = "premultiplied" if layout.premultiplied else "straight"
            if kind.kind == "f":
                alpha_bits = samples.bits
            else:
                alpha_bits = bits_of(int(opaque)) if kind.itemsize > 1 else 8
            return Samples(samples.bits, layout.white_is_zero, alpha, alpha_bits)
        return samples

    def _parts(self) -> Iterator[tuple[int, int, int, int]]:
        """Windows that together are the file, in whole blocks if these are small."""
        width, height = self._file.width, self._file.height
        rows, columns = self._file.block_shapes[0]
        wide = min(width, max(1, _STRIP_PIXELS // (rows * columns)) * columns)
        high = max(1, _STRIP_PIXELS // wide)
        high = max(rows, high // rows * rows) if rows * wide <= _STRIP_PIXELS else high
        for y in range(0, height, high):
            for x in range(0, width, wide):
                yield x, y, min(x + wide, width), min(y + high, height)

    def _as_stored(self, window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Convert a window of the upright image to one of the image as stored."""
        x1, y1, x2, y2 = window
        width, height = self.image_size
        orientation = self._layout.orientation
        # Undo what `upright` does, in the opposite order.
        if orientation in (3, 4, 7, 8):
            y1, y2 = height - y2, height - y1
        if orientation in (2, 3, 6, 7):
            x1, x2 = width - x2, width - x1
        return (y1, x1, y2, x2) if orientation >= 5 else (x1, y1, x2, y2)


@dataclass(frozen=True)
class _Layout:
    """Which bands of a file are what. Numbers of bands count from 1, and 0 is none."""

    bands: tuple[int, ...]
    alpha: int
    premultiplied: bool
    white_is_zero: bool
    bits: int | None
    orientation: int
    empty: float | None
    notes: tuple[str, ...]


def is_raster(name: str) -> bool:
    """Tell by a file's first bytes whether it is a TIFF or JPEG 2000 file."""
    if not os.path.isfile(name):  # a FIFO can be read once
        return False
    try:
        with open(name, "rb") as file:
            return is_tiff(name) or is_jpeg2000(file.read(12))
    except (OSError, ValueError):  # whoever decodes it will say why
        return False


def open_raster(
    name: str, reading: Reading = AS_STORED, *, data: bytes | None = None
) -> Raster | None:
    """Open a TIFF or JPEG 2000 file, if rasterio is installed and it is of a kind that is read so.

    Args:
        name: path of the file, or what to call it in errors.
        reading: what the caller knows better than the file.
        data: the file's content, where it is in memory.

    Returns:
        an open file, to be closed; None if it has to be read by Pillow.

    Raises:
        InputError: the file is damaged, or has no such bands.

    Example:
        >>> open_raster("photo.jpg") is None
        True
    """
    start, pages = first_look(name, data)
    jpeg2000 = is_jpeg2000(start)
    if not (jpeg2000 or pages) or (pages and not _is_known(choose_page(pages)[0])):
        return None
    rasterio = import_rasterio()
    if rasterio is None:
        return None
    with (
        ExitStack() as closing,
        quiet_decoders(),
        # Files that lie beside an image do not change how it is read.
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
    ):
        if data is not None:
            memory = rasterio.io.MemoryFile(data)
            closing.callback(memory.close)
        target = os.path.abspath(name) if data is None else memory.name
        if pages and not choose_page(pages)[0].first:
            target = f"GTIFF_DIR:off:{choose_page(pages)[0].offset}:{target}"
        try:
            file = rasterio.open(target, driver="JP2OpenJPEG" if jpeg2000 else "GTiff")
        except rasterio.errors.RasterioIOError as error:
            # GDAL may have been built without a codec, and is stricter in small things.
            log.info("%s: left to Pillow: %s", name, error)
            return None
        # Not `with file`, which would bind it to this thread: others may read and close it.
        closing.callback(file.close)
        layout = _jpeg2000_layout(file, reading) if jpeg2000 else _layout(file, pages, reading)
        if layout is None:
            return None
        return Raster(name, file, layout, closing.pop_all().close)


def _is_known(page: TiffPage) -> bool:
    """Whether the samples are colours of at least 8 bits, or GDAL makes them so."""
    if page.photometric == YCBCR:
        return page.compression == JPEG and not page.planar
    return (
        page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        and page.sample_format in (1, 2, 3, 4)
        and len(set(page.bits)) == 1
        and page.bits[0] >= 8
        and page.pixels > 0
    )


def _layout(file: Any, pages: list[TiffPage], reading: Reading) -> _Layout | None:
    page, note = choose_page(pages)
    if (file.width, file.height) != page.size or file.count != len(page.bits):
        return None
    colours = 3 if page.photometric in (RGB, YCBCR) else 1
    alpha, premultiplied = 0, False
    for index, meaning in enumerate(page.extra_samples):
        if meaning in (1, 2) and colours + index < file.count:
            alpha, premultiplied = colours + index + 1, meaning == 1
            break
    bands, band_note = _colour_bands(file, reading, alpha, known=colours == 3)
    bits = reading.bits
    kind = np.dtype(file.dtypes[bands[0] - 1])
    if kind.kind not in "iuf" or len(set(file.dtypes)) > 1:
        return None
    if bits is None and kind.kind != "f":
        if page.bits[0] < 8 * kind.itemsize:
            bits = page.bits[0]
        elif page.most is not None and 255 <= page.most < 65536:
            bits = bits_of(page.most)
    return _Layout(
        bands=bands,
        alpha=0 if alpha in bands else alpha,
        premultiplied=premultiplied,
        white_is_zero=page.photometric == WHITE_IS_ZERO,
        bits=8 if kind.itemsize == 1 else bits,
        orientation=page.orientation or pages[0].orientation or 1,
        empty=_empty(file, kind),
        notes=tuple(each for each in (note, band_note) if each),
    )


def _jpeg2000_layout(file: Any, reading: Reading) -> _Layout | None:
    interpretations = [each.name for each in file.colorinterp]
    if not set(interpretations) <= {"gray", "red", "green", "blue", "alpha", "undefined"}:
        return None  # palettes and YCbCr
    kind = np.dtype(file.dtypes[0])
    if len(set(file.dtypes)) > 1 or kind not in (np.uint8, np.uint16):
        return None
    alpha = interpretations.index("alpha") + 1 if "alpha" in interpretations else 0
    known = file.count - (alpha > 0) == 3  # a bare codestream does not name its colours
    bands, note = _colour_bands(file, reading, alpha, known=known)
    stated = int(file.tags(bands[0], ns="IMAGE_STRUCTURE").get("NBITS", 8 * kind.itemsize))
    bits = reading.bits or (stated if 8 < stated < 16 else None)
    if kind == np.uint8:
        if stated < 8:
            return None
        bits = 8
    return _Layout(
        bands=bands,
        alpha=0 if alpha in bands else alpha,
        premultiplied=False,
        white_is_zero=False,
        bits=bits,
        orientation=1,
        empty=None,
        notes=(note,) if note else (),
    )


def _colour_bands(
    file: Any, reading: Reading, alpha: int, *, known: bool
) -> tuple[tuple[int, ...], str | None]:
    """Numbers of the colours' bands, and one line where they are a guess."""
    if reading.bands is not None:
        if max(reading.bands) > file.count:
            raise InputError(
                f"bands is {','.join(map(str, reading.bands))}; the file has {file.count}"
            )
        return tuple(reading.bands), None
    if known and file.count >= 3:
        return (1, 2, 3), None
    names = [each.name for each in file.colorinterp]
    if {"red", "green", "blue"} <= set(names):
        return tuple(names.index(colour) + 1 for colour in ("red", "green", "blue")), None
    others = [band for band in range(1, file.count + 1) if band != alpha]
    if len(others) == 1:
        return (others[0],), None
    chosen = tuple(others[: 3 if len(others) >= 3 else 1])
    taken = "bands {}, {} and {} are taken as red, green and blue" if len(chosen) == 3 else (
        "band {} is taken as grey"
    )  # fmt: skip
    return chosen, (
        f"the file does not say which colours its {len(others)} bands are; "
        f"{taken.format(*chosen)}; bands (--bands) chooses others"
    )


def _empty(file: Any, kind: np.dtype[Any]) -> float | None:
    """The value of samples without data, if it is not one of an 8-bit colour."""
    if file.nodata is None or kind.itemsize == 1:
        return None
    return float(file.nodata)
