"""Open image files by Pillow: which formats, which frame, within which limits, and quietly."""

from __future__ import annotations

import ctypes
import functools
import importlib
import io
import logging
import os
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from raz.errors import InputError, InputTooLargeError, ResourceError, installs
from raz.forking import held_while_forking

from .jpeg2000 import check_jpeg2000, is_jpeg2000
from .signatures import HEAD_BYTES, content_of, head_of
from .text import clipped
from .tiff import OLD_JPEG, TiffPage, choose_page, read_pages

log = logging.getLogger(__name__)

# Formats that describe pixels. Pillow would also open documents and scripts (EPS starts
# Ghostscript) and containers whose inner image is larger than the header says (ICO, ICNS).
# HEIF is there once its plugin has been registered.
_FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM"),
    *("JPEG2000", "TGA", "HEIF"),
)

_ORIENTATION_TAG = 0x0112
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|https?:/", re.IGNORECASE)  # the latter from a Path

_COMMON_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)
"""Of TIFF files: every libtiff knows them. Where one of the others fails, it may lack its codec."""

_limit_lock = held_while_forking(threading.Lock())
_limits: list[int] = []
_usual_limit: int | None = None

_quiet_lock = held_while_forking(threading.Lock())
_quiet_depth = 0
_quiet_scope: warnings.catch_warnings[None] | None = None
_libtiff_handlers: dict[str, int | None] = {}


class OpenedFile(NamedTuple):
    """An image file that Pillow has opened.

    Attributes:
        image: at the frame or page that is used; nothing is decoded.
        page: of a TIFF, its directory.
        notes: one line each on what was chosen, where that may not be what was meant.
    """

    image: Image.Image
    page: TiffPage | None
    notes: tuple[str, ...]


@contextmanager
def open_file(name: str, *, data: bytes | None = None) -> Iterator[OpenedFile]:
    """Open an image file by Pillow at its full image; see `raz.io.tiff.choose_page`.

    Args:
        name: path of the file, or what to call it.
        data: the file's content, where it is in memory.

    Raises:
        InputError: it is no image, or of a kind that Pillow cannot read but rasterio can.
    """
    # Of a file that it opens by its name, Pillow maps the pixels into memory where it can. The
    # process then dies if somebody cuts the file before they are read.
    with (
        io.BytesIO(data) if data is not None else open(name, "rb") as source,
        _opened(source, name, data) as opened,
    ):
        yield opened


@contextmanager
def _opened(source: IO[bytes], name: str, data: bytes | None) -> Iterator[OpenedFile]:
    Image.init()
    formats = [each for each in _FORMATS if each in Image.OPEN]
    start, pages = first_look(name, data)
    page: TiffPage | None = None
    notes: list[str] = []
    orientation = None
    if pages:
        page, note = choose_page(pages)
        notes += [note] if note else []
        if page.compression == OLD_JPEG and page.jpeg is not None:
            source, formats = io.BytesIO(_part(name, data, page.jpeg)), ["JPEG"]
            orientation = page.orientation or pages[0].orientation
            page = None
        elif not page.first:
            source = io.BytesIO(_starting_at(page, name, data))
            orientation = pages[0].orientation if page.orientation is None else None
    image: Image.Image
    try:
        image = Image.open(source, formats=formats)
    except UnidentifiedImageError:
        if page is not None:
            raise unread(page.kind) from None
        if is_jpeg2000(start):
            raise unread("JPEG 2000 of these bands") from None
        image = _open_by_content(source, head_of(name) if data is None else data[:HEAD_BYTES])
    with image:
        if image.format == "TIFF" and page is not None:
            if page.planar and page.bits[0] > 8 and page.compression == 1:
                raise unread(page.kind)  # Pillow takes its samples for 8-bit ones
        elif image.format == "MPO":
            notes += _largest_frame(image)
        elif getattr(image, "is_animated", False):
            log.info("%s: holds several frames; the first is used", name)
        if orientation is not None:
            image.getexif()[_ORIENTATION_TAG] = orientation
        page = page if image.format == "TIFF" else None
        try:
            yield OpenedFile(image, page, tuple(notes))
        except OSError as error:
            if image.format == "JPEG2000" and import_rasterio() is None:
                more = f"rasterio reads more kinds of JPEG 2000 ({installs('tiles')})"
                raise InputError(f"{_reason(error)}; {more}") from None
            if page is None or page.compression in _COMMON_COMPRESSIONS:
                raise
            raise unread(page.kind) from None


