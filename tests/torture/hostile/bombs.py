"""Small image files that ask for much memory or time."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image

from hostile.case import BAD, EITHER, GOOD, Hostile, holding
from hostile.claims import tags_of, tiff_of
from hostile.pristine import by_pillow, png_chunk, png_of

_FEW = ("--max-pixels", "1000000")
_MUCH = 200_000_000


def bombs() -> Iterator[Hostile]:
    for kind, file, mode in (
        *(("PNG", "a.png", "1"), ("GIF", "a.gif", "P"), ("TIFF", "a.tif", "1")),
        *(("WEBP", "a.webp", "RGB"), ("JPEG", "a.jpg", "L"), ("JPEG2000", "a.jp2", "L")),
        *(
            ("BMP", "a.bmp", "1"),
            ("TGA", "a.tga", "L"),
            ("PPM", "a.pbm", "1"),
            ("AVIF", "a.avif", "RGB"),
        ),
    ):
        name = f"{kind} of one colour and 9,000,000 pixels over --max-pixels"

        def make(path: object, kind: str = kind, mode: str = mode) -> None:
            options = {"compression": "tiff_adobe_deflate"} if kind == "TIFF" else {}
            Image.new(mode, (3000, 3000)).save(path, kind, **options)

        yield Hostile(name, file, make, BAD, _FEW)
    yield from _png()
    yield from _frames()
    yield holding("TIFF whose strip of 256 bytes is 200 MB", "a.tif", _tiff_strip, EITHER)
    yield holding("TIFF of 60,000 directories", "a.tif", _directories, EITHER)
    yield holding("TIFF of 200,000 strips of nothing", "a.tif", _strips, EITHER)
    yield holding("JPEG of 2,000 scans", "a.jpg", _scans, EITHER)
    yield holding("JPEG of 20,000 comments", "a.jpg", _comments, GOOD)
    yield holding("ICO", "a.ico", partial(_saved, "ICO"))
    yield holding("ICO named .png", "a.png", partial(_saved, "ICO"))
    yield holding("ICNS", "a.icns", partial(_saved, "ICNS"))


def _saved(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (256, 256), "red").save(file, kind)
    return file.getvalue()


def _header(bits: int = 8, colour: int = 0, side: int = 16) -> bytes:
    return struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)


_ROWS = png_chunk(
    b"IDAT", zlib.compress(b"".join(b"\0" + bytes(range(0, 160, 10)) for _ in range(16)))
)


def _png() -> Iterator[Hostile]:
    def with_chunk(kind: bytes, head: bytes, before: bool = True) -> Callable[[], bytes]:
        def make() -> bytes:
            chunk = png_chunk(kind, head + zlib.compress(bytes(_MUCH), 9))
            return png_of(_header(), *((chunk, _ROWS) if before else (_ROWS, chunk)))

        return make

    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")):
        for before in (True, False):
            place = "before" if before else "behind"
            name = f"PNG with 200 MB in {kind.decode()} {place} its pixels"
            yield holding(name, "a.png", with_chunk(kind, head, before), EITHER)
    yield holding("PNG whose pixels go on for 200 MB", "a.png", _longer, EITHER)
    empty = png_chunk(b"IDAT", b"") * 200_000
    yield holding("PNG of 200,000 empty chunks", "a.png", png_of(_header(), empty + _ROWS), EITHER)
    texts = png_chunk(b"tEXt", b"k\0v") * 200_000
    yield holding("PNG of 200,000 texts", "a.png", png_of(_header(), texts, _ROWS), EITHER)
    yield holding(
        "PNG of 200,000 texts behind its pixels", "a.png", png_of(_header(), _ROWS, texts), EITHER
    )


def _longer() -> bytes:
    return png_of(_header(), png_chunk(b"IDAT", zlib.compress(bytes(_MUCH), 9)))


def _frames() -> Iterator[Hostile]:
    yield holding("GIF of 100,000 frames", "a.gif", _gif_frames, GOOD)
    yield holding("GIF of 100,000 comments", "a.gif", _gif_comments, EITHER)
    yield holding("APNG of 100,000 frames", "a.png", _apng_frames, EITHER)
    yield holding("APNG that claims 4,294,967,295 frames", "a.png", _apng_claims, EITHER)
    yield holding("WebP of 1,000 frames", "a.webp", _webp_frames, GOOD)
    yield holding("MPO of 300 images", "a.mpo", partial(_many, "MPO", 300), GOOD)
    yield holding("TIFF of 2,000 pages", "a.tif", partial(_many, "TIFF", 2000), GOOD)


def _gif_parts() -> tuple[bytes, bytes]:
    data = by_pillow("GIF", "P")
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:start], data[start:-1]


def _gif_frames() -> bytes:
    head, frame = _gif_parts()
    tiny = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame + tiny * 100_000 + b";"


def _gif_comments() -> bytes:
    head, frame = _gif_parts()
    return head + b"\x21\xfe\x01c\x00" * 100_000 + frame + b";"


def _apng_frames() -> bytes:
    tiny = zlib.compress(b"\0\0")
    parts = [png_chunk(b"acTL", struct.pack(">II", 100_001, 0))]
    parts += [png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 16, 16, 0, 0, 1, 1, 0, 0)), _ROWS]
    for k in range(100_000):
        control = struct.pack(">IIIIIHHBB", 2 * k + 1, 1, 1, 0, 0, 1, 1, 0, 0)
        parts.append(png_chunk(b"fcTL", control))
        parts.append(png_chunk(b"fdAT", struct.pack(">I", 2 * k + 2) + tiny))
    return png_of(_header(), *parts)


def _apng_claims() -> bytes:
    return png_of(_header(), png_chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0)), _ROWS)


def _webp_frames() -> bytes:
    return _many("WEBP", 1000)


def _many(kind: str, frames: int) -> bytes:
    file = io.BytesIO()
    first = Image.effect_noise((64, 48), 90).convert("RGB")
    more = [Image.new("RGB", (64, 48), (k % 256, k // 256, 0)) for k in range(1, frames)]
    first.save(file, kind, save_all=True, append_images=more)
    return file.getvalue()


def _tiff_strip() -> bytes:
    content = zlib.compress(bytes(_MUCH), 9)
    return tiff_of(tags_of(compression=8, bytes=len(content)), more=bytes(200) + content)


def _directories() -> bytes:
    """Directories in a row, each of one tag."""
    size = 2 + 12 + 4
    parts = [b"II*\0", struct.pack("<I", 8)]
    for k in range(60_000):
        after = 8 + size * (k + 1) if k < 59_999 else 0
        parts.append(struct.pack("<HHHIII", 1, 256, 4, 1, 16, after))
    return b"".join(parts)


def _strips() -> bytes:
    count = 200_000
    start = 8 + 2 + 12 * 9 + 4
    tags = [tag for tag in tags_of(16, count, rows=1) if tag[0] not in (273, 279)]
    tags += [(273, 4, count, start), (279, 4, count, start + 4 * count)]
    return tiff_of(sorted(tags), more=bytes(8 * count))


def _scans() -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = by_pillow("JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * 2000 + data[-2:]


def _comments() -> bytes:
    data = by_pillow("JPEG")
    return data[:2] + b"\xff\xfe\0\x0acomments" * 20_000 + data[2:]
