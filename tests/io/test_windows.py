from __future__ import annotations

import importlib
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from images import bomb, empty, missing, scene, text
from raz.errors import InputError
from raz.io.decoding import read_image
from raz.io.windows import open_windows

rasterio = pytest.importorskip("rasterio")
SIZE = (61, 90)  # (h, w)


def pixels(kind: str) -> np.ndarray:
    """An image [h, w, bands] of a kind, or [h, w]."""
    rng = np.random.default_rng(1)
    bands = {"L": (), "I;16": (), "RGB": (3,), "RGB;16": (3,), "RGBA": (4,)}[kind]
    most = 65536 if kind.endswith("16") else 256
    return rng.integers(0, most, (*SIZE, *bands), dtype=np.uint16 if most > 256 else np.uint8)


def tiff(path, array: np.ndarray, **options) -> str:
    """Write a TIFF by rasterio: in tiles where ``blockxsize`` says so, else in strips."""
    bands = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    count, height, width = bands.shape
    shape = {"width": width, "height": height, "count": count, "dtype": bands.dtype}
    if count > 1:
        shape["photometric"] = "rgb"
    if count == 4:
        shape.setdefault("ALPHA", "YES")
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="GTiff", **{**shape, **options}) as file,
    ):
        file.write(bands)
    return str(path)


def assert_windows_are(path: str, whole: np.ndarray) -> None:
    file = open_windows(path, longer_than=32)
    assert file is not None
    height, width = whole.shape[:2]
    assert file.image_size == (width, height)
    for window in ((0, 0, width, height), (5, 3, 40, 60), (width - 1, height - 1, width, height)):
        x1, y1, x2, y2 = window
        read = file.read(window)
        assert read.dtype == torch.uint8
        np.testing.assert_array_equal(read.permute(1, 2, 0).numpy(), whole[y1:y2, x1:x2])
    file.close()


TILED = {"tiled": True, "blockxsize": 32, "blockysize": 16}


@pytest.mark.parametrize("kind", ["L", "I;16", "RGB", "RGB;16", "RGBA"])
@pytest.mark.parametrize(
    "options",
    [{}, {"compress": "lzw"}, TILED, {**TILED, "compress": "deflate", "interleave": "pixel"}],
    ids=["strips", "lzw", "tiles", "deflate"],
)
def test_windows_are_what_decoding_the_whole_gives(kind, options, tmp_path):
    path = tiff(tmp_path / "a.tif", pixels(kind), **options)
    assert_windows_are(path, read_image(path))


def test_a_file_is_opened_by_one_thread_and_read_and_closed_by_another(tmp_path):
    array = pixels("RGB")
    path = tiff(tmp_path / "a.tif", array, **TILED)
    with ThreadPoolExecutor(1) as pool:
        file = pool.submit(open_windows, path, longer_than=32).result()
    height, width = array.shape[:2]
    assert file is not None
    np.testing.assert_array_equal(file.read((0, 0, width, height)).permute(1, 2, 0), array)
    file.close()


@pytest.mark.parametrize(
    "options",
    [{}, {**TILED, "compress": "deflate"}, {**TILED, "compress": "lzw", "interleave": "band"}],
    ids=["strips", "tiles", "bands"],
)
def test_premultiplied_colours_are_divided_by_their_alpha_once(options, tmp_path):
    array = pixels("RGBA")
    alpha = array[..., 3:]
    array[..., :3] = np.rint(array[..., :3] * (alpha / 255))
    path = tiff(tmp_path / "a.tif", array, ALPHA="PREMULTIPLIED", **options)
    over_white = array[..., :3].astype(int) + 255 - alpha
    assert np.abs(read_image(path) - over_white).max() <= 2
    assert_windows_are(path, read_image(path))


@pytest.mark.parametrize("options", [{}, TILED], ids=["strips", "tiles"])
def test_12_bit_grey_is_white_where_it_is_most(options, tmp_path):
    array = pixels("I;16") >> 4
    array[-1, -1] = 4095
    path = tiff(tmp_path / "a.tif", array, NBITS=12, **options)
    assert_windows_are(path, np.repeat((array >> 4)[..., None], 3, axis=2))
    assert_windows_are(path, read_image(path))
    assert read_image(path)[-1, -1].tolist() == [255] * 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_windows_are_upright(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene(*SIZE)).save(tmp_path / "a.tif", exif=exif)
    assert_windows_are(str(tmp_path / "a.tif"), read_image(tmp_path / "a.tif"))


def test_a_fourth_band_that_is_no_transparency_is_dropped(tmp_path):
    path = tiff(tmp_path / "a.tif", pixels("RGBA"), ALPHA="UNSPECIFIED")
    np.testing.assert_array_equal(read_image(path), pixels("RGBA")[..., :3])
    assert_windows_are(path, read_image(path))