def _open_by_content(source: Any, head: bytes) -> Image.Image:
    """Open what Pillow alone does not know, or say what it is.

    Raises:
        InputError: it cannot be opened.
    """
    kind, what = content_of(head)
    if what == "HEIF":
        _register_heif()
        return Image.open(source, formats=["HEIF"])
    if what == "AVIF" and "AVIF" not in Image.OPEN:
        raise InputError(
            'AVIF images need a newer Pillow (pip install --upgrade "pillow>=11.3")'
        ) from None
    if kind == "image":
        raise InputError(f"a {what} image that is damaged") from None
    if kind == "video":
        raise InputError(
            f"a video ({what}), not an image; its frames are counted where its file is named"
        ) from None
    if kind == "other":
        raise InputError(f"not an image file of a known format: it holds {what}") from None
    raise InputError("not an image file of a known format, or damaged") from None


def _register_heif() -> None:
    """Make the plugin known to Pillow, where that has not been done."""
    if "HEIF" in Image.OPEN:
        return
    try:
        plugin = importlib.import_module("pillow_heif")
    except ImportError:
        raise InputError(f"HEIC and HEIF images need pillow-heif ({installs('heif')})") from None
    plugin.register_heif_opener()


def first_look(name: str, data: bytes | None) -> tuple[bytes, list[TiffPage]]:
    """The first bytes of a file, and a TIFF's directories; nothing of what cannot be read.

    Raises:
        InputError: it is a JPEG 2000 file whose header says more than there is.
    """
    if data is not None:
        return _looked_over(io.BytesIO(data))
    if not os.path.isfile(name):  # a FIFO can be read once
        return b"", []
    try:
        with open(name, "rb") as file:
            return _looked_over(file)
    except InputError:
        raise
    except (OSError, ValueError):  # whoever decodes it will say why
        return b"", []


def _looked_over(file: IO[bytes]) -> tuple[bytes, list[TiffPage]]:
    start = file.read(12)
    if is_jpeg2000(start):
        check_jpeg2000(file)
        return start, []
    return start, read_pages(file)


def _part(name: str, data: bytes | None, place: tuple[int, int]) -> bytes:
    start, size = place
    if data is not None:
        return data[start : start + size]
    with open(name, "rb") as file:
        file.seek(start)
        # Python makes room for as many bytes as are asked for, and a file may say anything.
        return file.read(min(size, os.fstat(file.fileno()).st_size))


def _starting_at(page: TiffPage, name: str, data: bytes | None) -> bytes:
    """The file with another first directory: Pillow does not open those below the first ones."""
    if data is None:
        with open(name, "rb") as file:
            data = file.read()
    order = "<" if data[:2] == b"II" else ">"
    big = b"+" in data[:4]
    place, code = (8, "Q") if big else (4, "I")
    start = struct.pack(order + code, page.offset)
    return data[:place] + start + data[place + len(start) :]


def unread(kind: str) -> InputError:
    """The error for a kind of file that Pillow does not read, or not right."""
    if import_rasterio() is not None:
        return InputError(f"{kind}: not a kind that can be read")
    return InputError(f"{kind}: not a kind that is read without rasterio ({installs('tiles')})")


def import_rasterio() -> Any:
    """Import rasterio (the extra ``tiles``); None where it is not installed."""
    try:
        rasterio = importlib.import_module("rasterio")
    except ImportError:
        return None
    logging.getLogger("rasterio").addHandler(_SILENT)
    return rasterio


_SILENT = logging.NullHandler()
"""Of libraries that log what they also raise: without any handler Python would print that."""


def _largest_frame(image: Image.Image) -> list[str]:
    """Seek the largest image of several; the first may be a preview."""
    sizes = []
    for frame in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(frame)
        except Exception as error:  # damaged ones must not cost the others
            log.info("image %d cannot be read: %s", frame, error)
            break
        sizes.append(image.size)
    areas = [width * height for width, height in sizes]
    chosen = areas.index(max(areas)) if areas else 0
    image.seek(chosen)
    if len(areas) < 2 or (chosen == 0 and areas.count(max(areas)) == 1):
        return []
    width, height = sizes[chosen]
    if chosen == 0:
        return [
            f"the file holds {len(sizes)} images; the first is used, of {width} x {height} pixels"
        ]
    return [
        f"the file holds {len(sizes)} images; the largest is used, of {width} x {height} pixels "
        f"(the first has {sizes[0][0]} x {sizes[0][1]})"
    ]


def is_address(name: str) -> bool:
    """Tell whether a name is an address of a network, such as ``https://``, and no file."""
    return _ADDRESS.match(name) is not None and not os.path.lexists(name)


def check_file(name: str) -> None:
    """Raise InputError if there is no such file, or an empty one."""
    if is_address(name):
        raise InputError(
            f"{name}: is an address, not a file; images are not fetched: download it, or pipe it "
            "(curl -L ADDRESS | raz predict -)"
        )
    if os.path.isdir(name):
        raise InputError(f"{name}: is a folder, not an image file")
    try:
        size = os.stat(name).st_size
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = "no such file" if isinstance(error, FileNotFoundError) else _reason(error)
        raise InputError(f"{name}: {reason}") from None
    if size == 0 and os.path.isfile(name):
        raise InputError(f"{name}: the file is empty (0 bytes)")


