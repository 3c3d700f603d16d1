"""Which image of a file with several is used, and what is said of it."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import raz
from raz.errors import InputError
from raz.io.decoding import decode, read_image_size
from raz.io.tiff import choose_page, read_pages
from raz.io.windows import open_windows

Y, X = np.mgrid[:40, :60]
FULL = np.stack([X * 4, Y * 6, X + 2 * Y], axis=2).astype(np.uint8)
SMALL = np.ascontiguousarray(FULL[::4, ::4])
CFA = 32803


class Page(dict):
    """Tags of a directory; `pixels` uint8 [h, w, 3], or the bytes of a JPEG; SubIFDs below."""

    def __init__(self, pixels, tags=(), *, below=(), big=False):
        super().__init__(tags)
        self.pixels, self.below = pixels, below


def write_tiff(path, *chain, order="<", big=False):
    """Directories by hand, each after its pixels, in the order of reading."""
    data = bytearray(16)
    place_code, entry_code, count_code = ("Q", "HHQ", "Q") if big else ("I", "HHI", "H")
    inline = 8 if big else 4

    def pack(code, *values):
        return struct.pack(order + code, *values)

    def directory(page) -> int:
        below = [directory(child) for child in page.below]
        tags = {}
        if isinstance(page.pixels, bytes):
            tags = {259: 6, 513: len(data), 514: len(page.pixels)}
            data.extend(page.pixels)
        else:
            height, width, bands = page.pixels.shape
            tags = {256: width, 257: height, 258: (8,) * bands, 259: 1, 277: bands, 278: height}
            tags |= {262: 2 if bands == 3 else 1, 273: len(data), 279: page.pixels.nbytes}
            data.extend(page.pixels.tobytes())
        tags |= page
        if below:
            tags[330] = tuple(below)
        entries = b""
        for tag, value in sorted(tags.items()):
            values = value if isinstance(value, tuple) else (value,)
            code, kind = ("H", 3) if tag == 258 else ("I", 4)
            if max(values) >= 2**32:
                code, kind = "Q", 16
            packed = pack(f"{len(values)}{code}", *values)
            if len(packed) > inline:
                entries += pack(entry_code, tag, kind, len(values)) + pack(place_code, len(data))
                data.extend(packed)
            else:
                entries += pack(entry_code, tag, kind, len(values)) + packed.ljust(inline, b"\0")
        start = len(data)
        data.extend(pack(count_code, len(tags)) + entries + pack(place_code, 0))
        return start

    ends = []
    starts = []
    for page in chain:
        starts.append(directory(page))
        ends.append(len(data) - inline)
    for end, following in zip(ends, starts[1:], strict=False):
        data[end : end + inline] = pack(place_code, following)
    mark = b"II" if order == "<" else b"MM"
    header = mark + (pack("HHHQ", 43, 8, 0, starts[0]) if big else pack("HI", 42, starts[0]))
    data[: len(header)] = header
    path.write_bytes(bytes(data))
    return path


@pytest.fixture(params=[True, False], ids=["rasterio", "Pillow"])
def reader(request, monkeypatch):
    """With rasterio and without."""
    if request.param:
        pytest.importorskip("rasterio")
    else:
        monkeypatch.setattr("raz.io.decoding.open_raster", lambda *_, **__: None)
    return "rasterio" if request.param else "Pillow"


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def assert_used(path, expected, note: str | None = None) -> None:
    pixels, notes = decode(path)
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 12  # some are JPEG
    assert read_image_size(path) == expected.shape[1::-1]
    if note is None:
        assert notes == ()
    else:
        (line,) = notes
        assert note in line


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_a_thumbnail_before_the_image(order, big, tmp_path, reader):
    if reader == "Pillow" and big and order == ">":
        pytest.skip("Pillow reads no such file")
    thumbnail = {254: 1}
    path = tmp_path / "a.tif"
    write_tiff(path, Page(SMALL, thumbnail, below=[Page(FULL)]), order=order, big=big)
    assert_used(path, FULL)
    np.testing.assert_array_equal(decode(path).pixels, FULL)
    write_tiff(path, Page(SMALL, thumbnail), Page(FULL), order=order, big=big)
    np.testing.assert_array_equal(decode(path).pixels, FULL)
    assert_used(path, FULL)
    write_tiff(path, Page(SMALL, {255: 2}), Page(FULL), order=order, big=big)  # the older tag
    assert_used(path, FULL)


def test_a_larger_image_below_the_first_needs_no_mark(tmp_path, reader):
    path = write_tiff(tmp_path / "a.tif", Page(SMALL, below=[Page(FULL)]))
    assert_used(path, FULL)


def test_the_orientation_of_the_file_is_that_of_its_image(tmp_path, reader):
    path = write_tiff(tmp_path / "a.dng", Page(SMALL, {254: 1, 274: 6}, below=[Page(FULL)]))
    np.testing.assert_array_equal(decode(path).pixels, np.rot90(FULL, -1))
    assert read_image_size(path) == (40, 60)


def test_windows_are_of_the_full_image(tmp_path):
    pytest.importorskip("rasterio")
    path = write_tiff(tmp_path / "a.tif", Page(SMALL, {254: 1}, below=[Page(FULL)]))
    windows = open_windows(path, longer_than=20)
    assert windows is not None
    assert windows.image_size == (60, 40)
    part = windows.read((5, 6, 50, 39)).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(part, FULL[6:39, 5:50])
    windows.close()


RAW = np.zeros((80, 120, 1), np.uint8)


def test_of_raw_data_the_largest_preview_is_used_and_named(tmp_path, reader):
    """A DNG: a thumbnail, below it the camera's raw data and a preview."""
    preview = Page(FULL, {254: 1})
    raw = Page(RAW, {262: CFA})
    path = write_tiff(tmp_path / "a.dng", Page(SMALL, {254: 1}, below=[raw, preview]))
    assert_used(path, FULL, "of 120 x 80 pixels, is a camera's raw data, which is not read; its small preview of 60 x 40 is used")  # fmt: skip # noqa: E501
    path = write_tiff(tmp_path / "b.dng", Page(SMALL, {254: 1}, below=[raw]))
    assert_used(path, SMALL, "its small preview of 15 x 10 is used")


