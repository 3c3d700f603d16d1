"""Headers of images that claim what is not so: sizes, numbers of bits, bands and tables."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from hostile.case import BAD, EITHER, GOOD, Hostile, holding
from hostile.pristine import by_heif, by_pillow, png_chunk, png_of

HUGE = (65_000, 65_000)
_SIZES = ((65_000, 65_000), (2**31 - 1, 2**31 - 1), (2**31, 1), (0, 0), (0, 10), (1, 2**31 - 1))
_ROWS = zlib.compress(bytes(1000))


def claims() -> Iterator[Hostile]:
    yield from _png()
    yield from _jpeg()
    yield from _gif()
    yield from _bmp()
    yield from _tiff()
    yield from _pnm()
    yield from _tga()
    yield from _others()


def _png() -> Iterator[Hostile]:
    for width, height in _SIZES:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        data = png_of(header, png_chunk(b"IDAT", _ROWS))
        yield holding(f"PNG that claims {width} x {height}", "a.png", data)
    for depth, colour, more in ((3, 2, 0), (8, 5, 0), (16, 3, 0), (8, 2, 7), (255, 255, 255)):
        header = struct.pack(">IIBBBBB", 16, 16, depth, colour, 0, 0, more)
        data = png_of(header, png_chunk(b"IDAT", _ROWS))
        codes = EITHER if more == 7 else BAD
        yield holding(f"PNG of {depth} bits, kind {colour}, interlace {more}", "a.png", data, codes)
    header = struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0)
    whole = png_chunk(b"IDAT", zlib.compress(bytes(17 * 16)))
    yield holding("PNG without its palette", "a.png", png_of(header, whole), EITHER)
    short = png_chunk(b"PLTE", b"\1\2")
    yield holding("PNG with a palette of 2 bytes", "a.png", png_of(header, short, whole), EITHER)
    yield holding("PNG without pixels", "a.png", png_of(header))
    yield holding("PNG without a header", "a.png", b"\x89PNG\r\n\x1a\n" + whole)
    big = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR" + bytes(13)
    yield holding("PNG with a chunk of 2 GB", "a.png", big)
    late = whole + png_chunk(b"IHDR", struct.pack(">IIBBBBB", *HUGE, 8, 2, 0, 0, 0))
    colour = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    yield holding("PNG with a second header", "a.png", png_of(colour, late), EITHER)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(*segments: bytes, mode: str = "RGB") -> bytes:
    """A JPEG with segments behind its first marker."""
    data = by_pillow("JPEG", mode)
    return data[:2] + b"".join(segments) + data[2:]


def _frame_changed(place: int, value: bytes, mode: str = "RGB") -> bytes:
    """A JPEG whose frame header (SOF0) has other bytes at a place behind its marker."""
    data = by_pillow("JPEG", mode)
    start = data.index(b"\xff\xc0") + 2 + place
    return data[:start] + value + data[start + len(value) :]


def _jpeg() -> Iterator[Hostile]:
    for width, height in ((65_000, 65_000), (65_535, 65_535), (0, 0), (0, 48), (64, 0)):
        data = _frame_changed(3, struct.pack(">HH", height, width))
        yield holding(f"JPEG that claims {width} x {height}", "a.jpg", data)
    for what, place, value in (
        ("of 12 bits", 2, b"\x0c"),
        ("of 0 bits", 2, b"\0"),
        ("of 200 components", 7, b"\xc8"),
        ("of 2 components", 7, b"\2"),
        ("with sampling 0 x 0", 9, b"\0"),
        ("with sampling 15 x 15", 9, b"\xff"),
        ("with a table that is not there", 10, b"\3"),
    ):
        yield holding(f"JPEG {what}", "a.jpg", _frame_changed(place, value), EITHER)
    data = by_pillow("JPEG")
    for marker in (0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCB, 0xCE, 0xF7):
        other = data.replace(b"\xff\xc0", bytes((0xFF, marker)), 1)
        yield holding(f"JPEG with marker {marker:X} for its kind", "a.jpg", other, EITHER)
    tables = data.replace(b"\xff\xdb", b"\xff\xfe").replace(b"\xff\xc4", b"\xff\xfe")
    yield holding("JPEG without tables", "a.jpg", tables)
    yield holding("JPEG of two heads", "a.jpg", data[:400] + data, EITHER)
    yield holding(
        "JPEG of a million fill bytes", "a.jpg", data[:2] + b"\xff" * 10**6 + data[2:], EITHER
    )
    for transform, mode in (
        (0, "RGB"),
        (2, "RGB"),
        (7, "RGB"),
        (0, "CMYK"),
        (1, "CMYK"),
        (9, "CMYK"),
    ):
        adobe = _segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))
        bare = by_pillow("JPEG", mode)
        place = bare.find(b"\xff\xee")
        end = place + 16 if place > 0 else 2
        bare = bare[:place] + adobe + bare[end:] if place > 0 else bare[:2] + adobe + bare[2:]
        yield holding(f"JPEG {mode} with Adobe's transform {transform}", "a.jpg", bare, GOOD)
    cmyk = by_pillow("JPEG", "CMYK")
    place = cmyk.index(b"\xff\xee")
    yield holding(
        "JPEG CMYK that does not say so", "a.jpg", cmyk[:place] + cmyk[place + 16 :], GOOD
    )
    short = cmyk[:place] + _segment(0xEE, b"Adobe") + cmyk[place + 16 :]
    yield holding("JPEG CMYK with a short mark", "a.jpg", short, EITHER)


def _gif(frame: tuple[int, int, int, int] | None = None) -> Iterator[Hostile]:
    data = bytearray(by_pillow("GIF", "P"))
    for width, height in ((65_535, 65_535), (0, 0)):
        screen = bytes(data[:6]) + struct.pack("<HH", width, height) + bytes(data[10:])
        codes = EITHER if (width, height) == (0, 0) else BAD
        yield holding(f"GIF whose screen is {width} x {height}", "a.gif", screen, codes)
    place = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    for what, values in (
        ("of 65,535 x 65,535", (0, 0, 65_535, 65_535)),
        ("far outside", (65_000, 65_000, 64, 48)),
        ("of 0 x 0", (0, 0, 0, 0)),
    ):
        changed = (
            bytes(data[: place + 1]) + struct.pack("<HHHH", *values) + bytes(data[place + 9 :])
        )
        yield holding(
            f"GIF with a frame {what}", "a.gif", changed, EITHER if "65,535" not in what else BAD
        )
    yield holding("GIF without frames", "a.gif", bytes(data[:13]) + b";")
    sizes = bytes(data[: place + 10]) + b"\xff" + bytes(data[place + 11 :])
    yield holding("GIF with codes of 255 bits", "a.gif", sizes, EITHER)


def _bmp() -> Iterator[Hostile]:
    data = by_pillow("BMP")

    def changed(place: int, code: str, *values: int) -> bytes:
        new = struct.pack("<" + code, *values)
        return data[:place] + new + data[place + len(new) :]

    for width, height in (
        (65_000, 65_000),
        (2**31 - 1, 2**31 - 1),
        (-64, 48),
        (0, 48),
        (64, 0),
        (64, -(2**31)),
    ):
        yield holding(
            f"BMP that claims {width} x {height}", "a.bmp", changed(18, "ii", width, height)
        )
    yield holding("BMP from the top down", "a.bmp", changed(18, "ii", 64, -48), GOOD)
    for what, place, code, value in (
        ("of 7 bits", 28, "H", 7),
        ("of 0 bits", 28, "H", 0),
        ("with compression 99", 30, "I", 99),
        ("with RLE that is none", 30, "I", 1),
        ("with bit fields that are missing", 30, "I", 3),
        ("with a header of 7 bytes", 14, "I", 7),
        ("with a header of 2 GB", 14, "I", 2**31),
        ("whose pixels begin at 4 GB", 10, "I", 2**32 - 1),
        ("whose pixels begin at 0", 10, "I", 0),
        ("of 4,294,967,295 colours", 46, "I", 2**32 - 1),
    ):
        yield holding(f"BMP {what}", "a.bmp", changed(place, code, value), EITHER)
    palette = by_pillow("BMP", "P")
    many = palette[:46] + struct.pack("<I", 2**32 - 1) + palette[50:]
    yield holding("BMP with palette of 4,294,967,295 colours", "a.bmp", many, EITHER)


def tiff_of(
    tags: Sequence[tuple[int, int, int, int]],
    *,
    after: int = 0,
    more: bytes = b"",
    big: bool = False,
) -> bytes:
    """A TIFF whose one directory has (tag, type, count, value) as given; `more` is behind it."""
    if big:
        head = b"II+\0" + struct.pack("<HHQ", 8, 0, 16)
        body = struct.pack("<Q", len(tags)) + b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
        return head + body + struct.pack("<Q", after) + more
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", after) + more


def tags_of(width: int = 16, height: int = 16, **changes: int) -> list[tuple[int, int, int, int]]:
    """Tags of an uncompressed grey image whose pixels lie behind a directory of these."""
    names = {
        "bits": 258,
        "compression": 259,
        "photometric": 262,
        "strips": 273,
        "samples": 277,
        "rows": 278,
        "bytes": 279,
        "predictor": 317,
        "format": 339,
    }
    usual = {
        "bits": 8,
        "compression": 1,
        "photometric": 1,
        "strips": 200,
        "samples": 1,
        "rows": min(height, 2**32 - 1),
        "bytes": 256,
    }
    values = {256: width, 257: height} | {names[k]: v for k, v in (usual | changes).items()}
    return [(tag, 4, 1, value & 0xFFFFFFFF) for tag, value in sorted(values.items())]


def _tiff() -> Iterator[Hostile]:
    pixels = bytes(4096)
    for width, height in _SIZES:
        for big in (False, True):
            data = tiff_of(tags_of(width, height), more=pixels, big=big)
            kind = "BigTIFF" if big else "TIFF"
            yield holding(f"{kind} that claims {width} x {height}", "a.tif", data)
    for what, changes in (
        ("of 255 bits", {"bits": 255}),
        ("of 0 bits", {"bits": 0}),
        ("of 65,535 samples", {"samples": 65_535}),
        ("of 0 samples", {"samples": 0}),
        ("with compression 54321", {"compression": 54321}),
        ("with deflate that is none", {"compression": 8}),
        ("with LZW that is none", {"compression": 5}),
        ("with JPEG that is none", {"compression": 7}),
        ("with old JPEG that is none", {"compression": 6}),
        ("with fax that is none", {"compression": 4, "bits": 1}),
        ("with LERC that is none", {"compression": 34887}),
        ("with strips at 4 GB", {"strips": 2**32 - 1}),
        ("with strips of 4 GB", {"bytes": 2**32 - 1}),
        ("with 0 rows a strip", {"rows": 0}),
        ("with a palette that is missing", {"photometric": 3}),
        ("with photometric 9999", {"photometric": 9999}),
        ("with predictor 77", {"predictor": 77}),
        ("with samples of kind 99", {"format": 99}),
    ):
        yield holding(f"TIFF {what}", "a.tif", tiff_of(tags_of(**changes), more=pixels), EITHER)
    yield holding(
        "TIFF whose directories go in a circle",
        "a.tif",
        tiff_of(tags_of(), after=8, more=pixels),
        EITHER,
    )
    self_below = [*tags_of(), (330, 4, 1, 8)]
    yield holding("TIFF that lies below itself", "a.tif", tiff_of(self_below, more=pixels), EITHER)
    yield holding(
        "TIFF of 65,535 tags", "a.tif", b"II*\0\x08\0\0\0\xff\xff" + bytes(65_535 * 12), BAD
    )
    many = [*tags_of(), (330, 4, 2**31, 8)]
    yield holding(
        "TIFF with 2,147,483,648 directories below", "a.tif", tiff_of(many, more=pixels), EITHER
    )
    lying = [tag if tag[0] != 273 else (273, 4, 2**30, 200) for tag in tags_of()]
    yield holding("TIFF with 1,073,741,824 strips", "a.tif", tiff_of(lying, more=pixels), EITHER)
    tiles = [tag for tag in tags_of() if tag[0] not in (273, 278, 279)]
    for side in (0, 1, 2**31):
        tiled = [*tiles, (322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 200), (325, 4, 1, 256)]
        yield holding(f"TIFF with tiles of {side}", "a.tif", tiff_of(tiled, more=pixels), EITHER)
    yield holding("TIFF without a directory", "a.tif", b"II*\0\0\0\0\0")
    yield holding("TIFF with its directory at 4 GB", "a.tif", b"II*\0\xff\xff\xff\xff")
    yield holding(
        "BigTIFF with its directory at 2^63", "a.tif", b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63)
    )
    yield holding(
        "BigTIFF with 2^63 tags", "a.tif", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**63)
    )
    yield holding("BigTIFF of numbers of 16 bytes", "a.tif", b"II+\0\x10\0\0\0" + bytes(64))


def _pnm() -> Iterator[Hostile]:
    for head in (
        *("P6 65000 65000 255", "P5 2147483647 2147483647 255", "P6 -1 5 255", "P6 0 0 255"),
        *("P6 99999999999999999999 1 255", "P6 4 4 0", "P6 4 4 65536", "P6 4 4 -1", "P6 4 4"),
        *("P6 a b c", "P3 4 4 255 1 2 300", "P3 4 4 255", "P1 4 4 2 2 2 2", "P6 4.5 4 255"),
        *("P6 # no end", "P5 1e3 4 255", "Pf 64 48 0", "PF 65000 65000 -1", "P7\nWIDTH 4\nENDHDR"),
        "P6 " + "1" * 10_000,
    ):
        yield holding(f"PNM: {head[:40]}", "a.ppm", head.encode() + b"\n" + bytes(20))
    comment = b"P6\n#" + b"x" * 5_000_000 + b"\n4 4 255\n" + bytes(range(48))
    yield holding("PNM with a comment of 5 MB", "a.ppm", comment, EITHER)
    blank = b"P6\n" + b" " * 5_000_000 + b"4 4 255\n" + bytes(range(48))
    yield holding("PNM with 5 MB of blanks", "a.ppm", blank, EITHER)
    lines = b"P6\n" + b"#\n" * 2_000_000 + b"4 4 255\n" + bytes(range(48))
    yield holding("PNM with 2,000,000 comments", "a.ppm", lines, EITHER)


def _tga() -> Iterator[Hostile]:
    for what, kind, width, height, bits, codes in (
        ("of 65,535 x 65,535", 2, 65_535, 65_535, 24, BAD),
        ("of 0 x 0", 2, 0, 0, 24, BAD),
        ("of 1 bit", 2, 16, 16, 1, BAD),
        ("of 255 bits", 2, 16, 16, 255, BAD),
        ("of kind 77", 77, 16, 16, 24, BAD),
        ("whose palette is missing", 1, 16, 16, 8, EITHER),
        ("with RLE that ends", 10, 16, 16, 24, BAD),
    ):
        head = struct.pack("<BBBHHBHHHHBB", 0, 0, kind, 0, 0, 0, 0, 0, width, height, bits, 0)
        yield holding(f"TGA {what}", "a.tga", head + bytes(100), codes)


def _others() -> Iterator[Hostile]:
    codestream = by_pillow("JPEG2000", no_jp2=True)
    boxes = by_pillow("JPEG2000")
    for width, height in ((65_000, 65_000), (2**32 - 1, 2**32 - 1), (0, 0)):
        size = struct.pack(">II", width, height)
        changed = codestream[:8] + size + codestream[16:]
        yield holding(f"JPEG 2000 codestream that claims {width} x {height}", "a.j2k", changed)
        place = boxes.index(b"ihdr") + 4
        lying = boxes[:place] + struct.pack(">II", height, width) + boxes[place + 8 :]
        yield holding(f"JPEG 2000 whose box claims {width} x {height}", "a.jp2", lying, EITHER)
    tiny = codestream[:24] + struct.pack(">II", 1, 1) + codestream[32:]
    yield holding("JPEG 2000 of tiles of 1 x 1", "a.j2k", tiny, EITHER)
    place = boxes.index(b"jp2c") - 4
    endless = boxes[:place] + struct.pack(">I", 2**31) + boxes[place + 4 :]
    yield holding("JPEG 2000 with a box of 2 GB", "a.jp2", endless, EITHER)
    bands = codestream[:40] + struct.pack(">H", 16_384) + codestream[42:]
    yield holding("JPEG 2000 of 16,384 bands", "a.j2k", bands)
    for name, file, make in (("HEIC", "a.heic", by_heif()), ("AVIF", "a.avif", by_pillow("AVIF"))):
        place = make.index(b"ispe") + 8
        for width, height in ((65_000, 65_000), (2**32 - 1, 2**32 - 1), (0, 0)):
            lying = make[:place] + struct.pack(">II", width, height) + make[place + 8 :]
            yield holding(f"{name} that claims {width} x {height}", file, lying, BAD)
        place = make.index(b"meta") - 4
        longer = make[:place] + struct.pack(">I", 2**31) + make[place + 4 :]
        yield holding(f"{name} with a box of 2 GB", file, longer, BAD)
        nothing = make[: make.index(b"meta") - 4]
        yield holding(f"{name} without a box of items", file, nothing)
    webp = by_pillow("WEBP", "RGBA", lossless=True)
    yield holding("WebP of 4 GB", "a.webp", webp[:4] + b"\xff\xff\xff\xff" + webp[8:], EITHER)
    extended = b"VP8X" + struct.pack("<IB3x", 10, 0) + b"\xff\xff\xff" * 2
    body = b"WEBP" + extended + webp[12:]
    yield holding(
        "WebP that claims 16,777,216 x 16,777,216",
        "a.webp",
        b"RIFF" + struct.pack("<I", len(body)) + body,
    )
    large = webp[:21] + struct.pack("<I", 0x0FFFFFFF) + webp[25:]
    yield holding("WebP that claims 16,384 x 16,384", "a.webp", large)
    lossy = by_pillow("WEBP")
    zero = lossy[:26] + bytes(4) + lossy[30:]
    yield holding("WebP that claims 0 x 0", "a.webp", zero)
