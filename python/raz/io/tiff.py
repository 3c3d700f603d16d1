"""What a TIFF file holds: its directories, read without decoding, and which of them is the image.

A TIFF file is a chain of directories, each an image, some with a chain of further ones below them
(SubIFDs). The first is not always the image: camera raw files begin with a thumbnail, others hold
several pages, reduced copies or masks. Values of tags are those of TIFF 6.0 and its supplements.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from PIL import Image

__all__ = ["TiffPage", "choose_page", "is_tiff", "read_pages"]

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
_MOST_PAGES = 10_000
_MOST_VALUES = 4096
_MOST_NUMBERS = 1_000_000
"""Tags of a whole file, and values that are kept of them (ours): directories that lie over each
other would take hours, or all memory."""

# By TIFF 6.0's number of a type: its code for `struct`. Others (rationals, text) are not needed.
_CODES = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4} | {
    16: 8,
    17: 8,
    18: 8,
}

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS = 254, 255, 256, 257, 258
_COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _ORIENTATION, _SAMPLES = 259, 262, 273, 274, 277
_STRIP_BYTES, _PLANAR, _SUB_IFDS, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 279, 284, 330, 338, 339
_MOST_VALUE, _JPEG_TABLES, _JPEG_OFFSET, _JPEG_BYTES, _GEO_KEYS = 341, 347, 513, 514, 34735

_USED = frozenset(
    {_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC}
    | {_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _STRIP_BYTES, _PLANAR, _SUB_IFDS, _EXTRA_SAMPLES}
    | {_SAMPLE_FORMAT, _MOST_VALUE, _JPEG_TABLES, _JPEG_OFFSET, _JPEG_BYTES, _GEO_KEYS}
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, CFA, LINEAR_RAW = (
    (0, 1, 2, 3, 4, 5, 6, 32803, 34892)
)  # fmt: skip
OLD_JPEG, JPEG = 6, 7

_COMPRESSIONS = {
    1: "",
    2: "CCITT",
    3: "CCITT fax 3",
    4: "CCITT fax 4",
    5: "LZW",
    6: "old JPEG",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
    34712: "JPEG 2000",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_COLOURS = {
    0: "grey (white is 0)",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32803: "camera raw",
    34892: "linear camera raw",
}
_FORMATS = {1: "", 2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}


@dataclass(frozen=True, eq=False)
class TiffPage:
    """One directory of a TIFF file.

    Attributes:
        offset: of the directory, in bytes from the file's start.
        first: whether it is the one that the header points to.
        below: whether it is a SubIFD.
        size: (width, height) in pixels as stored; zeros where the directory does not say.
        bits: of each sample.
        sample_format: 1 unsigned, 2 signed, 3 floating point, others rare.
        photometric: what the samples mean.
        compression: how they are stored.
        planar: whether each sample has a plane of its own.
        extra_samples: what the samples past the colours mean: 1 premultiplied alpha, 2 alpha, else
            something else.
        reduced: whether it is a smaller copy of another image in the file.
        mask: whether it is a mask of transparency.
        orientation: EXIF orientation, 1 to 8; None where the directory does not say.
        most: SMaxSampleValue, the greatest value of any sample; None where it does not say.
        jpeg: (offset, bytes) of a whole JPEG file that holds the image, if there is one.
        located: whether it says where on the map it lies (OGC GeoTIFF 1.1, section 7.1).

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (6, 4)).save(file, "TIFF")
        >>> page = read_pages(file)[0]
        >>> page.size, page.bits, page.kind
        ((6, 4), (8, 8, 8), '8-bit RGB TIFF')
    """

    offset: int
    first: bool
    below: bool
    size: tuple[int, int]
    bits: tuple[int, ...]
    sample_format: int
    photometric: int
    compression: int
    planar: bool
    extra_samples: tuple[int, ...]
    reduced: bool
    mask: bool
    orientation: int | None
    most: int | None
    jpeg: tuple[int, int] | None
    located: bool

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.size[0] * self.size[1]

    @property
    def kind(self) -> str:
        """The kind of image in words, for messages."""
        colours = _COLOURS.get(self.photometric, f"photometric {self.photometric}")
        form = _FORMATS.get(self.sample_format, f"format {self.sample_format} ")
        several = sorted(set(self.bits))
        bits = "/".join(map(str, several[:4])) + ("/..." if len(several) > 4 else "")
        words = f"{bits}-bit {form}{'planar ' if self.planar else ''}{colours} TIFF"
        usual = {RGB: 3, YCBCR: 3, CMYK: 4}.get(self.photometric, 1)
        if len(self.bits) != usual:
            words += f" of {len(self.bits)} bands"
        compression = _COMPRESSIONS.get(self.compression, f"compression {self.compression}")
        return f"{words}, {compression}" if compression else words


def is_tiff(name: str | os.PathLike[str]) -> bool:
    """Tell by a file's first bytes whether it is a TIFF; one that cannot be read is none.

    Example:
        >>> is_tiff("missing.tif")
        False
    """
    try:
        with open(name, "rb") as file:
            return file.read(4) in _SIGNATURES
    except (OSError, ValueError):  # whoever decodes it will say why
        return False


def read_pages(file: IO[bytes]) -> list[TiffPage]:
    """Read all directories of a TIFF file, those below one right after it.

    Args:
        file: a binary file; its position changes.

    Returns:
        the directories that can be read; none for a file that is no TIFF. What cannot be read ends
        its chain.

    Example:
        >>> import io
        >>> read_pages(io.BytesIO(b"no TIFF"))
        []
    """
    file.seek(0)
    header = file.read(16)
    if header[:4] not in _SIGNATURES or len(header) < 8:
        return []
    order = "<" if header[:2] == b"II" else ">"
    big = b"+" in header[:4]
    if big and len(header) < 16:
        return []
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), header, 8 if big else 4)
    return list(_Directories(file, order, big=big).chain(start))


class _Directories:
    """Walks the directories of one file, each once."""

    def __init__(self, file: IO[bytes], order: str, *, big: bool) -> None:
        self._file = file
        self._order = order
        self._big = big
        self._seen: set[int] = set()
        self._numbers = 0

    def chain(self, offset: int, *, below: bool = False) -> Iterator[TiffPage]:
        while offset and offset not in self._seen and len(self._seen) < _MOST_PAGES:
            first = not self._seen
            self._seen.add(offset)
            try:
                tags, following = self._directory(offset)
            except (struct.error, OSError, OverflowError, ValueError):
                return
            yield self._page(tags, offset, first=first, below=below)
            if not below:  # TIFF/EP and DNG list all of them; deeper ones are of no use here
                for child in tags.get(_SUB_IFDS, ()):
                    yield from self.chain(child, below=True)
                    self._seen.add(child)
            offset = following

    def _directory(self, offset: int) -> tuple[dict[int, tuple[int, ...]], int]:
        number_code, entry_code, inline = ("Q", "HHQ", 8) if self._big else ("H", "HHI", 4)
        (number,) = self._read(offset, number_code)
        start = offset + struct.calcsize("=" + number_code)
        step = struct.calcsize("=" + entry_code) + inline
        self._numbers += number
        if number > 65_535 or self._numbers > _MOST_NUMBERS:
            raise ValueError("too many tags")
        tags: dict[int, tuple[int, ...]] = {}
        for index in range(number):
            place = start + index * step
            tag, kind, count = self._read(place, entry_code)
            if tag not in _USED or tag in tags or kind not in _CODES or not count:
                continue
            place += step - inline
            if count * _SIZES[kind] > inline:
                (place,) = self._read(place, "Q" if self._big else "I")
            # Of strips it matters only whether there is one.
            kept = min(count, 2 if tag in (_STRIP_OFFSETS, _STRIP_BYTES) else _MOST_VALUES)
            self._numbers += kept
            try:
                tags[tag] = self._read(place, f"{kept}{_CODES[kind]}")
            except (struct.error, OSError, OverflowError, ValueError):
                continue
        try:
            (following,) = self._read(start + number * step, "Q" if self._big else "I")
        except (struct.error, OSError, OverflowError, ValueError):
            following = 0
        return tags, following

    def _page(
        self, tags: dict[int, tuple[int, ...]], offset: int, *, first: bool, below: bool
    ) -> TiffPage:
        def value(tag: int, default: int) -> int:
            return tags[tag][0] if tag in tags else default

        samples = min(value(_SAMPLES, len(tags.get(_BITS, (1,)))), _MOST_VALUES)
        bits = tags.get(_BITS, (1,))
        bits = bits * samples if len(bits) == 1 else bits[:samples]
        kind = value(_NEW_SUBFILE_TYPE, 0)
        orientation = value(_ORIENTATION, 0)
        jpeg = self._jpeg(tags)
        size = (value(_WIDTH, 0), value(_HEIGHT, 0))
        if 0 in size and jpeg is not None:
            size = self._jpeg_size(*jpeg)
        return TiffPage(
            offset=offset,
            first=first,
            below=below,
            size=size,
            bits=bits,
            sample_format=value(_SAMPLE_FORMAT, 1),
            photometric=value(_PHOTOMETRIC, YCBCR if _JPEG_OFFSET in tags else BLACK_IS_ZERO),
            compression=value(_COMPRESSION, 1),
            planar=value(_PLANAR, 1) == 2,
            extra_samples=tags.get(_EXTRA_SAMPLES, ()),
            reduced=bool(kind & 1) or value(_SUBFILE_TYPE, 1) == 2,
            mask=bool(kind & 4) or value(_PHOTOMETRIC, 0) == MASK,
            orientation=orientation if 1 <= orientation <= 8 else None,
            most=max(tags[_MOST_VALUE]) if _MOST_VALUE in tags else None,
            jpeg=jpeg,
            located=_GEO_KEYS in tags,
        )

    def _jpeg(self, tags: dict[int, tuple[int, ...]]) -> tuple[int, int] | None:
        """Where a whole JPEG file lies: TIFF 6.0's old way, or as the only strip."""
        places = [(_JPEG_OFFSET, _JPEG_BYTES)]
        if tags.get(_COMPRESSION, (1,))[0] in (OLD_JPEG, JPEG) and _JPEG_TABLES not in tags:
            places.append((_STRIP_OFFSETS, _STRIP_BYTES))
        for start, size in places:
            if len(tags.get(start, ())) == len(tags.get(size, ())) == 1:
                try:
                    marker = self._read(tags[start][0], "2B")
                except (struct.error, OSError, OverflowError, ValueError):
                    continue
                if marker == (0xFF, 0xD8):
                    return tags[start][0], tags[size][0]
        return None

    def _jpeg_size(self, offset: int, size: int) -> tuple[int, int]:
        """Previews of some cameras have their size in the JPEG alone."""
        try:
            most = self._file.seek(0, io.SEEK_END)
            self._file.seek(offset)
            jpeg = self._file.read(min(size, most))  # room is made for what is asked for
            with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
                return image.size
        except Exception:  # decoders raise anything on hostile bytes; the page has no size then
            return (0, 0)

    def _read(self, offset: int, code: str) -> tuple[Any, ...]:
        code = self._order + code
        self._file.seek(offset)
        return struct.unpack(code, self._file.read(struct.calcsize(code)))


