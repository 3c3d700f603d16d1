from __future__ import annotations

import logging
import os
import re
import struct
import threading
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFile, ImageOps

from images import BAD, a_folder, bomb, png, scene
from raz.errors import InputError
from raz.io.decoding import decode, read_image, read_image_size, to_image

WHITE = (255, 255, 255)


@pytest.mark.parametrize(("make", "reason"), BAD.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_bad_file_is_named_with_its_reason_in_one_line(make, reason, tmp_path):
    path = make(tmp_path)
    with pytest.raises(InputError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_image(a_folder(tmp_path))


def test_name_with_a_nul_character_is_refused():
    with pytest.raises(InputError, match="null"):
        read_image("a\0b.jpg")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "secret.png"
    Image.fromarray(scene()).save(path)
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_image(path)


def test_size_is_refused_before_pixels_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were loaded"))
    with pytest.raises(InputError, match="max_pixels"):
        read_image(bomb(tmp_path))


def test_gif_of_a_lying_size_is_refused(tmp_path):
    path = tmp_path / "bomb.gif"
    Image.new("P", (4, 4)).save(path)
    data = bytearray(path.read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"  # 65,535 x 65,535
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="over the limit"):
        read_image(path)


def test_limit_is_ours_and_exact(tmp_path, monkeypatch):
    path = tmp_path / "photo.png"
    Image.fromarray(scene(10, 20)).save(path)
    # Pillow would warn of 200 pixels, which is an error here; older ones also when a strip is cut.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    assert read_image(path, max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(InputError, match="20 x 10 pixels are over the limit of 199"):
        read_image(path, max_pixels=199)
    assert Image.MAX_IMAGE_PIXELS == 150


def test_error_in_one_image_leaves_filters_and_limit_alone(tmp_path):
    before, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    with pytest.raises(InputError):
        read_image(bomb(tmp_path))
    assert warnings.filters == before
    assert limit == Image.MAX_IMAGE_PIXELS


def test_threads_may_read_at_once(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene(200, 200)).save(path)
    before = list(warnings.filters)
    read = []
    threads = [threading.Thread(target=lambda: read.append(read_image(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 8
    assert all((pixels == scene(200, 200)).all() for pixels in read)
    assert warnings.filters == before


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm", ".webp"])
def test_rgb_is_read_as_it_is(suffix, tmp_path):
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(scene()).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    np.testing.assert_array_equal(pixels, scene())


def test_many_strips_join(tmp_path, monkeypatch):
    monkeypatch.setattr("raz.io.pillow._STRIP_PIXELS", 50)
    path = tmp_path / "photo.png"
    Image.fromarray(scene(37, 20)).save(path)
    np.testing.assert_array_equal(read_image(path), scene(37, 20))


def test_one_pixel(tmp_path):
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1), (9, 8, 7)).save(path)
    assert read_image(path).tolist() == [[[9, 8, 7]]]


def test_grey_is_repeated(tmp_path):
    path = tmp_path / "grey.png"
    grey = scene()[..., 0]
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_image(path), np.repeat(grey[..., None], 3, axis=2))


def test_bilevel(tmp_path):
    path = tmp_path / "bilevel.png"
    Image.fromarray(scene()[..., 0] > 100).save(path)
    assert read_image(path)[0, 0].tolist() == [0, 0, 0]
    assert read_image(path)[0, -1].tolist() == [255, 255, 255]


def test_palette_is_looked_up(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.fromarray(scene()).quantize(16)
    image.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(image.convert("RGB")))


def test_transparent_palette_lies_over_white(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(path, transparency=b"\x00\xff")
    assert read_image(path).tolist() == [[list(WHITE), [40, 50, 60]]]


def test_transparent_colour_lies_over_white(tmp_path):
    path = tmp_path / "key.png"
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (7, 8, 9))
    image.save(path, transparency=(1, 2, 3))
    assert read_image(path).tolist() == [[list(WHITE), [7, 8, 9]]]


@pytest.mark.parametrize(
    ("mode", "colours", "expected"),
    [
        ("LA", [(100, 255), (100, 0), (0, 51)], [(100,) * 3, WHITE, (204,) * 3]),
        ("RGBA", [(9, 8, 7, 255), (9, 8, 7, 0), (0, 0, 0, 51)], [(9, 8, 7), WHITE, (204,) * 3]),
    ],
)
def test_alpha_lies_over_white(mode, colours, expected, tmp_path):
    path = tmp_path / "alpha.png"
    image = Image.new(mode, (3, 1))
    for x, colour in enumerate(colours):
        image.putpixel((x, 0), colour)
    image.save(path)
    np.testing.assert_array_equal(read_image(path)[0], expected)


def test_cmyk_jpeg(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path)
    assert np.abs(read_image(path).astype(int) - (255, 0, 0)).max() <= 3


def test_16_bit_grey_keeps_the_high_byte(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 255, 256, 0x8001, 65535]], np.uint16)).save(path)
    assert read_image(path)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_16_bit_rgb_keeps_the_high_byte(tmp_path):
    row = b"\0" + np.array([0x1234, 0x00FF, 0xFFFF], ">u2").tobytes()
    path = png(tmp_path / "deep.png", 1, 1, 16, 2, row)
    assert read_image(path).tolist() == [[[0x12, 0x00, 0xFF]]]


