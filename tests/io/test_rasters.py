"""TIFF and JPEG 2000 files of every kind: whole and in windows alike, with and without rasterio."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import raz
from raz.errors import InputError, ResourceError
from raz.io.decoding import decode, read_image_size
from raz.io.opening import quiet_decoders
from raz.io.rasters import Reading, open_raster
from raz.io.small_copy import small_copy
from raz.io.windows import open_windows

rasterio = pytest.importorskip("rasterio")
SIZE = (37, 61)  # (h, w)
COMPRESSIONS = [None, "lzw", "deflate", "packbits", "zstd", "lzma", "lerc", "webp", "jpeg"]


def samples(bands: int, most: int = 65535, dtype: type = np.uint16, size=SIZE) -> np.ndarray:
    """Noise [h, w, n] that reaches the greatest value in every band."""
    rng = np.random.default_rng(bands)
    noise = rng.random((*size, bands)) * most
    noise[0, 0] = most
    return noise.astype(dtype)


def raster(path, bands: np.ndarray, **options) -> str:
    """Write [h, w, n] by rasterio; photometric and alpha as GDAL chooses, if not said."""
    height, width, count = bands.shape
    shape = {"width": width, "height": height, "count": count, "dtype": bands.dtype}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "w", **{"driver": "GTiff", **shape, **options}) as file,
    ):
        file.write(bands.transpose(2, 0, 1))
    return str(path)


def stored(path) -> np.ndarray:
    """The samples as rasterio decodes them: [h, w, n]."""
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path) as file,
    ):
        return file.read().transpose(1, 2, 0)


def in_windows(path, **reading) -> np.ndarray:
    """The whole image, put together from windows."""
    file = open_windows(path, longer_than=1, reading=Reading(**reading))
    assert file is not None
    width, height = file.image_size
    whole = np.empty((height, width, 3), np.uint8)
    for y, x in itertools.product(range(0, height, 20), range(0, width, 25)):
        part = file.read((x, y, min(x + 25, width), min(y + 20, height)))
        whole[y : y + 20, x : x + 25] = part.permute(1, 2, 0)
    file.close()
    return whole


def assert_reads(path, expected: np.ndarray, **reading) -> None:
    """Whole and in windows."""
    whole = decode(path, reading=Reading(**reading))
    np.testing.assert_array_equal(whole.pixels, expected)
    np.testing.assert_array_equal(in_windows(path, **reading), expected)
    assert read_image_size(path) == expected.shape[1::-1]


@pytest.fixture
def no_rasterio(monkeypatch):
    real = importlib.import_module

    def import_module(name: str, *arguments: object) -> object:
        if name == "rasterio":
            raise ImportError
        return real(name, *arguments)

    return lambda: monkeypatch.setattr(importlib, "import_module", import_module)


def over_white(bands: np.ndarray) -> np.ndarray:
    """RGB of [h, w, 3 or 4] of eight bits, by Pillow."""
    if bands.shape[2] == 3:
        return bands
    image = Image.fromarray(bands)
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


@pytest.mark.parametrize("compress", COMPRESSIONS, ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8", "16"])
@pytest.mark.parametrize("interleave", ["pixel", "band"], ids=["chunky", "planar"])
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    count=st.sampled_from([3, 4]),
    tiled=st.booleans(),
    height=st.integers(1, 40),
    width=st.integers(2, 40),
    rows=st.integers(1, 40),
)
def test_rgb_and_rgba_are_what_rasterio_decodes(
    compress, dtype, interleave, count, tiled, height, width, rows, tmp_path
):
    if compress in ("webp", "jpeg") and (dtype == np.uint16 or interleave == "band"):
        return
    if compress == "jpeg" and count == 4:
        return
    bands = samples(count, int(np.iinfo(dtype).max), dtype, (height, width))
    if compress == "jpeg":
        rows = -(-rows // 8) * 8
    options = {"tiled": True, "blockxsize": 32, "blockysize": 16} if tiled else {"blockysize": rows}
    options |= {"compress": compress} if compress else {}
    options |= {"ALPHA": "YES"} if count == 4 else {}
    path = raster(tmp_path / "a.tif", bands, interleave=interleave, photometric="rgb", **options)
    eight = (stored(path) >> (8 if dtype == np.uint16 else 0)).astype(np.uint8)
    assert_reads(path, over_white(eight))


@pytest.mark.parametrize("compress", [None, "lzw", "deflate", "packbits"], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8", "16"])
@pytest.mark.parametrize("interleave", ["pixel", "band"], ids=["chunky", "planar"])
@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize("most", [1023, 65535])
def test_without_rasterio_the_same_or_nothing(
    compress, dtype, interleave, count, most, tmp_path, no_rasterio
):
    bands = samples(count, min(most, int(np.iinfo(dtype).max)), dtype)
    options = {"photometric": "rgb"} if count > 1 else {}
    options |= {"ALPHA": "YES"} if count == 4 else {}
    options |= {"compress": compress} if compress else {}
    path = raster(tmp_path / "a.tif", bands, interleave=interleave, **options)
    expected = decode(path).pixels
    no_rasterio()
    if compress is None and dtype == np.uint16 and interleave == "band":
        with pytest.raises(InputError, match=r'a\.tif: 16-bit planar \w+ TIFF.*"\.\[tiles\]"'):
            decode(path)
    elif dtype == np.uint16 and interleave == "band" and count > 1 and most < 65535:
        with pytest.raises(InputError, match=r'a\.tif: planar TIFF of less .*"\.\[tiles\]"'):
            decode(path)
    else:
        np.testing.assert_array_equal(decode(path).pixels, expected)


FLOATS = samples(4, 1, np.float32)
NIR = samples(4)
GREY = {"photometric": "minisblack"}
UNUSUAL = {
    "RGBN": (NIR, {"photometric": "rgb", "ALPHA": "NO"}, (1, 2, 3)),
    "RGBN planar": (NIR, {"photometric": "rgb", "ALPHA": "NO", "interleave": "band"}, (1, 2, 3)),
    "grey of 4 bands": (NIR, GREY, (1, 2, 3)),
    "grey of 3 bands, 8 bits": (samples(3, 255, np.uint8), GREY, (1, 2, 3)),
    "grey of 2 bands": (samples(2), GREY, (1, 1, 1)),
    "float": (FLOATS[..., :1], {}, (1, 1, 1)),
    "float of 3 bands": (FLOATS[..., :3], {"photometric": "rgb"}, (1, 2, 3)),
    "float of 4 bands": (FLOATS, {"compress": "deflate", "predictor": 3}, (1, 2, 3)),
    "LERC": (NIR[..., :3], {"photometric": "rgb", "compress": "lerc"}, (1, 2, 3)),
    "LERC of floats": (FLOATS[..., :1], {"compress": "lerc_zstd"}, (1, 1, 1)),
    "double": (FLOATS[..., :1].astype(np.float64), {}, (1, 1, 1)),
    "signed": (samples(1, 32767, np.int16), {}, (1, 1, 1)),
    "32 bits": (samples(1, 65535, np.uint32), {}, (1, 1, 1)),
    "COG": (NIR[..., :3], {"driver": "COG"}, (1, 2, 3)),
    "COG, 8 bits": (samples(3, 255, np.uint8), {"driver": "COG"}, (1, 2, 3)),
}


def eight_bits(bands: np.ndarray) -> np.ndarray:
    if bands.dtype.kind == "f":
        return np.rint(bands * 255).astype(np.uint8)
    return (bands >> {1: 0, 2: 7 if bands.dtype == np.int16 else 8, 4: 8}[bands.itemsize]).astype(
        np.uint8
    )


@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_gdal_writes_is_read_at_any_size(kind, tmp_path):
    bands, options, chosen = UNUSUAL[kind]
    path = raster(tmp_path / "a.tif", bands, **options)
    assert_reads(path, eight_bits(bands[..., [band - 1 for band in chosen]]))
    notes = decode(path).notes
    guessed = options.get("photometric") != "rgb" and bands.shape[2] > 1 and "8 bits" not in kind
    if "grey of" in kind or guessed:
        assert f"does not say which colours its {bands.shape[2]} bands are" in notes[0]
    elif kind != "signed":
        assert notes == ()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("RGBN planar", "16-bit planar RGB TIFF of 4 bands"),
        ("grey of 4 bands", "16-bit grey TIFF of 4 bands"),
        ("float of 3 bands", "32-bit floating-point RGB TIFF"),
        ("LERC", "16-bit RGB TIFF, LERC"),
        ("double", "64-bit floating-point grey TIFF"),
    ],
)
def test_without_rasterio_the_kind_and_the_extra_are_named(kind, words, tmp_path, no_rasterio):
    bands, options, _ = UNUSUAL[kind]
    path = raster(tmp_path / "a.tif", bands, **options)
    no_rasterio()
    for read in (decode, read_image_size):
        with pytest.raises(InputError) as caught:
            read(path)
        assert f"a.tif: {words}: not a kind that is read without rasterio" in str(caught.value)
        assert 'pip install ".[tiles]"' in str(caught.value)


def test_webp_inside_a_tiff(tmp_path, no_rasterio):
    bands = samples(3, 255, np.uint8)
    options = {"photometric": "rgb", "compress": "webp", "WEBP_LOSSLESS": "YES"}
    path = raster(tmp_path / "a.tif", bands, **options)
    assert_reads(path, bands)
    no_rasterio()
    try:  # Pillow's libtiff may know it
        np.testing.assert_array_equal(decode(path).pixels, bands)
    except InputError as error:
        assert "8-bit RGB TIFF, WebP" in str(error) and "[tiles]" in str(error)  # noqa: PT017, PT018


@pytest.mark.parametrize("kind", ["RGBN", "grey of 4 bands", "float of 4 bands"])
@pytest.mark.parametrize("chosen", [(4, 3, 2), (2,)])
def test_bands_can_be_chosen(kind, chosen, tmp_path):
    bands, options, _ = UNUSUAL[kind]
    path = raster(tmp_path / "a.tif", bands, **options)
    expected = eight_bits(bands[..., [band - 1 for band in chosen]])
    assert_reads(path, np.broadcast_to(expected, (*SIZE, 3)), bands=chosen)
    assert decode(path, reading=Reading(bands=chosen)).notes == ()


def test_bands_that_are_not_there(tmp_path):
    path = raster(tmp_path / "a.tif", NIR)
    with pytest.raises(InputError, match=r"a\.tif: bands is 5,1,1; the file has 4"):
        decode(path, reading=Reading(bands=(5, 1, 1)))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: bands is 3,2,1; it chooses bands of TIFF"):
        decode(tmp_path / "a.png", reading=Reading(bands=(3, 2, 1)))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"bits": 7}, ValueError, "bits is 7; it must be an integer from 8 to 16"),
        ({"bits": 17}, ValueError, "bits is 17"),
        ({"bits": True}, TypeError, "bits is True"),
        ({"bits": 12.0}, TypeError, r"bits is 12\.0"),
        ({"bands": "123"}, TypeError, "bands is '123'; it must be one or three numbers of bands"),
        ({"bands": 3}, TypeError, "bands is 3"),
        ({"bands": (1, 2)}, ValueError, r"bands is \(1, 2\)"),
        ({"bands": (0, 1, 2)}, ValueError, "from 1"),
        ({"bands": (1, 2, 3.0)}, TypeError, "bands"),
    ],
)
def test_wrong_readings(options, error, words):
    with pytest.raises(error, match=words):
        Reading(**options)


def test_colours_that_the_file_names_are_found_wherever_they_are(tmp_path):
    path = raster(tmp_path / "a.tif", NIR, **GREY)
    names = ["blue", "green", "red", "undefined"]
    with quiet_decoders(), rasterio.open(path, "r+") as file:
        file.colorinterp = [rasterio.enums.ColorInterp[name] for name in names]
    assert_reads(path, eight_bits(NIR[..., [2, 1, 0]]))
    assert decode(path).notes == ()


def test_samples_without_data_are_black_and_do_not_count(tmp_path):
    bands = samples(1, 4095)
    bands[3, :9] = 65535
    path = raster(tmp_path / "a.tif", bands, nodata=65535)
    expected = (bands >> 4).astype(np.uint8)
    expected[3, :9] = 0
    assert_reads(path, np.broadcast_to(expected, (*SIZE, 3)))
    for empty in (np.nan, -9999.0):
        floats = FLOATS[..., :1].copy()
        floats[3, :9] = empty
        path = raster(tmp_path / "b.tif", floats, nodata=empty)
        expected = np.rint(floats.clip(0, 1) * 255)
        expected[3, :9] = 0
        assert_reads(path, np.broadcast_to(expected.astype(np.uint8), (*SIZE, 3)))


@pytest.mark.parametrize("nodata", [65535, 0])
def test_alpha_is_never_without_data(nodata, tmp_path):
    bands = np.full((*SIZE, 4), 40_000, np.uint16)
    bands[..., 3] = 65535
    bands[3, :9, 3] = 0
    path = raster(tmp_path / "a.tif", bands, photometric="RGB", alpha="yes", nodata=nodata)
    expected = np.full((*SIZE, 3), 40_000 >> 8)
    expected[3, :9] = 255
    assert_reads(path, expected)


@pytest.mark.parametrize("step", ["np.empty", "upright"])
def test_an_image_beyond_memory_is_named(step, tmp_path, monkeypatch):
    path = raster(tmp_path / "a.tif", samples(1, 255, np.uint8))

    def full(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(f"raz.io.rasters.{step}", full)
        with pytest.raises(ResourceError, match=r"a\.tif: the image does not fit into memory"):
            decode(path)


def test_floats_have_a_range(tmp_path):
    path = raster(tmp_path / "a.tif", FLOATS * 255)
    with pytest.raises(InputError, match=r"from .* to 255; they must lie in 0\.\.1, or bits"):
        decode(path)
    with pytest.raises(InputError, match=r"they must lie in 0\.\.1"):
        in_windows(path)
    assert_reads(path, np.rint(FLOATS[..., :3] * 255).astype(np.uint8), bits=8)


JPEG2000 = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}


@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
@pytest.mark.parametrize(
    ("count", "most", "bits"),
    [(1, 255, 8), (3, 255, 8), (1, 4095, 12), (3, 4095, 12), (3, 65535, 16), (5, 65535, 16)],
)
def test_jpeg_2000(count, most, bits, suffix, tmp_path, no_rasterio):
    kind = np.uint8 if most == 255 else np.uint16
    bands = samples(count, most, kind)
    options = {} if bits % 8 == 0 else {"NBITS": bits}
    path = raster(tmp_path / f"a{suffix}", bands, **JPEG2000, **options)
    chosen = [0] if count == 1 else [0, 1, 2]
    expected = np.broadcast_to((bands[..., chosen] >> (bits - 8)).astype(np.uint8), (*SIZE, 3))
    assert_reads(path, expected)
    no_rasterio()
    # Pillow knows no unnamed colours of a .jp2, and GDAL does not name them.
    if count > 1 and (bits > 8 or suffix == ".jp2"):
        with pytest.raises(InputError, match=r"JPEG 2000.*\[tiles\]"):
            decode(path)
    else:
        np.testing.assert_array_equal(decode(path).pixels, expected)
        assert open_windows(path, longer_than=1) is None


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_jpeg_2000_of_named_colours(mode, tmp_path, no_rasterio):
    path = tmp_path / "a.jp2"
    image = Image.fromarray(samples(4, 255, np.uint8)).convert(mode)
    image.save(path, irreversible=False)
    expected = decode(image).pixels
    assert_reads(path, expected)
    no_rasterio()
    np.testing.assert_array_equal(decode(path).pixels, expected)


@pytest.mark.parametrize("count", [1, 3])
def test_jpeg_2000_of_few_bits_in_16(count, tmp_path, no_rasterio):
    path = raster(tmp_path / "a.jp2", samples(count, 1023), **JPEG2000)
    expected = (samples(count, 1023) >> 2).astype(np.uint8)
    assert_reads(path, np.broadcast_to(expected, (*SIZE, 3)))
    assert "taken as 10-bit values" in decode(path).notes[0]
    no_rasterio()
    if count == 1:
        np.testing.assert_array_equal(decode(path).pixels[..., :1], expected)
        assert "taken as 10-bit values" in decode(path).notes[0]
    else:
        with pytest.raises(InputError, match=r"16-bit JPEG 2000 of 3 bands.*\[tiles\]"):
            decode(path)


def test_a_file_is_as_it_is_whatever_lies_beside_it(tmp_path):
    path = raster(tmp_path / "a.tif", NIR, **GREY)
    (tmp_path / "a.tif.msk").write_bytes(b"no mask")
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset>")
    assert_reads(path, eight_bits(NIR[..., :3]))


def test_content_in_memory(tmp_path):
    path = raster(tmp_path / "a.tif", NIR, **GREY)
    with open(path, "rb") as file:
        found = decode(file.read())
    np.testing.assert_array_equal(found.pixels, eight_bits(NIR[..., :3]))
    assert open_raster("bytes", data=b"none") is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bits=st.integers(8, 16),
    count=st.sampled_from([1, 3, 4]),
    brightest=st.tuples(st.integers(0, SIZE[0] - 1), st.integers(0, SIZE[1] - 1)),
    tiled=st.booleans(),
    part=st.sampled_from([1, 100, 10**6]),
)
def test_bits_are_those_of_the_whole_file_in_every_window(
    bits, count, brightest, tiled, part, tmp_path
):
    """Wherever the greatest value is: the first window that is read may be dark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raz.io.rasters._STRIP_PIXELS", part)
        bands = samples(count, 2 ** (bits - 1) - 1)
        bands[brightest] = 2**bits - 1
        options = (
            {"tiled": True, "blockxsize": 16, "blockysize": 16} if tiled else {"blockysize": 5}
        )
        options |= {"photometric": "rgb", "ALPHA": "NO"} if count > 1 else {}
        path = raster(tmp_path / "a.tif", bands, compress="deflate", **options)
        expected = (bands[..., :3] >> (bits - 8)).astype(np.uint8)
        assert_reads(path, np.broadcast_to(expected, (*SIZE, 3)))


