from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import raz
from images import scene
from raz.io.brightness import DARK, dark_note
from raz.io.images import ImageReader
from raz.io.video import VideoFrame


def dark(most: int) -> np.ndarray:
    pixels = (scene() % (most + 1)).astype(np.uint8)
    pixels[0, 0] = most
    return pixels


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


FORMS = {
    "array": lambda pixels: pixels,
    "grey array": lambda pixels: pixels[..., 0],
    "tensor": lambda pixels: torch.from_numpy(pixels).permute(2, 0, 1),
    "float tensor": lambda pixels: torch.from_numpy(pixels).permute(2, 0, 1) / 255,
    "PIL image": Image.fromarray,
    "bytes": encoded,
    "frame": lambda pixels: VideoFrame("a#t=0.000", 0.0, FORMS["tensor"](pixels), 0.0),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("most", [1, 3, 16])
def test_a_nearly_black_image_is_noted_whatever_its_form(form, most):
    [note] = ImageReader().open(FORMS[form](dark(most))).notes
    assert f"its brightest value is {most} of 255" in note


@pytest.mark.parametrize("form", FORMS)
def test_black_and_bright_images_are_not(form):
    for pixels in (np.zeros((8, 9, 3), np.uint8), scene(), dark(DARK)):
        assert ImageReader().open(FORMS[form](pixels)).notes == ()


@given(st.lists(st.integers(0, 255), min_size=1))
def test_the_brightest_value_decides(values):
    noted = dark_note(torch.tensor(values, dtype=torch.uint8)) is not None
    assert noted == (0 < max(values) < DARK)


def test_the_note_is_a_warning_of_the_result(caplog):
    zeros_and_ones = np.random.default_rng(0).integers(0, 2, (48, 64, 3), np.uint8)
    result = raz.predict(zeros_and_ones, depth=1)
    [warning] = result.warnings
    assert "nearly black" in warning
    assert warning in caplog.text
    assert warning in result.to_json()


@pytest.mark.parametrize("column", [0, 1, 15, 16, 17, 31])
def test_one_bright_value_anywhere_is_seen(column):
    pixels = torch.full((3, 4, 32), 3, dtype=torch.uint8)
    assert "its brightest value is 3 of 255" in dark_note(pixels)
    pixels[1, 2, column] = 200
    assert dark_note(pixels) is None
    assert dark_note(pixels[1, 2, column]) is None
