"""Few bits in a deep container: one scene counts the same, however deep it is stored."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import raz
from images import png, scene
from raz.cli.main import main
from raz.errors import InputError
from raz.io.colours import Samples, bits_of, to_rgb
from raz.io.decoding import decode, read_image, to_image
from raz.io.pillow import _ppm_bands
from raz.io.rasters import Reading

BITS = [8, 10, 11, 12, 14]
EIGHT = scene(24, 21)
EIGHT[-1, -1] = 255


def deep(bits: int) -> np.ndarray:
    """The scene in values of so many bits, the lower ones noise: uint16 [h, w, 3]."""
    noise = np.random.default_rng(bits).integers(0, 2 ** (bits - 8), EIGHT.shape)
    return (EIGHT.astype(np.uint16) << (bits - 8) | noise).astype(np.uint16)


def deep_png(path, bands: np.ndarray):
    """[h, w, 1 to 4] as a PNG of 16 bits; Pillow writes grey alone."""
    height, width, number = bands.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in bands)
    return png(path, width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[number], rows)


def deep_ppm(path, bands: np.ndarray, *, most: int = 65535, plain: bool = False):
    kind = {(1, False): 5, (3, False): 6, (1, True): 2, (3, True): 3}[bands.shape[2], plain]
    header = f"P{kind}\n{bands.shape[1]} {bands.shape[0]}\n{most}\n".encode()
    text = " ".join(map(str, bands.ravel().tolist())).encode()
    path.write_bytes(header + (text if plain else bands.astype(">u2").tobytes()))
    return path


def tiff(path, bands: np.ndarray, tags=(), *, order: str = "<", photometric: int | None = None):
    """An uncompressed TIFF of 16-bit samples, by hand."""
    height, width, number = bands.shape
    entries = {256: width, 257: height, 259: 1, 277: number, 278: height}
    entries |= {262: photometric if photometric is not None else 1 if number == 1 else 2}
    if number in (2, 4):
        entries[338] = 2
    entries |= {279: bands.nbytes, **dict(tags)}
    body = bands.astype(f"{order}u2").tobytes()
    bits = struct.pack(f"{order}{number}H", *[16] * number)
    entries |= {273: 8, 258: 16 if number == 1 else 8 + len(body)}
    if 341 in entries:
        bits += struct.pack(f"{order}{number}H", *[entries[341]] * number)
        entries[341] = entries[341] if number == 1 else 8 + len(body) + 2 * number
    directory = struct.pack(f"{order}H", len(entries))
    for tag, value in sorted(entries.items()):
        kind, count = (3, number) if tag in (258, 341) and number > 1 else (4, 1)
        packed = struct.pack(f"{order}I", value)
        if tag == 258 and number == 2:
            packed = bits
        directory += struct.pack(f"{order}HHI", tag, kind, count) + packed
    start = 8 + len(body) + len(bits)
    header = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, start)
    path.write_bytes(header + body + bits + directory + b"\0" * 4)
    return path


GREY = np.repeat(EIGHT[..., 1:2], 3, axis=2)
FILES = {
    "grey PNG": (lambda path, bands: deep_png(path, bands[..., 1:2]), GREY),
    "RGB PNG": (deep_png, EIGHT),
    "grey TIFF": (lambda path, bands: tiff(path, bands[..., 1:2]), GREY),
    "RGB TIFF": (tiff, EIGHT),
    "RGB TIFF, big-endian": (lambda path, bands: tiff(path, bands, order=">"), EIGHT),
    "PGM": (lambda path, bands: deep_ppm(path, bands[..., 1:2]), GREY),
    "PPM": (deep_ppm, EIGHT),
    "plain PPM": (lambda path, bands: deep_ppm(path, bands, plain=True), EIGHT),
}


@pytest.fixture(params=[True, False], ids=["rasterio", "Pillow"])
def reader(request, monkeypatch):
    """With rasterio and without."""
    if request.param:
        pytest.importorskip("rasterio")
    else:
        monkeypatch.setattr("raz.io.decoding.open_raster", lambda *_, **__: None)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("bits", BITS)
def test_the_bits_of_a_file_are_those_that_its_greatest_value_needs(kind, bits, tmp_path, reader):
    write, expected = FILES[kind]
    path = write(tmp_path / "deep", deep(bits))
    pixels, notes = decode(path)
    np.testing.assert_array_equal(pixels, expected)
    (note,) = notes
    assert f"so they are taken as {bits}-bit values; bits (--bits)" in note


@pytest.mark.parametrize("kind", FILES)
def test_16_bits_need_no_note(kind, tmp_path, reader):
    write, expected = FILES[kind]
    pixels, notes = decode(write(tmp_path / "deep", deep(16)))
    np.testing.assert_array_equal(pixels, expected)
    assert notes == ()


@pytest.mark.parametrize("kind", FILES)
def test_the_caller_states_the_bits(kind, tmp_path, reader):
    write, expected = FILES[kind]
    path = write(tmp_path / "deep", deep(12) >> 2)  # a dark scene of 12 bits
    assert "10-bit" in decode(path).notes[0]
    pixels, notes = decode(path, reading=Reading(bits=12))
    np.testing.assert_array_equal(pixels, expected >> 2)
    assert notes == ()
    pixels, _ = decode(path, reading=Reading(bits=8))  # what is beyond is white, not wrapped
    np.testing.assert_array_equal(pixels, np.minimum(255, _scaled(write, expected)))


def _scaled(write, expected):
    values = deep(12) >> 2
    return values if expected is EIGHT else np.repeat(values[..., 1:2], 3, axis=2)


@pytest.mark.parametrize("channel", [slice(1, 2), slice(None)], ids=["grey", "RGB"])
@pytest.mark.parametrize("most", [4095, 4080])
def test_a_tiff_states_its_greatest_value(channel, most, tmp_path, reader):
    bands = (deep(12) >> 2)[..., channel]
    pixels, notes = decode(tiff(tmp_path / "a.tif", bands, {341: most}))
    np.testing.assert_array_equal(pixels, np.broadcast_to(bands >> 4, EIGHT.shape))
    assert notes == ()


@pytest.mark.parametrize("bits", BITS)
def test_an_image_of_pillow(bits):
    grey = deep(bits)[..., 1]
    for image in (Image.fromarray(grey), Image.fromarray(grey.astype(np.int32))):
        pixels, notes = decode(image)
        np.testing.assert_array_equal(pixels, GREY)
        assert f"{bits}-bit" in notes[0]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_deep_png_that_pillow_has_opened(number, tmp_path):
    bands = deep(12)
    if number != 3:  # grey or RGB, and alpha
        bands = np.concatenate([bands[..., : number - 1], bands[..., :1]], axis=2)
    path = deep_png(tmp_path / "a.png", bands)
    expected = decode(path).pixels
    for source in (path, io.BytesIO(path.read_bytes())):
        with Image.open(source) as image:
            assert torch.equal(to_image(image), torch.from_numpy(expected).permute(2, 0, 1))


def test_an_interlaced_png(tmp_path):
    """Adam7: seven passes, each a smaller image (PNG, section 8.2)."""
    bands, height, width = deep(12), *EIGHT.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    rows = b"".join(
        b"\0" + row.astype(">u2").tobytes()
        for top, left, down, right in [*passes, (1, 0, 2, 1)]
        for row in bands[top::down, left::right]
    )
    path = png(tmp_path / "a.png", width, height, 16, 2, rows)
    data = bytearray(path.read_bytes())
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    np.testing.assert_array_equal(decode(path).pixels, EIGHT)


def over_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    rgba = Image.fromarray(np.concatenate([colours, alpha], axis=2))
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


@pytest.mark.parametrize("write", [deep_png, tiff])
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("alpha_bits", [12, 16])
def test_alpha_has_bits_of_its_own(write, number, alpha_bits, tmp_path, reader):
    if write is tiff and number == 1:
        return  # Pillow knows no such TIFF
    alpha = np.full((*EIGHT.shape[:2], 1), 255, np.uint8)
    alpha[:9, :9] = 0
    alpha[9:12] = 77
    colours = EIGHT if number == 3 else GREY
    bands = [deep(10)[..., 1 : 1 + number] if number == 1 else deep(10)]
    bands.append(alpha.astype(np.uint16) << (alpha_bits - 8) | 1)
    path = write(tmp_path / "a", np.concatenate(bands, axis=2))
    pixels, notes = decode(path)
    np.testing.assert_array_equal(pixels, over_white(colours, alpha))
    assert "10-bit" in notes[0]


@pytest.mark.parametrize("bits", [12, 16])
def test_a_transparent_colour_of_16_bits(bits, tmp_path):
    bands = deep(bits)
    bands[5:9, 5:9] = (1000, 1001, 1002)
    path = deep_png(tmp_path / "a.png", bands)
    data = path.read_bytes()
    chunk = io.BytesIO()
    PngImagePlugin.putchunk(chunk, b"tRNS", struct.pack(">3H", 1000, 1001, 1002))
    path.write_bytes(data[:33] + chunk.getvalue() + data[33:])
    expected = EIGHT.copy()
    expected[5:9, 5:9] = 255
    np.testing.assert_array_equal(decode(path).pixels, expected)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_transparent_grey_of_16_bits(bits, tmp_path):
    bands = deep(bits)[..., 1:2].copy()
    bands[5:9, 5:9] = 1000
    path = deep_png(tmp_path / "a.png", bands)
    data = path.read_bytes()
    chunk = io.BytesIO()
    PngImagePlugin.putchunk(chunk, b"tRNS", struct.pack(">H", 1000))
    path.write_bytes(data[:33] + chunk.getvalue() + data[33:])
    expected = np.repeat(bands >> (bits - 8), 3, axis=2)
    expected[(bands == 1000)[..., 0]] = 255
    np.testing.assert_array_equal(decode(path).pixels, expected)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_deep_grey_from_white_to_black(bits, tmp_path, reader):
    inverted = (2**bits - 1 - deep(bits)[..., 1:2]).astype(np.uint16)
    inverted[0, 0] = 2**bits - 1
    expected = 255 - (inverted >> (bits - 8)).astype(np.uint8)
    path = tiff(tmp_path / "a.tif", inverted, photometric=0)
    np.testing.assert_array_equal(decode(path).pixels, np.repeat(expected, 3, axis=2))
    with Image.open(path) as image:
        np.testing.assert_array_equal(decode(image).pixels, np.repeat(expected, 3, axis=2))


def test_a_ppm_of_text_takes_little_more_memory_than_its_text():
    text = b"12345 " * (3 * 200 * 200)
    image = Image.new("RGB", (200, 200))
    tracemalloc.start()
    try:
        bands = _ppm_bands(text, 0, plain=True)(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (bands(0, 200) == 12345).all()
    assert peak < 2 * len(text)  # as Python's numbers seven times


def test_a_ppm_that_states_its_greatest_value_is_scaled_by_it(tmp_path):
    grey = np.array([[[0], [2048], [4095]]])
    for plain in (False, True):
        path = deep_ppm(tmp_path / "a.pgm", grey, most=4095, plain=plain)
        pixels, notes = decode(path)
        assert pixels[0, :, 0].tolist() == [0, 128, 255]
        assert notes == ()


@pytest.mark.parametrize("kind", FILES)
def test_a_dead_pixel_of_16_bits_is_noted(kind, tmp_path, reader):
    write, expected = FILES[kind]
    bands = np.tile(deep(12), (3, 3, 1))
    bands[7, 7] = 65535
    path = write(tmp_path / "deep", bands)
    pixels, notes = decode(path)
    assert pixels.max() == 255
    seen = bands[..., : 3 if expected is EIGHT else 1].size
    assert notes[0].startswith(
        f"all but {seen // bands[..., 0].size} of its {seen} samples are below"
    )
    pixels, notes = decode(path, reading=Reading(bits=12))
    np.testing.assert_array_equal(pixels[20:], np.tile(expected, (3, 3, 1))[20:])
    assert notes == ()


def test_black_is_black(tmp_path):
    assert decode(Image.new("I;16", (4, 4))).notes == ()
    path = deep_png(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint16))
    assert decode(path).notes == ()
    assert decode(path).pixels.max() == 0


@given(st.integers(8, 16), st.integers(0, 65535))
def test_conversion_keeps_the_upper_eight_bits(bits, value):
    bands = np.array([[[value]]], np.uint16)
    assert to_rgb(bands, Samples(bits))[0, 0, 0] == min(255, value >> (bits - 8))
    assert value < 2 ** bits_of(value)


def test_a_warning_reaches_the_log_the_result_and_its_json(tmp_path, caplog):
    path = deep_png(tmp_path / "a.png", deep(12))
    result = raz.predict(path, depth=1)
    assert "taken as 12-bit values" in result.warnings[0]
    assert json.loads(result.to_json())["warnings"] == list(result.warnings)
    assert [record.levelname for record in caplog.records if "12-bit" in record.message] == [
        "WARNING"
    ]
    assert raz.predict(path, depth=1, bits=12).warnings == result.warnings[1:]


def test_the_count_does_not_depend_on_the_container(tmp_path):
    crowd = np.asarray(Image.open(next(iter(_photographs()))).convert("RGB").resize((160, 120)))
    count = raz.predict(crowd, depth=1).count
    for bits in (8, 12, 16):
        bands = crowd.astype(np.uint16) << (bits - 8)
        bands[0, 0] = 2**bits - 1
        path = deep_png(tmp_path / "a.png", bands)
        assert raz.predict(path, depth=1).count == pytest.approx(count, rel=0.02)


def _photographs():
    from raz.cli.bench import CROWD

    return [CROWD]


def test_a_data_set_warns_once_of_one_kind(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("raz.io.decoding._said", set())
    for bits in (10, 12, 12):
        read_image(deep_png(tmp_path / f"{bits}.png", deep(bits)))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_command_line_states_bits_and_bands(tmp_path, capsys):
    path = str(deep_png(tmp_path / "a.png", deep(12)))
    assert main(["predict", path, "--json", "--depth", "1"]) == 0
    out = capsys.readouterr()
    assert "12-bit" in json.loads(out.out)["warnings"][0]
    assert "12-bit" in out.err
    assert main(["predict", path, "--json", "--depth", "1", "--bits", "12"]) == 0
    assert not any("12-bit" in line for line in json.loads(capsys.readouterr().out)["warnings"])
    for wrong in (["--bits", "7"], ["--bits", "x"], ["--bands", "1,2"], ["--bands", "0"]):
        assert main(["predict", path, *wrong]) == 2
    assert main(["predict", path, "--bands", "3,2,1"]) == 3


def test_a_plot_shows_what_was_counted(tmp_path):
    path = deep_png(tmp_path / "a.png", deep(12) >> 2)
    result = raz.predict(path, depth=1, bits=12)
    assert result.image is not None
    np.testing.assert_array_equal(result.image.permute(1, 2, 0), EIGHT >> 2)


def test_integers_out_of_range_are_refused_whatever_bits_are_stated(tmp_path):
    image = Image.fromarray(np.array([[0, 70_000]], np.int32))
    for reading in (Reading(), Reading(bits=12)):
        with pytest.raises(InputError, match=r"range from 0 to 70000; they must lie in 0\.\.65535"):
            decode(image, reading=reading)