def check_dimensions(width: int, height: int, max_pixels: int) -> None:
    """Raise InputError if an image is empty or over the limit."""
    if width < 1 or height < 1:
        raise InputError(f"the image is empty ({width} x {height} pixels)")
    if width * height > max_pixels:
        raise _too_large(f"{width} x {height}", max_pixels)


def _too_large(pixels: str, max_pixels: int) -> InputTooLargeError:
    return InputTooLargeError(
        f"{pixels} pixels are over the limit of {max_pixels:,} pixels (max_pixels)"
    )


def orientation_of(image: Image.Image, name: str) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) when it is absent or cannot be read."""
    try:
        # Pillow decodes a PNG to look for metadata behind its pixels.
        early = _has_no_metadata_behind_pixels(image)
        if not early and image.format == "PNG":
            image.load()  # Pillow does not look behind them if there are some before them, too
        exif = Image.Image.getexif(image) if early else image.getexif()
        value = exif.get(_ORIENTATION_TAG, 1)
    except Exception as error:  # damaged metadata must not cost a good image
        log.info("%s: EXIF cannot be read (%s); the image counts as upright", name, _reason(error))
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_no_metadata_behind_pixels(image: Image.Image) -> bool:
    """Whether all metadata of a PNG file that has not been decoded lie before its pixels."""
    file = getattr(image, "fp", None)
    if image.format != "PNG" or file is None or not getattr(image, "tile", None):
        return False
    place = file.tell()
    try:
        file.seek(8)  # the signature
        pixels = False
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            if pixels and head[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return False
            pixels |= head[4:] == b"IDAT"
            file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)  # and a checksum
    finally:
        file.seek(place)
    return True


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Convert every error of a decoder into one line that names the image."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{name}: {error}") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: not an image file of a known format, or damaged") from None
    except MemoryError as error:
        raise ResourceError(f"{name}: the image does not fit into memory") from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise InputError(f"{name}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return clipped(" ".join(text.split()), 300) or type(error).__name__


@contextmanager
def pillow_limit(max_pixels: int) -> Iterator[None]:
    """Let raz's limit be Pillow's, which some formats compare with before they allocate.

    Pillow's limit belongs to the whole process: while several threads are inside, the largest of
    theirs holds, and the last one to leave restores the usual one.

    Raises:
        InputError: Pillow refused an image in the block.
    """
    global _usual_limit
    with _limit_lock:
        if not _limits:
            _usual_limit = Image.MAX_IMAGE_PIXELS
        _limits.append(max_pixels)
        Image.MAX_IMAGE_PIXELS = max(_limits)
    try:
        yield
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        raise _too_large(f"{int(found[0]):,}" if found else "its", max_pixels) from None
    finally:
        with _limit_lock:
            _limits.remove(max_pixels)
            Image.MAX_IMAGE_PIXELS = max(_limits) if _limits else _usual_limit


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Silence the warnings of Pillow, its libtiff and rasterio while any thread is inside.

    Python's filters and libtiff's handlers belong to the whole process: the first thread to enter
    sets them, and the last one to leave restores them.
    """
    global _quiet_depth, _quiet_scope
    with _quiet_lock:
        if _quiet_depth == 0:
            _quiet_scope = warnings.catch_warnings()
            _quiet_scope.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            logging.getLogger("PIL").addHandler(_SILENT)
            # rasterio's, that an image is not georeferenced.
            warnings.filterwarnings("ignore", message="Dataset has no geotransform")
            _silence_libtiff()
        _quiet_depth += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_scope is not None:
                _restore_libtiff()
                _quiet_scope.__exit__(None, None, None)
                _quiet_scope = None


def _silence_libtiff() -> None:
    """Pillow leaves libtiff's handlers as they are, which print to standard error."""
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        handler = _libtiff(name)
        if handler is not None:
            _libtiff_handlers[name] = handler(None)


def _restore_libtiff() -> None:
    for name, usual in _libtiff_handlers.items():
        handler = _libtiff(name)
        if handler is not None:
            handler(usual)
    _libtiff_handlers.clear()


@functools.cache
def _libtiff(name: str) -> Any:
    """A function of the libtiff that Pillow is linked with; None where it cannot be found."""
    try:
        # Looked up in the module and what it is linked with, so it is no other libtiff.
        function = getattr(ctypes.CDLL(vars(Image)["core"].__file__), name)
    except (AttributeError, OSError):
        return None
    function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
    return function
