"""Images, and what is told by the first bytes of a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from images import png, scene
from raz.errors import InputError, ResourceError
from raz.io.decoding import decode, read_image_size
from raz.io.encoded import Encoded
from raz.io.georeference import read_georeference
from raz.io.rasters import Reading
from raz.io.signatures import HEAD_BYTES, content_of, head_of
from raz.io.tiff import choose_page, read_pages
from raz.io.windows import open_windows

from .reader import Reader, placed

PIXELS = 100_000
"""Limit of the images that are read here."""

Seeds = Callable[[], list[bytes]]


def read(suffix: str, data: bytes, folder: Path) -> None:
    """Decode a file by its path and from memory, and read its size alone."""
    path = placed(data, folder, f"in{suffix}")
    size = _or_error(read_image_size, path, max_pixels=PIXELS)
    _or_error(decode, Encoded(str(path), data), max_pixels=PIXELS, orient=False)
    found = decode(path, max_pixels=PIXELS)
    pixels = found.pixels
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert 0 < pixels.shape[0] * pixels.shape[1] <= PIXELS
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    assert all(note and "\n" not in note for note in found.notes)
    assert isinstance(size, InputError) or size == (pixels.shape[1], pixels.shape[0]), size


def read_tiff(data: bytes, folder: Path) -> None:
    """The same of a TIFF, whose directories are read first, and which is read in windows too."""
    pages = read_pages(io.BytesIO(data))
    if pages:
        page, note = choose_page(pages)
        assert page in pages
        assert note is None or "\n" not in note
        assert all(each.pixels >= 0 for each in pages)
        assert all(each.kind for each in pages)
    path = placed(data, folder, "in.tif")
    place = read_georeference(path)
    assert place is None or np.isfinite(place.matrix).all()
    _or_error(_read_window, path)
    _or_error(decode, path, max_pixels=PIXELS, reading=Reading(bits=12, bands=(1,)))
    read(".tif", data, folder)


def _read_window(path: Path) -> None:
    raster = open_windows(path, longer_than=4, max_pixels=PIXELS)
    if raster is not None:
        with closing(raster):
            width, height = raster.image_size
            part = raster.read((0, 0, min(width, 8), min(height, 8)))
            assert part.shape == (3, min(height, 8), min(width, 8))


def _or_error(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except (InputError, ResourceError) as error:
        return error


def tell(data: bytes, folder: Path) -> None:
    """Whatever the bytes are, they are told to be something."""
    content = content_of(data)
    assert content.kind in ("image", "video", "other", "unknown")
    assert bool(content.name) == (content.kind != "unknown")
    path = placed(data, folder, "in")
    assert head_of(path) == data[:HEAD_BYTES]
    assert content_of(data[:HEAD_BYTES]) == content_of(head_of(path))


@cache
def saved(form: str, mode: str = "RGB", **options: Any) -> bytes:
    """A small image in a format of Pillow's."""
    file = io.BytesIO()
    Image.fromarray(scene()).convert(mode).save(file, form, **options)
    return file.getvalue()


def deep_png() -> bytes:
    import tempfile

    rows = b"".join(b"\0" + bytes(range(60)) for _ in range(10))
    with tempfile.TemporaryDirectory() as folder:
        return png(Path(folder, "a.png"), 10, 10, 16, 2, rows).read_bytes()


def exif() -> bytes:
    values = Image.Exif()
    values[0x0112] = 6
    return values.tobytes()


def heif() -> list[bytes]:
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(scene(64, 64))).save(file, quality=30)
    return [file.getvalue()]


def tiffs() -> list[bytes]:
    grey = Image.fromarray(np.arange(240, dtype=np.uint16).reshape(12, 20) * 17)
    deep = io.BytesIO()
    grey.save(deep, "TIFF")
    pages = io.BytesIO()
    thumbnail = Image.fromarray(scene(6, 10))
    thumbnail.save(pages, "TIFF", save_all=True, append_images=[Image.fromarray(scene())])
    return [
        saved("TIFF"), saved("TIFF", "L", compression="tiff_lzw"), deep.getvalue(),
        pages.getvalue(),
        saved("TIFF", compression="tiff_adobe_deflate"), saved("TIFF", compression="jpeg"),
        saved("TIFF", "RGBA", compression="packbits"), saved("TIFF", "1", compression="group4"),
    ]  # fmt: skip