def choose_page(pages: list[TiffPage]) -> tuple[TiffPage, str | None]:
    """Choose the image among the directories of a file.

    It is the first directory, unless that is marked as a reduced copy, or a larger image lies in a
    SubIFD: then the first, or larger, image that is not marked. A camera's raw data are no image:
    where they alone are the full one, the largest preview is chosen.

    Args:
        pages: of :func:`read_pages`, at least one.

    Returns:
        the directory, and one line on what is used where that may not be what was meant.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file, other = io.BytesIO(), Image.new("RGB", (6, 4))
        >>> Image.new("RGB", (3, 2)).save(file, "TIFF", save_all=True, append_images=[other])
        >>> choose_page(read_pages(file))[1]
        'the file holds 2 images; the first is used, of 3 x 2 pixels (another has 6 x 4)'
    """
    first = pages[0]
    images = [page for page in pages if not page.mask and page.pixels]
    colours = [page for page in images if page.photometric not in (CFA, LINEAR_RAW)]
    raws = [page for page in images if page.photometric in (CFA, LINEAR_RAW)]
    full = [page for page in colours if not page.reduced]
    chosen = first
    if first not in full and full:
        chosen = full[0]
    inside = [page for page in full if page.below and page.pixels > chosen.pixels]
    if inside and not chosen.below:
        chosen = max(inside, key=lambda page: page.pixels)
    if chosen not in full and colours:
        chosen = max(colours, key=lambda page: page.pixels)
    raw = max(raws, key=lambda page: page.pixels, default=None)
    if raw is not None and chosen in colours and raw.pixels > 0:
        share = "" if 2 * chosen.pixels > raw.pixels else "small "
        return chosen, (
            f"the full image, of {_by(raw.size)} pixels, is a camera's raw data, which is not read;"
            f" its {share}preview of {_by(chosen.size)} is used"
        )
    rivals = [page for page in full if page is not chosen and not page.below]
    if chosen in full and rivals and not chosen.below:
        largest = max(rivals, key=lambda page: page.pixels)
        size = f"of {_by(chosen.size)} pixels"
        if largest.pixels > chosen.pixels:
            size += f" (another has {_by(largest.size)})"
        return chosen, f"the file holds {len(rivals) + 1} images; the first is used, {size}"
    if chosen.reduced and chosen not in full:
        return chosen, (
            f"the file says that its image of {_by(chosen.size)} pixels is a reduced copy, but "
            "holds no other that can be read; the copy is used"
        )
    return chosen, None


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