def test_the_note_of_a_file_read_in_windows_is_in_the_result(tmp_path):
    crowd = np.zeros((300, 300, 4), np.uint16)
    crowd[9, 9] = 4095
    path = str(tmp_path / "a.tif")
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(0.1, 0, 5e5, 0, -0.1, 5e6)}
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=300, count=4, dtype="uint16", **place
    ) as file:
        file.write(crowd.transpose(2, 0, 1))
    result = raz.predict(path, depth=1, tile=256, overlap="fast")
    assert result.image is None
    assert [line.split(",")[0] for line in result.warnings[:2]] == [
        "the file does not say which colours its 4 bands are; bands 1",
        "its samples have room for 16 bits but are at most 4095",
    ]
    assert result.georeference is not None
    assert result.georeference.epsg == 32632
    chosen = raz.predict(path, depth=1, tile=256, overlap="fast", bits=12, bands=(4, 3, 2))
    assert not any("bands" in line or "bits" in line for line in chosen.warnings)


def test_of_a_file_read_in_windows_the_bands_and_bits_that_were_counted_are_drawn(tmp_path):
    floats = np.zeros((300, 300, 4), np.float32)
    floats[..., 0] = 4095
    path = raster(tmp_path / "a.tif", floats)
    result = raz.predict(path, depth=1, tile=256, overlap="fast", bits=12, bands=[3, 2, 1])
    assert result.image is None
    assert result.plot(points=False, caption=False).getpixel((5, 5)) == (0, 0, 255)
    assert small_copy(result, 100).getpixel((5, 5)) == (0, 0, 255)


def test_stated_bits_do_not_share_an_array_with_the_caller():
    array = np.zeros((20, 30, 3), np.uint8)
    result = raz.predict(array, depth=1, bits=12)
    array[:] = 9
    assert result.image.max() == 0


def test_a_file_that_rasterio_cannot_open_is_left_to_pillow(tmp_path, monkeypatch):
    Image.fromarray(samples(3, 255, np.uint8)).save(tmp_path / "a.tif")

    def fail(*_, **__):
        raise rasterio.errors.RasterioIOError("no codec")

    monkeypatch.setattr(rasterio, "open", fail)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif").pixels, samples(3, 255, np.uint8))
    assert open_windows(tmp_path / "a.tif", longer_than=1) is None
