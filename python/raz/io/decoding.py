"""Decode one image of any common kind into one form: 8-bit RGB, upright.

How other kinds are converted (all ours; the method says nothing of files):

* Grey images are repeated in three channels. Palettes are looked up.
* Transparent pixels are blended with white.
* 16-bit grey keeps its high byte, as 16-bit RGB does in Pillow; 12-bit grey keeps its upper eight
  bits. 32-bit integers count as 16-bit grey, and are refused if that would leave only black.
* Floating-point pixels must lie in 0..1.
* CMYK and other colour spaces are converted by Pillow, without colour profiles.
* The first frame or page of a file is used (the log says so at level INFO).
* The EXIF orientation is applied. Points refer to the upright image.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from raz.errors import InputError, ResourceError

if TYPE_CHECKING:
    import torch

__all__ = [
    "DECODING_BYTES",
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "read_image",
    "read_image_size",
    "to_image",
]

log = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 200_000_000
"""Largest image in pixels that is decoded by default."""

DECODING_BYTES = 7
"""Bytes per pixel while an image is decoded: four of Pillow's and three of the RGB result."""

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"}
    | {".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image files in folders. A file that is named itself may have any suffix."""

# Formats that describe pixels. Pillow would also open documents and scripts (EPS starts
# Ghostscript) and containers whose inner image is larger than the header says (ICO, ICNS).
# HEIF is there when the user has registered a plugin for it.
_FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM"),
    *("JPEG2000", "TGA", "HEIF"),
)

_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
_ORIENTATION_TAG = 0x0112
_BITS_TAG = 258
_STRIP_PIXELS = 4_000_000

_open_lock = threading.Lock()
_quiet_lock = threading.Lock()
_quiet_depth = 0
_quiet_scope: warnings.catch_warnings[None] | None = None


def read_image(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, orient: bool = True
) -> Pixels:
    """Decode an image file.

    Args:
        path: an image file; see the module's description.
        max_pixels: limit of width times height. The header is checked before memory is allocated.
        orient: apply the EXIF orientation.

    Returns:
        uint8 [H, W, 3], RGB, contiguous and writable.

    Raises:
        InputError: the file is missing, empty, no image, damaged, or over ``max_pixels``. The
            message is one line that names the file and the reason.
        ResourceError: the image does not fit into memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (6, 4), "red").save(f"{folder}/red.png")
        ...     pixels = read_image(f"{folder}/red.png")
        >>> pixels.shape, pixels[0, 0].tolist()
        ((4, 6, 3), [255, 0, 0])
    """
    name = os.fspath(path)
    check_file(name)
    with quiet_decoders(), naming(name), open_header(name, max_pixels) as image:
        check_size(image, max_pixels)
        if getattr(image, "is_animated", False):
            log.info("%s: holds several frames or pages; the first is used", name)
        return _pixels(image, name, orient=orient)


def read_image_size(
    path: str | os.PathLike[str], *, orient: bool = True, max_pixels: int = sys.maxsize
) -> tuple[int, int]:
    """Read (width, height) in pixels from an image file's header; nothing is decoded.

    Args:
        path: an image file; see the module's description.
        orient: return the size after the EXIF orientation is applied.
        max_pixels: limit of width times height; by default there is none.

    Raises:
        InputError: the file is missing, empty, no image, or over ``max_pixels``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (6, 4)).save(f"{folder}/black.png")
        ...     read_image_size(f"{folder}/black.png")
        (6, 4)
    """
    name = os.fspath(path)
    check_file(name)
    with quiet_decoders(), naming(name), open_header(name, max_pixels) as image:
        check_size(image, max_pixels)
        width, height = stored_size(image)
        # Pillow turns a TIFF by itself, wanted or not.
        turned = (orient or image.format == "TIFF") and orientation_of(image, name) >= 5
    return (height, width) if turned else (width, height)


