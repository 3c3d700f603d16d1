from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
import rasterio
from PIL import Image, TiffImagePlugin

from images import scene
from raz.io.georeference import read_georeference

SHORT, DOUBLE = 3, 12
SCALE = {33550: (0.5, 0.25, 0.0), 33922: (0.0, 0.0, 0.0, 399_000.0, 5_757_000.0, 0.0)}
PROJECTED, GEODETIC = (3072, 32632), (2048, 4326)
IS_GEOGRAPHIC = (1024, 2)
FLAT = (*(1.0, 1.0, 0.0, 0.0), *(1.0, 1.0, 0.0, 0.0), *(0.0,) * 7, 1.0)
CONTROL_POINTS = tuple(float(n * n) for n in range(24))


def keys(*pairs: tuple[int, int]) -> dict[int, tuple[int, ...]]:
    rows = [number for key, value in pairs for number in (key, 0, 1, value)]
    return {34735: (1, 1, 0, len(pairs), *rows)}


def tiff(path, tags, **options):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory.tagtype[tag] = DOUBLE if isinstance(value[0], float) else SHORT
        directory[tag] = value if tag != 274 else value[0]
    Image.fromarray(scene()).save(path, format="TIFF", tiffinfo=directory, **options)
    return path


@pytest.mark.parametrize("big", [False, True])
def test_scale_and_tie_point(big, tmp_path):
    path = tiff(tmp_path / "a.tif", {**SCALE, **keys(PROJECTED)}, big_tiff=big)
    place = read_georeference(path)
    assert place.epsg == 32632
    np.testing.assert_array_equal(
        place.to_map([[0, 0], [20, 12], [0.5, 0.5]]),
        [[399_000, 5_757_000], [399_010, 5_756_997], [399_000.25, 5_756_999.875]],
    )


def test_a_tie_point_within_the_image(tmp_path):
    tags = {**SCALE, 33922: (10.0, 4.0, 0.0, 8.0, 52.0, 0.0), **keys(IS_GEOGRAPHIC, GEODETIC)}
    place = read_georeference(tiff(tmp_path / "a.tif", tags))
    assert place.epsg == 4326
    np.testing.assert_array_equal(place.to_map([[10, 4], [12, 4], [10, 8]]),
                                  [[8, 52], [9, 52], [8, 51]])  # fmt: skip


def test_a_transformation_may_turn(tmp_path):
    turned = (0.0, 2.0, 0.0, 100.0, -2.0, 0.0, 0.0, 200.0, *[0.0] * 4, 0.0, 0.0, 0.0, 1.0)
    place = read_georeference(tiff(tmp_path / "a.tif", {34264: turned, **keys(PROJECTED)}))
    np.testing.assert_array_equal(place.to_map([[0, 0], [3, 5]]), [[100, 200], [110, 194]])


def test_origin_in_the_middle_of_the_first_pixel(tmp_path):
    tags = {**SCALE, **keys((1025, 2), PROJECTED)}
    place = read_georeference(tiff(tmp_path / "a.tif", tags))
    np.testing.assert_array_equal(place.to_map([[0.5, 0.5]]), [[399_000, 5_757_000]])


def test_a_system_of_heights_beside_it_changes_nothing(tmp_path):
    path = tmp_path / "a.tif"
    grid = rasterio.Affine(0.5, 0, 399_000, 0, -0.25, 5_757_000)
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=12, count=3, dtype="uint8",
        crs="EPSG:25832+7837", transform=grid,
    ) as file:  # fmt: skip
        file.write(scene().transpose(2, 0, 1))
    place = read_georeference(path)
    assert place.epsg == 25832
    np.testing.assert_array_equal(place.to_map([[20, 12]]), [[399_010, 5_756_997]])


def test_without_rasterio_it_is_an_image_and_the_log_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    path = tiff(tmp_path / "a.tif", {**SCALE, **keys(PROJECTED)})
    plain = tiff(tmp_path / "plain.tif", {})
    with caplog.at_level(logging.INFO, logger="raz"):
        assert read_georeference(path) is read_georeference(plain) is None
    [record] = caplog.records
    assert "a.tif: taken as not georeferenced" in record.getMessage()
    assert 'pip install ".[tiles]"' in record.getMessage()


def test_no_points_are_no_points(tmp_path):
    place = read_georeference(tiff(tmp_path / "a.tif", {**SCALE, **keys(PROJECTED)}))
    assert place.to_map(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({**SCALE, **keys((3072, 32767))}, "no EPSG code"),
        ({**SCALE, **keys((1024, 1))}, "no EPSG code"),
        ({**keys(PROJECTED)}, "not placed by one affine transform"),
        ({33922: CONTROL_POINTS, **keys(PROJECTED)}, "not placed by one affine transform"),
        ({**SCALE, 33550: (0.0, 1.0, 0.0), **keys(PROJECTED)}, "not placed by one affine"),
        ({34264: FLAT, **keys(PROJECTED)}, "not invertible"),
        ({**SCALE, 33550: (float("nan"), 1.0, 0.0), **keys(PROJECTED)}, "not invertible"),
        ({**SCALE, 274: (6,), **keys(PROJECTED)}, "orientation"),
        ({**SCALE, 34735: (1, 1, 0, 5, 3072)}, "taken as not georeferenced"),
    ],
)
def test_what_is_not_known_is_said(tags, reason, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="raz"):
        assert read_georeference(tiff(tmp_path / "a.tif", tags)) is None
    assert reason in caplog.text
    assert "a.tif" in caplog.text


def test_other_images_are_passed_over_in_silence(tmp_path, caplog):
    Image.fromarray(scene()).save(tmp_path / "a.png")
    (tmp_path / "empty.tif").write_bytes(b"")
    with caplog.at_level(logging.INFO, logger="raz"):
        assert read_georeference(tiff(tmp_path / "a.tif", {})) is None
        assert read_georeference(tmp_path / "a.png") is None
        assert read_georeference(tmp_path / "empty.tif") is None
    assert not caplog.records
