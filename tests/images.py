"""Image files of every awkward kind, made on the spot, and what each must come to."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def scene(height: int = 12, width: int = 20) -> np.ndarray:
    """uint8 [H, W, 3] without any symmetry, so that every wrong turn shows."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 12, y * 20, (x + 2 * y) * 3], axis=-1).astype(np.uint8)


def png(path: Path, width: int, height: int, depth: int, colour: int, rows: bytes) -> Path:
    """A PNG written by hand: Pillow writes neither 16-bit RGB nor a header that lies."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def missing(folder: Path) -> Path:
    return folder / "missing.jpg"


def a_folder(folder: Path) -> Path:
    path = folder / "folder.jpg"
    path.mkdir()
    return path


def text(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("this is no image\n")
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.jpg"
    path.touch()
    return path


def truncated(folder: Path) -> Path:
    path = folder / "truncated.jpg"
    Image.fromarray(scene(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:-300])
    return path


def truncated_png(folder: Path) -> Path:
    path = folder / "truncated.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-900])
    return path


def damaged_png(folder: Path) -> Path:
    path = folder / "damaged.png"
    Image.fromarray(scene()).save(path)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(bytes(data))
    return path


def bomb(folder: Path) -> Path:
    return png(folder / "bomb.png", 60_000, 60_000, 8, 2, b"\0" * 100)


def postscript(folder: Path) -> Path:
    path = folder / "script.jpg"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    return path


BAD: dict[Callable[[Path], Path], str] = {
    missing: "no such file",
    text: "not an image file",
    empty: "empty",
    truncated: "truncated",
    truncated_png: "truncated",
    damaged_png: "broken|not an image|damaged",
    bomb: "3,600,000,000 pixels are over the limit",
    postscript: "not an image file",
}
"""Makers of files that cannot be read, each with a pattern of the reason."""