def test_floating_point_tiff(tmp_path):
    path = tmp_path / "float.tif"
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(path)
    assert read_image(path)[0, :, 1].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0, np.nan, 3]], np.float32)).save(path)
    with pytest.raises(InputError, match=r"range from nan to nan; they must lie in 0\.\.1"):
        read_image(path)


def test_32_bit_integers_beyond_16_bits_are_refused(tmp_path):
    path = tmp_path / "int.tif"
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(path)
    with pytest.raises(InputError, match=r"range from 0 to 70000; they must lie in 0\.\.65535"):
        read_image(path)


def test_integers_of_8_bits_are_read_as_such_and_not_as_black(tmp_path):
    dim = Image.fromarray(np.array([[0, 255]], np.int32))
    dim.save(tmp_path / "int.tif")
    for source in (tmp_path / "int.tif", dim):
        pixels, notes = decode(source)
        assert pixels[..., 0].tolist() == [[0, 255]]
        assert len(notes) == 1
        assert "are at most 255, so they are taken as 8-bit values" in notes[0]
    assert to_image(dim.convert("L"))[0].tolist() == [[0, 255]]


@pytest.mark.parametrize(("most", "read"), [(0, 0), (256, 128), (65535, 255)])
def test_integers_of_16_bits_are_grey_though_a_strip_of_them_is_dark(most, read, monkeypatch):
    monkeypatch.setattr("raz.io.pillow._STRIP_PIXELS", 2)
    deep = Image.fromarray(np.array([[0, min(most, 200)], [0, most]], np.int32))
    dark = 0 if most == 0 else 100 if most == 256 else 0
    assert to_image(deep)[2].tolist() == [[0, dark], [0, read]]


def twelve_bits(path, values):
    """A TIFF of one row of an even number of 12-bit greys, by hand: Pillow writes none."""
    pairs = zip(values[::2], values[1::2], strict=True)
    row = b"".join((first << 12 | second).to_bytes(3, "big") for first, second in pairs)
    # Width, height, bits, no compression, black is zero, offset, samples, rows, bytes of the strip.
    tags = {256: len(values), 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1}
    tags[279] = len(row)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = struct.pack("<2sHI", b"II", 42, 8 + len(row))
    path.write_bytes(header + row + struct.pack("<H", len(tags)) + entries + b"\0" * 4)
    return path


def test_12_bit_grey_keeps_its_upper_eight_bits(tmp_path):
    path = twelve_bits(tmp_path / "deep.tif", [0, 15, 16, 2048, 0x123, 4095])
    assert read_image(path)[0, :, 0].tolist() == [0, 0, 1, 128, 0x12, 255]
    with Image.open(path) as image:
        assert to_image(image)[1].tolist() == [[0, 0, 1, 128, 0x12, 255]]


def test_premultiplied_grey_lies_over_white_as_any_other_does():
    plain = Image.new("LA", (3, 1))
    for x, colour in enumerate([(100, 255), (100, 0), (0, 51)]):
        plain.putpixel((x, 0), colour)
    assert to_image(plain.convert("La"))[0].tolist() == [[100, 255, 204]]
    assert torch.equal(to_image(plain.convert("La")), to_image(plain))


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_first_frame_of_several(suffix, tmp_path, caplog):
    path = tmp_path / f"frames{suffix}"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    options = {"lossless": True} if suffix == ".webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with caplog.at_level(logging.INFO, "raz"):
        assert (read_image(path) == (255, 0, 0)).all()
    assert "first is used" in caplog.text


def test_frame_that_a_pil_image_stands_at(tmp_path):
    path = tmp_path / "frames.gif"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(path) as image:
        image.seek(1)
        assert to_image(image)[:, 0, 0].tolist() == [0, 0, 255]
        assert image.tell() == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, tmp_path):
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene()).save(path, exif=exif)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(path), upright)
    np.testing.assert_array_equal(read_image(path, orient=False), scene())
    with Image.open(path) as image:
        np.testing.assert_array_equal(to_image(image).permute(1, 2, 0), upright)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_of_a_turned_image_is_that_of_its_pixels(orientation, suffix, tmp_path):
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene()).save(path, exif=exif)
    for orient in (True, False):
        height, width, _ = read_image(path, orient=orient).shape
        assert read_image_size(path, orient=orient) == (width, height)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_of_one_pixel_becomes_a_tensor(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene(1, 1)).save(tmp_path / "a.png", exif=exif)
    assert to_image(tmp_path / "a.png").shape == (3, 1, 1)


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12", b"nonsense", b""])
def test_damaged_exif_costs_no_image(exif, tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(scene()).save(path, exif=exif)
    assert read_image(path).shape == (12, 20, 3)


def test_orientation_out_of_range_is_upright(tmp_path):
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = 99
    Image.fromarray(scene()).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), scene())


