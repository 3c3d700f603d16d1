from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops
from raz.zoom.coordinates import CropGeometry
from raz.zoom.views import TensorImage, View

from .painting import noise

CPU = torch.device("cpu")


@st.composite
def crops_and_parts(draw):
    """A crop in an image of 40 x 50 pixels, and a rectangle of the crop's pixels."""

    def piece(length: int) -> tuple[int, int]:
        start = draw(st.integers(0, length - 1))
        return start, draw(st.integers(start + 1, length))

    (x1, x2), (y1, y2) = piece(50), piece(40)
    crop = CropGeometry(x1, y1, x2 - x1, y2 - y1, draw(st.sampled_from([1, 2, 4, 64])))
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


class Returning(TensorImage):
    """Reads what it holds, whatever is asked for."""

    image_size = (50, 40)

    def read(self, window):
        return self.image


@pytest.mark.parametrize("scale", [1, 2])
def test_a_source_may_read_arrays(scale):
    image = noise((40, 50), 0)
    crop = CropGeometry(0, 0, 50, 40, scale)
    expected = View(TensorImage(image), crop, CPU).pixels()
    fixed = image.numpy().copy()
    fixed.flags.writeable = False
    flipped = np.ascontiguousarray(image.numpy()[::-1])[::-1]  # as of OpenCV's BGR
    for array in (image.numpy(), fixed, flipped):
        assert torch.equal(View(Returning(array), crop, CPU).pixels(), expected)


@pytest.mark.parametrize("scale", [1, 2])
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
