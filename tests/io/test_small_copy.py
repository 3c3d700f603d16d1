"""Small copies of the images of results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from images import scene
from raz.io import small_copy as module
from raz.io.rasters import Reading
from raz.io.small_copy import small_copy
from raz.result import Result


def result_of(width: int, height: int, **changes) -> Result:
    return Result(
        points=torch.zeros(0, 2),
        scores=torch.zeros(0),
        density=torch.zeros(-(-height // 8), -(-width // 8)),
        count=0.0,
        count_density=0.0,
        count_points=0,
        image_size=(width, height),
        **changes,
    )


def slopes(height: int, width: int) -> np.ndarray:
    """uint8 [H, W, 3] that changes slowly, so that every way to reduce it gives about the same."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x + y / 2, 2 * y, 200 - x], axis=-1).astype(np.uint8)


def test_a_small_image_keeps_its_size_and_pixels(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png")
    copy = small_copy(result_of(20, 12, path=str(tmp_path / "a.png")), 20)
    assert copy is not None
    np.testing.assert_array_equal(np.asarray(copy), scene())


def test_a_large_image_is_averaged_to_the_side() -> None:
    pixels = torch.from_numpy(slopes(40, 80)).permute(2, 0, 1)
    copy = small_copy(result_of(80, 40, image=pixels), 20)
    assert copy is not None
    assert copy.size == (20, 10)
    blocks = slopes(40, 80).reshape(10, 4, 20, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(np.asarray(copy), blocks, atol=2)


def test_windows_of_a_large_file_give_the_same_as_the_whole(tmp_path, monkeypatch) -> None:
    rasterio = pytest.importorskip("rasterio")
    pixels = slopes(90, 160)
    form = {"width": 160, "height": 90, "count": 3, "dtype": "uint8", "photometric": "RGB"}
    place = rasterio.Affine(0.5, 0, 399000, 0, -0.5, 5757000)
    with rasterio.open(tmp_path / "a.tif", "w", transform=place, **form) as file:
        file.write(pixels.transpose(2, 0, 1))
    result = result_of(160, 90, path=str(tmp_path / "a.tif"))
    whole = small_copy(result, 20)
    monkeypatch.setattr(module, "MAX_PIXELS", 100)
    monkeypatch.setattr(module, "_STRIP_PIXELS", 160 * 16)
    in_strips = small_copy(result, 20)
    assert whole is not None
    assert in_strips is not None
    assert in_strips.size == whole.size == (20, 11)
    np.testing.assert_allclose(np.asarray(in_strips, int), np.asarray(whole, int), atol=2)


def test_windows_show_the_bands_that_were_counted(tmp_path, monkeypatch) -> None:
    pytest.importorskip("rasterio")
    Image.fromarray(slopes(90, 160)).save(tmp_path / "a.tif")
    result = result_of(160, 90, path=str(tmp_path / "a.tif"), reading=Reading(bands=(3, 2, 1)))
    monkeypatch.setattr(module, "MAX_PIXELS", 100)
    copy = small_copy(result, 160)
    assert copy is not None
    np.testing.assert_array_equal(np.asarray(copy), slopes(90, 160)[..., ::-1])


def test_an_image_that_is_not_at_hand_gives_none(tmp_path: Path, monkeypatch) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png")
    result = result_of(20, 12, path=str(tmp_path / "a.png"))
    assert small_copy(replace(result, path=None), 20) is None
    assert small_copy(replace(result, path=str(tmp_path / "gone.png")), 20) is None
    assert small_copy(replace(result, image_size=(12, 20)), 20) is None
    assert small_copy(replace(result, image_size=(0, 0)), 20) is None
    monkeypatch.setattr(module, "MAX_PIXELS", 100)  # a PNG has no windows
    assert small_copy(result, 20) is None
