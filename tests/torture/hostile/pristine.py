"""Whole image files of every kind that raz reads, small and made of noise."""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48


def noise(channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    """[48, 64, channels] of random values, which no cut leaves whole."""
    most = np.iinfo(dtype).max
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    return np.random.default_rng(channels).integers(0, most, shape, dtype=dtype, endpoint=True)


def by_pillow(kind: str, mode: str = "RGB", **options: object) -> bytes:
    channels = {"RGB": 3, "RGBA": 4, "CMYK": 4, "L": 1, "P": 1, "LA": 2, "1": 1, "I;16": 1}[mode]
    if mode == "I;16":
        image = Image.fromarray(noise(1, np.uint16))
    elif mode in ("P", "1"):
        image = Image.fromarray(noise(1)).convert(mode)
    else:
        image = Image.fromarray(noise(channels), mode)
    if options.pop("frames", 1) != 1:
        more = [Image.fromarray(np.roll(noise(3), turn, 0)) for turn in (7, 19)]
        options |= {"save_all": True, "append_images": more}
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_heif() -> bytes:
    heif = importlib.import_module("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(noise())).save(file, quality=80)
    return file.getvalue()


def by_rasterio(
    channels: int = 3, dtype: type = np.uint8, driver: str = "GTiff", **options: object
) -> bytes:
    rasterio = importlib.import_module("rasterio")
    memory = importlib.import_module("rasterio.io").MemoryFile
    shape = {"width": WIDTH, "height": HEIGHT, "count": channels, "dtype": np.dtype(dtype).name}
    pixels = (
        noise(channels, dtype) if dtype is not np.float32 else noise(channels) / np.float32(255)
    )
    planes = pixels.reshape(HEIGHT, WIDTH, channels).transpose(2, 0, 1).astype(dtype)
    with rasterio.Env(), memory() as file:
        with file.open(driver=driver, **shape, **options) as data:
            data.write(planes)
        return bytes(file.read())


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(header: bytes, *chunks: bytes) -> bytes:
    parts = (png_chunk(b"IHDR", header), *chunks, png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png16() -> bytes:
    rows = noise(3, np.uint16).astype(">u2").reshape(HEIGHT, -1).tobytes()
    width = len(rows) // HEIGHT
    lines = b"".join(b"\0" + rows[k * width : (k + 1) * width] for k in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    return png_of(header, png_chunk(b"IDAT", zlib.compress(lines)))


def pnm(kind: str, most: int = 255) -> bytes:
    pixels = noise(1 if kind in ("P2", "P5") else 3)
    head = f"{kind}\n# noise\n{WIDTH} {HEIGHT}\n{most}\n".encode()
    if kind in ("P2", "P3"):
        return head + b"\n".join(
            b" ".join(b"%d" % v for v in row) for row in pixels.reshape(48, -1)
        )
    wide = pixels.astype(">u2") * 257 if most > 255 else pixels
    return head + wide.tobytes()


IMAGES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG": ("a.jpg", partial(by_pillow, "JPEG")),
    "JPEG progressive": ("a.jpg", partial(by_pillow, "JPEG", progressive=True)),
    "JPEG grey": ("a.jpeg", partial(by_pillow, "JPEG", "L")),
    "JPEG CMYK": ("a.jpg", partial(by_pillow, "JPEG", "CMYK")),
    "JPEG with restarts": ("a.jpg", partial(by_pillow, "JPEG", restart_marker_blocks=2)),
    "PNG": ("a.png", partial(by_pillow, "PNG")),
    "PNG with alpha": ("a.png", partial(by_pillow, "PNG", "RGBA")),
    "PNG of grey and alpha": ("a.png", partial(by_pillow, "PNG", "LA")),
    "PNG with palette": ("a.png", partial(by_pillow, "PNG", "P")),
    "PNG of 1 bit": ("a.png", partial(by_pillow, "PNG", "1")),
    "PNG grey of 16 bits": ("a.png", partial(by_pillow, "PNG", "I;16")),
    "PNG of 16 bits": ("a.png", png16),
    "APNG": ("a.png", partial(by_pillow, "PNG", frames=3)),
    "GIF": ("a.gif", partial(by_pillow, "GIF", "P")),
    "GIF animated": ("a.gif", partial(by_pillow, "GIF", frames=3)),
    "BMP": ("a.bmp", partial(by_pillow, "BMP")),
    "BMP with palette": ("a.bmp", partial(by_pillow, "BMP", "P")),
    "BMP of 1 bit": ("a.bmp", partial(by_pillow, "BMP", "1")),
    "WebP": ("a.webp", partial(by_pillow, "WEBP")),
    "WebP lossless": ("a.webp", partial(by_pillow, "WEBP", "RGBA", lossless=True)),
    "WebP animated": ("a.webp", partial(by_pillow, "WEBP", frames=3)),
    "TIFF": ("a.tif", partial(by_pillow, "TIFF")),
    "TIFF LZW": ("a.tiff", partial(by_pillow, "TIFF", compression="tiff_lzw")),
    "TIFF deflate": ("a.tif", partial(by_pillow, "TIFF", compression="tiff_adobe_deflate")),
    "TIFF PackBits": ("a.tif", partial(by_pillow, "TIFF", compression="packbits")),
    "TIFF JPEG": ("a.tif", partial(by_pillow, "TIFF", compression="jpeg")),
    "TIFF Group 4": ("a.tif", partial(by_pillow, "TIFF", "1", compression="group4")),
    "TIFF CMYK": ("a.tif", partial(by_pillow, "TIFF", "CMYK")),
    "TIFF of 16 bits": ("a.tif", partial(by_pillow, "TIFF", "I;16")),
    "TIFF of pages": ("a.tif", partial(by_pillow, "TIFF", frames=3)),
    "BigTIFF": ("a.tif", partial(by_pillow, "TIFF", big_tiff=True)),
    "TIFF planar": ("a.tif", partial(by_rasterio, 3, np.uint16, interleave="band")),
    "TIFF tiled": ("a.tif", partial(by_rasterio, tiled=True, blockxsize=16, blockysize=16)),
    "TIFF zstd": ("a.tif", partial(by_rasterio, compress="zstd")),
    "TIFF of floats": ("a.tif", partial(by_rasterio, 1, np.float32)),
    "BigTIFF LZW": ("a.tif", partial(by_rasterio, BIGTIFF="YES", compress="lzw")),
    "PPM": ("a.ppm", partial(pnm, "P6")),
    "PGM": ("a.pgm", partial(pnm, "P5")),
    "PPM of 16 bits": ("a.ppm", partial(pnm, "P6", 65535)),
    "PPM plain": ("a.ppm", partial(pnm, "P3")),
    "PGM plain": ("a.pgm", partial(pnm, "P2")),
    "PBM": ("a.pbm", partial(by_pillow, "PPM", "1")),
    "TGA": ("a.tga", partial(by_pillow, "TGA")),
    "TGA RLE": ("a.tga", partial(by_pillow, "TGA", "RGBA", compression="tga_rle")),
    "JPEG 2000": ("a.jp2", partial(by_pillow, "JPEG2000", irreversible=True)),
    "JPEG 2000 codestream": ("a.j2k", partial(by_pillow, "JPEG2000", no_jp2=True)),
    "JPEG 2000 of 16 bits": ("a.jp2", partial(by_rasterio, 1, np.uint16, "JP2OpenJPEG")),
    "MPO": ("a.mpo", partial(by_pillow, "MPO", frames=3)),
    "HEIC": ("a.heic", by_heif),
    "AVIF": ("a.avif", partial(by_pillow, "AVIF")),
    "AVIF animated": ("a.avif", partial(by_pillow, "AVIF", frames=3)),
}
"""By what each is: its name on disk, and what makes its bytes."""

SEVERAL = frozenset(
    kind for kind in IMAGES if any(word in kind for word in ("anim", "page", "MPO", "APNG"))
)
"""Of which a cut may leave the first image whole."""