MAGIC = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".gif": b"GIF89a",
    ".jpg": b"\xff\xd8\xff",
    ".tif": b"II*\0",
    ".webp": b"RIFF\0\0\0\0WEBP",
    ".bmp": b"BM",
}


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300), st.sampled_from(sorted(MAGIC)))
def test_any_bytes_give_pixels_or_an_input_error(tmp_path_factory, data, suffix):
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    path.write_bytes(MAGIC[suffix] + data)
    try:
        pixels = read_image(path, max_pixels=100_000)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
    else:
        assert pixels.dtype == np.uint8


def test_to_image_takes_every_kind(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path)
    expected = torch.from_numpy(scene()).permute(2, 0, 1)
    for source in (path, str(path), Image.fromarray(scene()), scene(), expected):
        image = to_image(source)
        assert image.dtype == torch.uint8
        assert torch.equal(image, expected)


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_grey_array_is_repeated(grey):
    assert torch.equal(to_image(grey), torch.from_numpy(grey.copy()).expand(3, -1, -1))


@settings(deadline=None, max_examples=50)
@given(hnp.arrays(np.uint8, st.tuples(st.just(3), st.integers(1, 9), st.integers(1, 9))))
def test_float_tensor_comes_back_as_its_bytes(pixels):
    tensor = torch.from_numpy(pixels)
    assert torch.equal(to_image(tensor.float() / 255), tensor)
    assert torch.equal(to_image(tensor.double() / 255), tensor)


def test_array_seen_backwards_or_read_only():
    reversed_channels = scene()[..., ::-1]
    assert torch.equal(
        to_image(reversed_channels), torch.from_numpy(reversed_channels.copy()).permute(2, 0, 1)
    )
    frozen = scene()
    frozen.flags.writeable = False
    assert torch.equal(to_image(frozen), to_image(scene()))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (np.zeros((4, 4, 3)), TypeError, "float64"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"\[4, 4, 4\]"),
        (np.zeros((3, 4, 4, 3), np.uint8), ValueError, r"\[3, 4, 4, 3\]"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "not empty"),
        (torch.zeros(4, 4, 3), ValueError, r"\[3, H, W\]"),
        (torch.zeros(3, 0, 4), ValueError, "not empty"),
        (torch.zeros(3, 4, 4, dtype=torch.int32), TypeError, "int32"),
        (torch.zeros(3, 4, 4).to(torch.float8_e4m3fn), TypeError, "16 bits or more"),
        (torch.full((3, 2, 2), 1.5), ValueError, r"from 1\.5 to 1\.5"),
        (torch.full((3, 2, 2), -0.1), ValueError, r"-0\.1"),
        (torch.full((3, 2, 2), torch.nan), ValueError, "nan"),
        (17, TypeError, "int"),
        ({"path": "a.jpg"}, TypeError, "dict"),
        (b"bytes", InputError, "bytes: not an image file"),
    ],
)
def test_to_image_refuses_what_is_no_image(source, error, words):
    with pytest.raises(error, match=words):
        to_image(source)


def test_pil_image_over_the_limit_is_refused():
    with pytest.raises(InputError, match="PIL image: 20 x 12 pixels are over the limit"):
        to_image(Image.fromarray(scene()), max_pixels=100)


@pytest.mark.parametrize(
    ("source", "way"),
    [
        (np.zeros((3, 8, 9), np.uint8), "array.transpose(1, 2, 0)"),
        (np.zeros((8, 9, 1), np.uint8), "array[..., 0]"),
        (np.zeros((8, 9, 4), np.uint8), "array[..., :3]"),
        (np.zeros((2, 8, 9, 3), np.uint8), "list(array)"),
        (torch.zeros(8, 9, 3), "tensor.permute(2, 0, 1)"),
        (torch.zeros(2, 3, 8, 9), "list(tensor)"),
        (torch.zeros(1, 8, 9), "tensor.expand(3, -1, -1)"),
        (torch.zeros(8, 9), "tensor[None].expand(3, -1, -1)"),
        (torch.zeros(4, 8, 9), "tensor[:3]"),
    ],
)
def test_an_image_of_another_layout_is_told_how_to_turn(source, way):
    with pytest.raises(ValueError, match=f"not empty: it looks .*{re.escape(way)}"):
        to_image(source)
    image = eval(way, {"array": source, "tensor": source, "list": list})
    assert to_image(image[0] if isinstance(image, list) else image).shape == (3, 8, 9)


def test_a_normalised_tensor_is_refused():
    with pytest.raises(ValueError, match=r"from -2 to -2; they must lie in 0\.\.1, neither"):
        to_image(torch.full((3, 8, 9), -2.0))


@pytest.mark.parametrize("kind", ["sparse_coo", "a meta tensor"])
def test_a_tensor_without_pixels_in_memory_is_named(kind):
    tensor = torch.zeros(3, 4, 5, dtype=torch.uint8)
    tensor = tensor.to("meta") if kind == "a meta tensor" else tensor.to_sparse()
    with pytest.raises(TypeError, match=f"tensor is {kind}; it must have all pixels in memory"):
        to_image(tensor)
