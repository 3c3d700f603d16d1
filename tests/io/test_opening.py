"""Alpha that means nothing, limits, and silence."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from images import scene
from raz.errors import InputError
from raz.io.decoding import decode, read_image, read_image_size, to_image
from raz.io.opening import pillow_limit
from raz.io.windows import open_windows

SCENE = scene()


def tga(path, pixels: np.ndarray, *, alpha_bits: int, packed: bool = False, extension: int = -1):
    """A TGA of 16 or 32 bits, by hand; ``extension`` is its kind of alpha, if it says so."""
    height, width, bands = pixels.shape
    depth = 16 if pixels.dtype == np.uint16 else 8 * bands
    kind = (3 if bands == 2 else 2) + 8 * packed
    header = struct.pack("<3B5x4H2B", 0, 0, kind, 0, 0, width, height, depth, 0x20 | alpha_bits)
    if bands == 4:
        pixels = pixels[..., [2, 1, 0, 3]]
    body = pixels.tobytes()
    if packed:
        size = depth // 8
        body = b"".join(b"\0" + body[at : at + size] for at in range(0, len(body), size))
    footer = b""
    if extension >= 0:
        start = len(header) + len(body)
        footer = bytes(494) + bytes([extension])
        footer += struct.pack("<II", start, 0) + b"TRUEVISION-XFILE.\0"
    path.write_bytes(header + body + footer)
    return path


def with_alpha(alpha: np.ndarray | int) -> np.ndarray:
    return np.concatenate([SCENE, np.broadcast_to(np.uint8(alpha), (*SCENE.shape[:2], 1))], axis=2)


def bmp(path, rgba: np.ndarray, header: int):
    """A BMP of 32 bits with masks: 108 bytes of header are V4, 124 V5."""
    height, width, _ = rgba.shape
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", header, width, -height, 1, 32, 3, 0, 0, 0, 0, 0)
    info += struct.pack("<4I", *masks)
    info = info.ljust(header, b"\0")
    body = rgba[..., [2, 1, 0, 3]].tobytes()
    start = 14 + len(info)
    path.write_bytes(struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + body)
    return path


NOISE = np.random.default_rng(0).integers(0, 256, (*SCENE.shape[:2], 1), np.uint8)


@pytest.mark.parametrize("alpha", [0, 128, NOISE], ids=["0", "128", "noise"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_tga_that_declares_no_alpha_has_none(alpha, packed, tmp_path):
    path = tga(tmp_path / "a.tga", with_alpha(alpha), alpha_bits=0, packed=packed)
    pixels, notes = decode(path)
    np.testing.assert_array_equal(pixels, SCENE)
    assert notes == ()
    with Image.open(path) as image:
        np.testing.assert_array_equal(to_image(image).permute(1, 2, 0), SCENE)


def test_a_grey_tga_that_declares_no_alpha_has_none(tmp_path):
    grey = np.concatenate([SCENE[..., :1], NOISE], axis=2)
    path = tga(tmp_path / "a.tga", grey, alpha_bits=0)
    np.testing.assert_array_equal(read_image(path), np.repeat(SCENE[..., :1], 3, axis=2))


@pytest.mark.parametrize("alpha_bits", [0, 1])
@pytest.mark.parametrize("top", [0, 1])
def test_a_tga_of_5_bits_a_colour(alpha_bits, top, tmp_path):
    five = (SCENE >> 3).astype(np.uint16)
    values = (five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2] | top << 15)[..., None]
    path = tga(tmp_path / "a.tga", values.astype(np.uint16), alpha_bits=alpha_bits)
    assert np.abs(read_image(path).astype(int) - SCENE).max() <= 7


@pytest.mark.parametrize(("kind", "useful"), [(0, False), (1, False), (2, False), (3, True)])
def test_a_tga_says_what_its_alpha_is(kind, useful, tmp_path):
    path = tga(tmp_path / "a.tga", with_alpha(NOISE), alpha_bits=8, extension=kind)
    expected = over_white(with_alpha(NOISE)) if useful else SCENE
    np.testing.assert_array_equal(read_image(path), expected)


def over_white(rgba: np.ndarray) -> np.ndarray:
    white = Image.new("RGBA", rgba.shape[1::-1], "white")
    return np.asarray(Image.alpha_composite(white, Image.fromarray(rgba)).convert("RGB"))


def test_a_tga_with_alpha_lies_over_white(tmp_path):
    path = tga(tmp_path / "a.tga", with_alpha(NOISE), alpha_bits=8)
    np.testing.assert_array_equal(read_image(path), over_white(with_alpha(NOISE)))
    path = tga(tmp_path / "a.tga", with_alpha(0), alpha_bits=8)
    np.testing.assert_array_equal(read_image(path), SCENE)


@pytest.mark.parametrize("header", [56, 108, 124], ids=["V3", "V4", "V5"])
def test_a_bmp_with_alpha_0_everywhere_is_opaque(header, tmp_path):
    pixels, notes = decode(bmp(tmp_path / "a.bmp", with_alpha(0), header))
    np.testing.assert_array_equal(pixels, SCENE)
    assert notes == ()
    alpha = NOISE.copy()
    alpha[...] = 0
    alpha[3, 3] = 255
    pixels, _ = decode(bmp(tmp_path / "a.bmp", with_alpha(alpha), header))
    np.testing.assert_array_equal(pixels, over_white(with_alpha(alpha)))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_0_everywhere_is_ignored_and_noted(suffix, mode, tmp_path):
    image = Image.fromarray(with_alpha(0)).convert(mode)
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    image.save(tmp_path / f"a{suffix}", **options)
    expected = np.asarray(image.convert("RGB"))
    for source in (tmp_path / f"a{suffix}", image):
        pixels, notes = decode(source)
        np.testing.assert_array_equal(pixels, expected)
        assert notes == ("its alpha is 0 everywhere; it is taken as opaque",)


def test_alpha_0_everywhere_of_a_file_read_in_windows(tmp_path):
    pytest.importorskip("rasterio")
    for alpha, expected in ((0, SCENE), (NOISE, over_white(with_alpha(NOISE)))):
        Image.fromarray(with_alpha(alpha)).save(tmp_path / "a.tif")
        windows = open_windows(tmp_path / "a.tif", longer_than=5)
        part = windows.read((2, 3, 9, 10)).permute(1, 2, 0).numpy()
        windows.close()
        np.testing.assert_array_equal(part, expected[3:10, 2:9])


@pytest.fixture
def small_limit(monkeypatch):
    """Pillow's own limit, which refuses twice as many pixels, is far below raz's."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)


