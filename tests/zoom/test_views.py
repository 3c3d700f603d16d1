from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from raz import ops
from raz.zoom import views
from raz.zoom.coordinates import CropGeometry, window_around
from raz.zoom.views import TensorImage, View, reduce

from .painting import noise

CPU = torch.device("cpu")


@st.composite
def crops_and_parts(draw, scales=(1, 2, 4, 64)):
    """A crop in an image of 40 x 50 pixels, and a rectangle of the crop's pixels."""

    def piece(length: int) -> tuple[int, int]:
        start = draw(st.integers(0, length - 1))
        return start, draw(st.integers(start + 1, length))

    (x1, x2), (y1, y2) = piece(50), piece(40)
    crop = CropGeometry(x1, y1, x2 - x1, y2 - y1, draw(st.sampled_from(scales)))
    (left, right), (top, bottom) = piece(crop.size[1]), piece(crop.size[0])
    return crop, (left, top, right, bottom)


@given(drawn=crops_and_parts(), seed=st.integers(0, 999))
def test_a_part_has_the_pixels_of_the_whole_view(drawn, seed):
    crop, part = drawn
    image = noise((40, 50), seed)
    view = View(TensorImage(image), crop, CPU)
    left, top, right, bottom = part
    box = torch.tensor([crop.box], dtype=torch.float32)
    [expected] = ops.crop_and_resize(image[None], box, torch.zeros(1, dtype=torch.int64), view.size)
    assert torch.equal(view.pixels(), expected)
    assert torch.equal(view.pixels(part), expected[:, top:bottom, left:right])


@given(drawn=crops_and_parts((4 / 3, 8 / 3, 1.24, 2.48)), seed=st.integers(0, 999))
def test_a_part_of_any_enlargement_has_the_pixels_of_the_whole_view(drawn, seed):
    crop, part = drawn
    view = View(TensorImage(noise((40, 50), seed)), crop, CPU)
    left, top, right, bottom = part
    whole = view.pixels()
    assert whole.shape == (3, *crop.size)
    torch.testing.assert_close(
        view.pixels(part), whole[:, top:bottom, left:right], rtol=0, atol=1e-5
    )


class Returning(TensorImage):
    """Reads what it holds, whatever is asked for."""

    image_size = (50, 40)

    def read(self, window):
        return self.image


@pytest.mark.parametrize("scale", [0.5, 1 / 3, 1, 4 / 3, 2])
def test_a_source_may_read_arrays(scale):
    image = noise((40, 50), 0)
    crop = CropGeometry(0, 0, 50, 40, scale)
    expected = View(TensorImage(image), crop, CPU).pixels()
    fixed = image.numpy().copy()
    fixed.flags.writeable = False
    flipped = np.ascontiguousarray(image.numpy()[::-1])[::-1]  # as of OpenCV's BGR
    for array in (image.numpy(), fixed, flipped):
        assert torch.equal(View(Returning(array), crop, CPU).pixels(), expected)


@pytest.mark.parametrize("scale", [0.5, 1 / 3, 1, 4 / 3, 2])
@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (torch.full((3, 40, 50), 255.0), TypeError, r"read\(\) .* torch.float32; .* uint8"),
        (np.zeros((3, 40, 50), dtype=np.uint16), TypeError, r"read\(\) .* uint16; .* uint8"),
        (torch.zeros(3, 40, 49, dtype=torch.uint8), ValueError, r"\(3, 40, 49\); it must be"),
    ],
)
def test_what_is_no_image_of_the_window_is_refused(image, error, words, scale):
    before = copy.deepcopy(image)
    source = Returning(image)
    with pytest.raises(error, match=words):
        View(source, CropGeometry(0, 0, 50, 40, scale), CPU).pixels()
    assert (image == before).all()


def test_only_pixels_under_the_part_are_read():
    class Watched(TensorImage):
        def read(self, window):
            read.append(window)
            return super().read(window)

    read = []
    view = View(Watched(noise((400, 500), 0)), CropGeometry(100, 50, 200, 300, 2), CPU)
    view.pixels((64, 32, 128, 96))
    assert read == [(131, 65, 165, 99)]