def test_a_preview_that_is_a_jpeg_of_its_own(tmp_path, reader):
    """A NEF: below the thumbnail a JPEG, whose size is in the JPEG alone, and raw data."""
    preview = Page(jpeg(FULL), {254: 1})
    path = write_tiff(
        tmp_path / "a.nef", Page(SMALL, {254: 1}, below=[preview, Page(RAW, {262: CFA})])
    )
    assert_used(path, FULL, "its small preview of 60 x 40 is used")
    path = write_tiff(tmp_path / "b.nef", Page(SMALL, {254: 1, 274: 8}, below=[preview]))
    note = "of 60 x 40 pixels is a reduced copy"
    assert_used(
        path, np.rot90(FULL), note
    )  # by the file's orientation, which the JPEG does not have


@pytest.mark.parametrize("size", [{}, {256: 60, 257: 40}], ids=["no size", "size"])
def test_a_jpeg_inside_that_is_said_to_be_longer_than_any_file(tmp_path, reader, size):
    path = write_tiff(tmp_path / "a.tif", Page(jpeg(FULL), {514: 2**60, **size}), big=True)
    assert_used(path, FULL)
    path = write_tiff(tmp_path / "b.tif", Page(jpeg(FULL)[:20], {514: 2**60, **size}), big=True)
    for source in (path, path.read_bytes()):
        with pytest.raises(InputError, match=r"a TIFF image that is damaged|the image is empty"):
            decode(source)


def test_a_reduced_copy_alone_is_named(tmp_path, reader):
    path = write_tiff(tmp_path / "a.tif", Page(SMALL, {254: 1}))
    assert_used(path, SMALL, "is a reduced copy, but holds no other")


def test_raw_data_alone_are_no_image(tmp_path, reader):
    path = write_tiff(tmp_path / "a.dng", Page(RAW, {262: CFA}))
    with pytest.raises(InputError, match=r"a\.dng: 8-bit camera raw TIFF: not a kind"):
        decode(path)


def test_a_pyramid_is_its_first_image(tmp_path, reader):
    path = tmp_path / "a.tif"
    write_tiff(path, Page(FULL), Page(SMALL, {254: 1}), Page(FULL[::4, ::4, :1].copy(), {254: 4}))
    assert_used(path, FULL)
    write_tiff(path, Page(FULL, below=[Page(SMALL, {254: 1})]))
    assert_used(path, FULL)


def test_pages_are_named(tmp_path, reader):
    path = write_tiff(tmp_path / "a.tif", Page(FULL), Page(FULL), Page(SMALL))
    assert_used(path, FULL, "the file holds 3 images; the first is used, of 60 x 40 pixels")
    path = write_tiff(tmp_path / "a.tif", Page(SMALL), Page(FULL))
    assert_used(path, SMALL, "of 15 x 10 pixels (another has 60 x 40)")


def test_the_warning_reaches_the_result(tmp_path):
    path = write_tiff(tmp_path / "a.tif", Page(FULL), Page(FULL))
    assert "holds 2 images" in raz.predict(path, depth=1).warnings[0]