@pytest.mark.parametrize(
    "suffix",
    [".tif", ".png", ".jpg", ".webp", ".gif", ".bmp", ".tga", ".ppm", ".jp2", ".avif", ".mpo"],
)
def test_the_only_limit_is_ours(suffix, tmp_path, small_limit, monkeypatch):
    monkeypatch.setattr("raz.io.decoding.open_raster", lambda *_, **__: None)
    path = tmp_path / f"a{suffix}"
    with pillow_limit(10**6):
        frames = [Image.fromarray(SCENE), Image.fromarray(SCENE[::-1].copy())]
        several = {".mpo", ".gif", ".webp"}
        more = {"save_all": True, "append_images": frames[1:]} if suffix in several else {}
        frames[0].save(path, **more)
    assert decode(path, max_pixels=SCENE.size // 3).pixels.shape == SCENE.shape
    with pytest.raises(InputError, match=r"over the limit of 239 pixels \(max_pixels\)"):
        decode(path, max_pixels=239)
    assert Image.MAX_IMAGE_PIXELS == 20


def test_an_opened_image_of_pillow_has_our_limit_alone(tmp_path, small_limit):
    Image.fromarray(SCENE).save(tmp_path / "a.tif", compression="tiff_lzw")
    with pillow_limit(10**6):
        image = Image.open(tmp_path / "a.tif")
    with image:
        np.testing.assert_array_equal(to_image(image).permute(1, 2, 0), SCENE)


@pytest.mark.slow
def test_a_tiff_of_180_megapixels(tmp_path, monkeypatch):
    monkeypatch.setattr("raz.io.decoding.open_raster", lambda *_, **__: None)
    with pillow_limit(10**9):
        Image.new("1", (18_000, 10_000)).save(tmp_path / "a.tif", compression="group4")
    assert read_image(tmp_path / "a.tif").shape == (10_000, 18_000, 3)


def test_limits_of_several_threads(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with pillow_limit(1000):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    with pillow_limit(100):
        assert Image.MAX_IMAGE_PIXELS == 1000
    assert Image.MAX_IMAGE_PIXELS == 1000
    leave.set()
    thread.join()
    assert Image.MAX_IMAGE_PIXELS == 20


def broken_tiffs(folder):
    """TIFFs of which libtiff complains, of their data and their directory, or Pillow in its log."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        path = folder / f"{name}.tif"
        Image.fromarray(noise).save(path, compression=name)
        data = bytearray(path.read_bytes())
        data[3000:3100] = b"\xff" * 100
        path.write_bytes(data)
        yield path
        path = folder / f"short_{name}.tif"
        path.write_bytes(data[: len(data) * 2 // 3])
        yield path
    path = folder / "fax.tif"
    Image.new("1", (64, 64)).save(path, compression="group3")
    data = bytearray(path.read_bytes())
    data[8:20] = b"\x5a" * 12
    path.write_bytes(data)
    yield path
    path = folder / "samples.tif"
    Image.new("RGB", (64, 64)).save(path)
    few, many = (struct.pack("<HHIHH", 277, 3, 1, samples, 0) for samples in (3, 65_535))
    path.write_bytes(path.read_bytes().replace(few, many))
    yield path


@pytest.mark.parametrize(("name", "mode"), [("a.bmp", "L"), ("a.tif", "L"), ("a.pgm", "L")])
def test_no_file_is_mapped_into_memory(name, mode, monkeypatch, tmp_path):
    """A process dies of a mapped file that somebody cuts."""

    def refuse(*_, **__):
        pytest.fail("mapped")

    Image.new(mode, (64, 48), 77).save(tmp_path / name)
    monkeypatch.setattr("mmap.mmap", refuse)
    assert (read_image(tmp_path / name) == 77).all()


@pytest.mark.parametrize("with_rasterio", [True, False])
def test_libtiff_is_silent(with_rasterio, tmp_path):
    paths = [str(path) for path in broken_tiffs(tmp_path)]
    script = (
        "import sys\n"
        "from raz.errors import InputError\n"
        "from raz.io import decoding, windows\n"
        f"if not {with_rasterio}:\n"
        "    decoding.open_raster = windows.open_raster = lambda *_, **__: None\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        decoding.read_image(path)\n"
        "        file = windows.open_windows(path, longer_than=1)\n"
        "        file and file.read((0, 0, 64, 64))\n"
        "    except InputError as error:\n"
        "        print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *paths],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) >= 3


def png(path, place: str | None):
    """A PNG whose EXIF data turn it; they lie before its pixels, behind them, or nowhere.

    "behind others": before its pixels lie some that leave it upright.
    """
    image = Image.fromarray(SCENE)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif if place else b"")
    data = file.getvalue()
    if place in ("behind", "behind others"):
        start = data.index(b"eXIf") - 4
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        last = data.index(b"IEND") - 4
        turning = data[start:end]
        before = chunk(b"eXIf", data[start + 8 : end - 4].replace(b"\6", b"\1"))
        assert before != turning
        kept = before if place == "behind others" else b""
        data = data[:start] + kept + data[end:last] + turning + data[last:]
    path.write_bytes(data)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("place", ["before", "behind", "behind others", None])
def test_the_size_of_a_png_is_that_of_its_pixels(place, tmp_path):
    path = png(tmp_path / "a.png", place)
    height, width, _ = read_image(path).shape
    assert (height > width) == (place is not None)
    assert read_image_size(path) == (width, height)
    assert read_image_size(path.read_bytes()) == (width, height)


@pytest.mark.parametrize("place", ["before", None])
def test_the_size_of_a_png_is_read_without_decoding(place, tmp_path, monkeypatch):
    def load(_):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    height, width, _ = SCENE.shape
    size = (height, width) if place else (width, height)
    assert read_image_size(png(tmp_path / "a.png", place)) == size