def test_a_bigtiff_and_a_georeferenced_one(tmp_path):
    path = tiff(tmp_path / "big.tif", pixels("RGB"), **TILED, BIGTIFF="YES")
    assert_windows_are(path, pixels("RGB"))
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(0.1, 0, 5e5, 0, -0.1, 5e6)}
    with rasterio.open(
        tmp_path / "geo.tif", "w", driver="GTiff", width=SIZE[1], height=SIZE[0], count=3,
        dtype="uint8", photometric="rgb", **place,
    ) as file:  # fmt: skip
        file.write(pixels("RGB").transpose(2, 0, 1))
    assert_windows_are(str(tmp_path / "geo.tif"), pixels("RGB"))


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LAB"])
def test_rare_kinds_are_left_to_the_decoder(mode, tmp_path):
    Image.new(mode, (90, 61)).save(tmp_path / "a.tif")
    assert open_windows(tmp_path / "a.tif", longer_than=32) is None


@pytest.mark.parametrize("kind", ["L", "I;16"])
def test_white_may_be_zero(kind, tmp_path):
    path = tiff(tmp_path / "a.tif", pixels(kind), photometric="miniswhite")
    grey = pixels(kind) >> (8 if kind == "I;16" else 0)
    np.testing.assert_array_equal(read_image(path)[..., 0], 255 - grey)
    assert_windows_are(path, read_image(path))


def test_blocks_larger_than_the_cache_are_left_to_the_decoder(tmp_path, monkeypatch):
    array = pixels("RGB")
    path = tiff(tmp_path / "a.tif", array, compress="deflate", blockysize=SIZE[0])
    monkeypatch.setattr("raz.io.windows.CACHE_BYTES", array.size)
    file = open_windows(path, longer_than=32)
    assert file is not None
    file.close()
    monkeypatch.setattr("raz.io.windows.CACHE_BYTES", array.size - 1)
    assert open_windows(path, longer_than=32) is None


def test_other_files_are_left_to_the_decoder(tmp_path):
    Image.fromarray(scene(*SIZE)).save(tmp_path / "a.png")
    for path in (missing(tmp_path), empty(tmp_path), text(tmp_path), bomb(tmp_path), tmp_path):
        assert open_windows(path, longer_than=32) is None
    assert open_windows(tmp_path / "a.png", longer_than=32) is None
    small = tiff(tmp_path / "a.tif", pixels("RGB"))
    assert open_windows(small, longer_than=90) is None


def test_the_limit_is_compared_before_anything_is_read(tmp_path):
    path = tiff(tmp_path / "a.tif", pixels("RGB"))
    with pytest.raises(InputError, match=r"a\.tif: 90 x 61 pixels are over the limit of 5,000 "):
        open_windows(path, longer_than=32, max_pixels=5000)
    sparse = tmp_path / "sparse.tif"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            sparse, "w", driver="GTiff", width=40_000, height=30_000, count=3, dtype="uint8",
            SPARSE_OK=True, photometric="rgb", **{**TILED, "blockxsize": 512, "blockysize": 512},
        ),
    ):  # fmt: skip
        pass
    with pytest.raises(InputError, match="over the limit of 1,000,000,000 pixels"):
        open_windows(sparse, longer_than=2048)
    file = open_windows(sparse, longer_than=2048, max_pixels=10**10)
    assert file is not None
    assert file.read((39_000, 29_000, 39_100, 29_050)).shape == (3, 50, 100)
    file.close()


def test_without_rasterio_an_image_is_decoded_whole(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif", pixels("RGB"))
    real = importlib.import_module

    def import_module(name: str) -> object:
        if name == "rasterio":
            raise ImportError
        return real(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    assert open_windows(path, longer_than=32) is None
    monkeypatch.setattr("raz.io.windows.MAX_PIXELS", 5000)
    assert open_windows(path, longer_than=32, max_pixels=10**6) is None
    with pytest.raises(
        InputError, match=r"over the limit of 5,000 .*\(pip install \"\.\[tiles\]\"\)"
    ):
        open_windows(path, longer_than=32)


def test_a_broken_file_is_named_where_it_is_read(tmp_path, caplog, capfd):
    path = tiff(tmp_path / "a.tif", pixels("RGB"), **TILED, compress="deflate")
    with open(path, "r+b") as file:
        file.truncate(4000)
    file = open_windows(path, longer_than=32)
    assert file is not None
    with caplog.at_level(logging.CRITICAL), pytest.raises(InputError, match=r"a\.tif: "):
        file.read((0, 0, 90, 61))
    file.close()
    assert capfd.readouterr().err == ""