SCALES = [1 / 2, 1 / 4, 1 / 8, 1 / 3, 0.3, 0.62, 0.1]
LEVEL = 1.001 / 255


@st.composite
def reduced_crops_and_parts(draw):
    """An image's size, a reduced window of it, and a rectangle of the window's pixels."""
    width, height = draw(st.tuples(st.integers(1, 120), st.integers(1, 120)))
    scale = draw(st.sampled_from(SCALES))

    def piece(length: int) -> tuple[int, int]:
        start = draw(st.integers(0, length - 1))
        return start, draw(st.integers(start + 1, length))

    (x1, x2), (y1, y2) = piece(width), piece(height)
    crop = window_around((x1, y1, x2, y2), 0, (width, height), scale)
    (left, right), (top, bottom) = piece(crop.size[1]), piece(crop.size[0])
    return (height, width), crop, (left, top, right, bottom)


@example(
    drawn=((120, 90), CropGeometry(0, 0, 90, 120, 1 / 3), (0, 0, 30, 40)), strip=1, seed=0
)  # strips of a row
@example(
    drawn=((101, 101), CropGeometry(0, 0, 101, 101, 0.1), (3, 3, 10, 10)), strip=1, seed=1
)  # the part ends where the last pixels stick out of the image
@given(drawn=reduced_crops_and_parts(), strip=st.integers(1, 2000), seed=st.integers(0, 999))
def test_a_part_of_a_reduced_view_has_the_pixels_of_the_whole(drawn, strip, seed):
    """Up to a level, since they are rounded to bytes twice: between the axes and in the end."""
    size, crop, part = drawn
    image, (left, top, right, bottom) = noise(size, seed), part
    view = View(TensorImage(image), crop, CPU)
    whole = view.pixels()
    assert whole.dtype == torch.float32
    assert whole.shape == (3, *crop.size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "STRIP_PIXELS", strip)
        assert (view.pixels() - whole).abs().max() <= LEVEL
        assert (view.pixels(part) - whole[:, top:bottom, left:right]).abs().max() <= LEVEL


def weighted_means(pixels, crop):
    """A window of an image, reduced in floating point by Hamming's window around each pixel.

    What sticks out of the image repeats its border.
    """

    def along(length, first, reduced):
        reach = max(length, math.ceil(first + reduced / crop.scale - 1e-6))
        centres = first + (torch.arange(reduced, dtype=torch.float64) + 0.5)[:, None] / crop.scale
        away = (torch.arange(reach, dtype=torch.float64) + 0.5 - centres) * crop.scale
        window = torch.sinc(away) * (0.54 + 0.46 * torch.cos(math.pi * away)) * (away.abs() < 1)
        return window / window.sum(1, keepdim=True)

    rows, columns = (
        along(length, first, reduced)
        for length, first, reduced in zip(
            pixels.shape[1:], (crop.y, crop.x), crop.size, strict=True
        )
    )
    below, right = rows.shape[1] - pixels.shape[1], columns.shape[1] - pixels.shape[2]
    padded = F.pad(pixels.double()[None], (0, right, 0, below), mode="replicate")[0]
    return rows @ padded @ columns.mT


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    scale=st.sampled_from(SCALES),
    seed=st.integers(0, 999),
)
def test_a_pixel_of_a_reduced_image_is_a_weighted_mean(height, width, scale, seed):
    image = noise((height, width), seed)
    crop = CropGeometry(0, 0, width, height, scale)
    shown = View(TensorImage(image), crop, CPU).pixels() * 255
    assert (shown - shown.round()).abs().max() < 1e-4
    assert (shown - weighted_means(image, crop)).abs().max() <= 1.1


@given(drawn=reduced_crops_and_parts(), seed=st.integers(0, 999))
def test_a_window_of_a_reduced_view_sees_beyond_its_edges(drawn, seed):
    """Its pixels mix what lies around it in the image."""
    size, crop, _ = drawn
    image = noise(size, seed)
    shown = View(TensorImage(image), crop, CPU).pixels() * 255
    assert (shown - weighted_means(image, crop)).abs().max() <= 1.1