def to_image(
    source: str | os.PathLike[str] | Image.Image | npt.NDArray[Any] | torch.Tensor,
    *,
    max_pixels: int = MAX_PIXELS,
) -> torch.Tensor:
    """Convert an image in any form into a tensor.

    Args:
        source: a path (see :func:`read_image`); a PIL image, whose current frame is used and whose
            EXIF orientation is applied; a uint8 array [H, W, 3] (RGB) or [H, W] (grey); or a
            tensor [3, H, W], uint8 or floating point in 0..1.
        max_pixels: limit of width times height for paths and PIL images.

    Returns:
        uint8 [3, H, W], RGB, on the device of ``source`` if that is a tensor, else on the CPU. It
        may share memory with ``source`` and need not be contiguous.

    Raises:
        InputError: the file or PIL image cannot be decoded.
        TypeError: ``source`` is of another type or dtype.
        ValueError: its shape or its range of values is wrong.

    Example:
        >>> to_image(np.zeros((4, 6, 3), np.uint8)).shape
        torch.Size([3, 4, 6])
    """
    import torch

    if isinstance(source, torch.Tensor):
        return _tensor_to_image(source)
    if isinstance(source, np.ndarray):
        return _array_to_image(source)
    if isinstance(source, Image.Image):
        with quiet_decoders(), naming("PIL image"):
            check_size(source, max_pixels)
            pixels = _pixels(source, "PIL image", orient=True)
    elif isinstance(source, (str, os.PathLike)):
        pixels = read_image(source, max_pixels=max_pixels)
    else:
        raise TypeError(
            f"source is {type(source).__name__}; it must be a path, a PIL image, "
            "a NumPy array or a tensor"
        )
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _tensor_to_image(tensor: torch.Tensor) -> torch.Tensor:
    import torch

    if tensor.dim() != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise ValueError(f"tensor has shape {list(tensor.shape)}; it must be [3, H, W], not empty")
    if tensor.dtype == torch.uint8:
        return tensor.detach()
    if not tensor.is_floating_point():
        raise TypeError(f"tensor is {tensor.dtype}; it must be uint8, or floating point in 0..1")
    low, high = (float(v) for v in torch.aminmax(tensor.detach()))
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ValueError(f"tensor has values from {low:g} to {high:g}; they must lie in 0..1")
    return tensor.detach().float().mul(255).round_().to(torch.uint8)


def _array_to_image(array: npt.NDArray[Any]) -> torch.Tensor:
    import torch

    if array.dtype != np.uint8:
        raise TypeError(f"array is {array.dtype}; it must be uint8")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise ValueError(
            f"array has shape {list(array.shape)}; it must be [H, W, 3] or [H, W], not empty"
        )
    # torch cannot hold negative strides (a BGR array seen as RGB) and warns of read-only memory.
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    if array.ndim == 2:
        return torch.from_numpy(array).expand(3, -1, -1)
    return torch.from_numpy(array).permute(2, 0, 1)


def check_file(name: str) -> None:
    """Raise InputError if there is no such file, or an empty one."""
    if os.path.isdir(name):
        raise InputError(f"{name}: is a folder, not an image file")
    try:
        size = os.stat(name).st_size
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = "no such file" if isinstance(error, FileNotFoundError) else _reason(error)
        raise InputError(f"{name}: {reason}") from None
    if size == 0 and os.path.isfile(name):
        raise InputError(f"{name}: the file is empty (0 bytes)")


def is_tiff(name: str) -> bool:
    """Tell by a file's first bytes whether it is a TIFF; one that cannot be read is none."""
    try:
        with open(name, "rb") as file:
            return file.read(4) in _TIFF_SIGNATURES
    except (OSError, ValueError):  # whoever decodes it will say why
        return False


def open_header(name: str, max_pixels: int) -> Image.Image:
    """Read the header. Pillow's limit is set to ours meanwhile: some formats allocate here."""
    Image.init()
    formats = [fmt for fmt in _FORMATS if fmt in Image.OPEN]
    with _open_lock:
        usual = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            return Image.open(name, formats=formats)
        except Image.DecompressionBombError as error:
            found = re.search(r"\d+", str(error))
            raise _too_large(f"{int(found[0]):,}" if found else "its", max_pixels) from None
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) as stored; recent Pillow gives those of a TIFF upright."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return (tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH])
    return image.size