def located_tiff() -> list[bytes]:
    """GeoTIFFs as GDAL writes them: tiles, floats, planes."""
    import rasterio
    from rasterio.transform import from_origin

    found = []
    for kind, more in (
        ("uint8", {"photometric": "rgb"}),
        ("uint16", {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}),
        ("float32", {"interleave": "band", "nodata": 0}),
    ):
        with rasterio.io.MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=20, height=12, count=3, dtype=kind, crs="EPSG:32632",
                transform=from_origin(399_000, 5_757_000, 0.5, 0.5), **more,
            ) as file:  # fmt: skip
                values = scene().transpose(2, 0, 1)
                file.write((values / 255 if kind == "float32" else values).astype(kind))
            found.append(memory.read())
    return found


def mpo() -> list[bytes]:
    file = io.BytesIO()
    more = [Image.fromarray(scene(24, 40))]
    Image.fromarray(scene()).save(file, "MPO", save_all=True, append_images=more)
    return [file.getvalue()]


def heads() -> list[bytes]:
    packet = b"\x47\x40\x00\x10" + bytes(184)
    return [
        saved("PNG")[:64], b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"RIFF\0\0\0\0WEBPVP8 ",
        packet * 4,
        b"<?xml version='1.0'?><svg/>", b"P6\n9 9\n255\n", bytes(128) + b"DICM", b"BM" + bytes(60),
    ]  # fmt: skip


def of(
    name: str, suffix: str, seeds: Seeds, language: str = "bytes", *words: str, memory: int = 256
) -> Reader:
    """A reader of images of one format."""
    return Reader(
        f"images.{name}",
        partial(read, suffix) if suffix != ".tif" else read_tiff,
        seeds,
        language=language,
        words=words,
        named=f"FOLDER/in{suffix}",
        memory=memory,
        size=8192,
    )


READERS = (
    Reader("images.signatures", tell, heads,
           words=("ftyp", "heic", "avif", "moov", "DICM", "<svg")),
    of("png", ".png", lambda: [saved("PNG"), saved("PNG", "P"), saved("PNG", "RGBA"), deep_png(),
                               saved("PNG", exif=exif()), saved("PNG", "1")], "png",
       "IHDR", "PLTE", "tRNS", "eXIf", "iTXt", "zTXt", "acTL", "fcTL", "gAMA", "iCCP"),
    of("jpeg", ".jpg", lambda: [saved("JPEG", quality=20), saved("JPEG", exif=exif()),
                                saved("JPEG", "L", progressive=True), saved("JPEG", "CMYK")]),
    of("mpo", ".mpo", mpo),
    of("gif", ".gif", lambda: [saved("GIF", "P"), saved("GIF", "L", transparency=3)]),
    of("bmp", ".bmp", lambda: [saved("BMP"), saved("BMP", "P"), saved("BMP", "RGBA")]),
    of("tga", ".tga", lambda: [saved("TGA"), saved("TGA", "RGBA", compression="tga_rle")], "bytes",
       "TRUEVISION-XFILE."),
    of("netpbm", ".ppm", lambda: [saved("PPM"), saved("PPM", "L"), b"P3 2 1 999 1 2 3 4 5 999\n",
                                  b"P5 2 1 4095 \1\2\3\4", b"P2 2 1 4095 1 4000\n", b"P1 2 1 1 0"],
       "lines", "P1", "P2", "P3", "P4", "P5", "P6", "65535"),
    of("webp", ".webp", lambda: [saved("WEBP", quality=10), saved("WEBP", lossless=True),
                                 saved("WEBP", "RGBA")], "bytes", "VP8X", "VP8L", "ALPH", "ANIM"),
    of("jpeg2000", ".jp2", lambda: [saved("JPEG2000"), saved("JPEG2000", "RGBA")], "bytes",
       "ihdr", "colr", "pclr", "jp2c"),
    of("heif", ".heic", heif, "bytes", "ispe", "iloc", "irot", "hvcC"),
    of("avif", ".avif", lambda: [saved("AVIF", quality=30)], "bytes", "ispe", "iloc", "av1C"),
    of("tiff", ".tif", tiffs),
    of("geotiff", ".tif", located_tiff),
)  # fmt: skip