@given(drawn=reduced_crops_and_parts(), value=st.integers(0, 255), strip=st.integers(1, 2000))
def test_a_constant_image_stays_so(drawn, value, strip):
    (height, width), crop, part = drawn
    image = torch.full((3, height, width), value, dtype=torch.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "STRIP_PIXELS", strip)
        shown = View(TensorImage(image), crop, CPU).pixels(part)
    assert torch.equal(shown, torch.full_like(shown, value).div_(255))


@pytest.mark.parametrize("scale", SCALES)
def test_a_smooth_image_keeps_its_mean_and_its_places(scale):
    x = torch.arange(240).expand(3, 210, -1)
    image = x.to(torch.uint8)
    view = View(TensorImage(image), CropGeometry(0, 0, 240, 210, scale), CPU)
    shown = view.pixels() * 255
    inside = int(238 * scale) - 2
    centres = (torch.arange(inside) + 0.5) / scale - 0.5
    assert (shown[:, :, 2:inside] - centres[2:]).abs().max() <= 1
    whole = shown[:, :, : int(240 * scale)]
    assert float(whole.mean()) == pytest.approx(
        float(image[:, :, : round(int(240 * scale) / scale)].double().mean()), abs=1.1
    )


def test_no_detail_finer_than_a_pixel_is_seen():
    """Stripes of single pixels are grey, not a moire."""
    image = torch.zeros(3, 200, 300, dtype=torch.uint8)
    image[:, :, ::2] = 255
    for scale in (1 / 3, 0.3, 0.1):
        shown = View(TensorImage(image), CropGeometry(0, 0, 300, 200, scale), CPU).pixels() * 255
        assert (shown[:, :, 2:-2] - 127.5).abs().max() < 8


@given(
    size=st.tuples(st.integers(2, 90), st.integers(2, 90)),
    reduced=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    seed=st.integers(0, 999),
)
def test_reducing_is_that_of_pillow(size, reduced, seed):
    pixels = noise(size, seed)
    reduced = tuple(min(pair) for pair in zip(reduced, size, strict=True))
    found = reduce(pixels, (0, 0, size[1], size[0]), reduced)
    assert found.dtype == torch.uint8
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    expected = np.asarray(image.resize(reduced[::-1], Image.Resampling.HAMMING))
    assert np.array_equal(found.permute(1, 2, 0).numpy(), expected)


def test_beyond_the_right_and_lower_edge_the_border_is_repeated():
    pixels = noise((10, 14), 0)
    more = F.pad(pixels.float()[None], (0, 2, 0, 3), mode="replicate")[0].to(torch.uint8)
    box = (1.5, 2.25, 15.5, 12.25)
    assert torch.equal(reduce(pixels, box, (4, 5)), reduce(more, box, (4, 5)))


def test_a_reduced_view_reads_the_pixels_around_it_in_strips(monkeypatch):
    class Watched(TensorImage):
        def read(self, window):
            read.append(window)
            return super().read(window)

    read = []
    view = View(Watched(noise((42, 101), 0)), CropGeometry(0, 0, 101, 42, 1 / 4), CPU)
    monkeypatch.setattr(views, "STRIP_PIXELS", 2 * 16 * 5)
    view.pixels((21, 6, 26, 11))
    # Two rows of pixels each, and one around them.
    assert read == [(80, 20, 101, 36), (80, 28, 101, 42), (80, 36, 101, 42)]
    read.clear()
    monkeypatch.setattr(views, "STRIP_PIXELS", 1)
    view.pixels((0, 0, 26, 2))
    assert read == [(0, 0, 101, 8), (0, 0, 101, 12)]
    read.clear()
    view = View(Watched(noise((42, 101), 0)), CropGeometry(30, 6, 40, 36, 0.3), CPU)
    view.pixels((3, 3, 6, 4))
    assert read == [(36, 12, 54, 23)]