def mpo(path, *images):
    first, *others = [Image.fromarray(image) for image in images]
    first.save(path, "MPO", save_all=True, append_images=others, quality=95)
    return path


def test_mpo(tmp_path):
    assert_used(mpo(tmp_path / "a.jpg", FULL, SMALL), FULL)
    assert_used(
        mpo(tmp_path / "b.jpg", FULL, FULL[::-1]), FULL, "holds 2 images; the first is used"
    )
    assert_used(
        mpo(tmp_path / "c.jpg", SMALL, FULL), FULL,
        "holds 2 images; the largest is used, of 60 x 40 pixels (the first has 15 x 10)",
    )  # fmt: skip


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_directories_that_lead_in_circles_end(big, tmp_path):
    path = write_tiff(tmp_path / "a.tif", Page(FULL), big=big)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<Q" if big else "<I", data, 8 if big else 4)
    end = -8 if big else -4
    data[end:] = struct.pack("<Q" if big else "<I", start)
    pages = read_pages(io.BytesIO(bytes(data)))
    assert [page.size for page in pages] == [(60, 40)]


class CountedReads(io.BytesIO):
    reads = 0

    def read(self, *size):
        self.reads += 1
        return super().read(*size)


def test_directories_that_lie_over_each_other_end():
    """A megabyte in which each of 4,000 SubIFDs claims tens of thousands of tags."""
    entry = struct.pack("<HHII", 258, 3, 4096, 0)
    data = bytearray(b"\xff" * 9_000 + entry * 80_000)
    children, place = 4_000, 900_000
    data[place : place + 4 * children] = struct.pack(
        f"<{children}I", *range(100, 100 + 2 * children, 2)
    )
    first = struct.pack("<HHHIII", 1, 330, 4, children, place, 0)
    data[: 8 + len(first)] = b"II*\0" + struct.pack("<I", 8) + first
    file = CountedReads(bytes(data))
    assert read_pages(file)
    assert file.reads < 3_000_000


def test_many_directories_of_many_values_end():
    """Less than a megabyte, of which 9,000 directories would keep 16,000 values each."""
    values = [(258, 3, 4096, 0), (277, 3, 1, 4096), (338, 3, 4096, 0), (330, 4, 4096, 0)]
    entries = [(256, 4, 1, 60), (257, 4, 1, 40), *values]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    size = 2 + len(packed) + 4
    data = b"II*\0" + struct.pack("<I", 8)
    for number in range(9_000):
        data += (
            struct.pack("<H", len(entries)) + packed + struct.pack("<I", 8 + (number + 1) * size)
        )
    pages = read_pages(io.BytesIO(data))
    assert sum(len(page.bits) + len(page.extra_samples) for page in pages) < 1_000_000
    assert choose_page(pages)[0] is pages[0]


def test_a_stack_of_ten_thousand_pages_is_its_first():
    """Comparing each page with each other would take minutes."""
    tags = [(256, 4, 1, 60), (257, 4, 1, 40), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 900, 8)]
    packed = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    size = 2 + len(packed) + 4
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number in range(10_000):
        last = number == 9_999
        following = 0 if last else 8 + (number + 1) * size
        data += struct.pack("<H", len(tags)) + packed + struct.pack("<I", following)
    pages = read_pages(io.BytesIO(bytes(data)))
    page, note = choose_page(pages)
    assert page is pages[0]
    assert note is not None
    assert note.startswith("the file holds 10000 images; the first is used")


def test_of_a_tag_that_is_there_twice_the_first_counts():
    entries = [(256, 60), (257, 40), (256, 5)]
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)
    assert read_pages(io.BytesIO(data))[0].size == (60, 40)


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]), st.binary(max_size=400))
def test_any_bytes_give_directories(start, data):
    pages = read_pages(io.BytesIO(start + data))
    if pages:
        page, _ = choose_page(pages)
        assert page.kind


@given(st.data())
def test_a_damaged_directory_gives_pixels_or_an_input_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.tif"
    write_tiff(path, Page(SMALL, {254: 1}, below=[Page(SMALL)]), Page(SMALL))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        pixels, _ = decode(path, max_pixels=100_000)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert pixels.dtype == np.uint8


def test_a_kind_of_many_depths_is_told_in_few_words(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    with path.open("rb") as file:
        (page,) = read_pages(file)
    assert replace(page, bits=(1, 2)).kind.startswith("1/2-bit ")
    assert replace(page, bits=tuple(range(1, 500))).kind.startswith("1/2/3/4/...-bit ")