def check_size(image: Image.Image, max_pixels: int) -> None:
    check_dimensions(*image.size, max_pixels)


def check_dimensions(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"the image is empty ({width} x {height} pixels)")
    if width * height > max_pixels:
        raise _too_large(f"{width} x {height}", max_pixels)


def _too_large(pixels: str, max_pixels: int) -> InputError:
    return InputError(f"{pixels} pixels are over the limit of {max_pixels:,} pixels (max_pixels)")


def _pixels(image: Image.Image, name: str, *, orient: bool) -> Pixels:
    image.load()
    _check_integers(image)
    bits = grey_bits(image)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    # In strips: a conversion of the whole would hold the image three times.
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = strip_to_rgb(image.crop((0, top, width, bottom)), bits)
    return upright(pixels, orientation_of(image, name)) if orient else pixels


def grey_bits(image: Image.Image) -> int:
    """Return how many bits a deep grey image has: Pillow does not scale 12 bits to 16."""
    twelve = isinstance(image, TiffImagePlugin.TiffImageFile) and (
        image.tag_v2.get(_BITS_TAG) == (12,)
    )
    return 12 if twelve else 16


def _check_integers(image: Image.Image) -> None:
    """Refuse integers that are not 16-bit grey. A strip may be dark; the whole image decides."""
    if image.mode != "I":
        return
    extrema: Any = image.getextrema()
    low, high = extrema
    if low < 0 or high > 65535:
        raise InputError(f"integer pixels range from {low} to {high}; they must lie in 0..65535")
    if 0 < high <= 255:
        raise InputError(
            f"integer pixels are at most {high}, which is black in 16-bit grey (0..65535); "
            'if they are 8-bit grey, convert the image to mode "L"'
        )


def strip_to_rgb(strip: Image.Image, bits: int = 16) -> npt.NDArray[Any]:
    """Convert a strip to [h, w, 3], 0..255; ``bits`` is `grey_bits` of the whole image."""
    if strip.mode.startswith("I"):
        return _grey(np.asarray(strip) >> (bits - 8))
    if strip.mode == "F":
        values = np.asarray(strip)
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError(
                f"floating-point pixels range from {values.min():g} to {values.max():g}; they must "
                "lie in 0..1"
            )
        return _grey(np.rint(values * 255))
    if _has_transparency(strip):
        # Pillow converts premultiplied grey to "LA" alone.
        plain = strip.convert("LA") if strip.mode == "La" else strip
        rgba = plain.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    return np.asarray(strip.convert("RGB"))


def _has_transparency(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _grey(values: npt.NDArray[Any]) -> Pixels:
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)


def orientation_of(image: Image.Image, name: str) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) when it is absent or cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as error:  # damaged metadata must not cost a good image
        log.info("%s: EXIF cannot be read (%s); the image counts as upright", name, _reason(error))
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112); the result is contiguous."""
    if orientation == 1:
        return np.ascontiguousarray(pixels)
    if orientation >= 5:  # rows and columns are exchanged
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.array(pixels, order="C")  # np.ascontiguousarray leaves a single pixel mirrored


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Convert every error of a decoder into one line that names the image."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except UnidentifiedImageError:
        raise InputError(f"{name}: not an image file of a known format, or damaged") from None
    except MemoryError as error:
        raise ResourceError(f"{name}: the image does not fit into memory") from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise InputError(f"{name}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Silence Pillow's warnings, and one of rasterio's, while any thread is inside.

    Python's filters belong to the whole process: the first thread to enter sets them, and the last
    one to leave restores them.
    """
    global _quiet_depth, _quiet_scope
    with _quiet_lock:
        if _quiet_depth == 0:
            _quiet_scope = warnings.catch_warnings()
            _quiet_scope.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            # rasterio's, that an image is not georeferenced.
            warnings.filterwarnings("ignore", message="Dataset has no geotransform")
        _quiet_depth += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0 and _quiet_scope is not None:
                _quiet_scope.__exit__(None, None, None)
                _quiet_scope = None
