"""GeoJSON, read back by shapely, and by GDAL (pyogrio): what QGIS and geopandas read by."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from formats.results import few, make, results, same
from raz.io.georeference import Georeference

UTM = Georeference(np.array([[0.5, 0, 399_000], [0, -0.5, 5_757_000]]), 32632)


def gdal(path: Path) -> tuple[dict, np.ndarray, dict[str, np.ndarray]]:
    """GDAL's account of a file, points [N, 2], and columns."""
    meta, _, geometry, columns = pyogrio.raw.read(path)
    points = shapely.get_coordinates(shapely.from_wkb(geometry))
    return meta, points, dict(zip(meta["fields"], columns, strict=True))


@few
@given(results())
def test_pixels(result):
    with tempfile.TemporaryDirectory() as folder:
        path = result.save(Path(folder) / "out.geojson")
        collection = shapely.from_geojson(path.read_text())
        scores = [f["properties"]["score"] for f in json.loads(path.read_text())["features"]]
        assert same(result, shapely.get_coordinates(collection), scores)
        if result.count_points:
            _, points, columns = gdal(path)
            scores = columns["score"]
            known = [None if v is None or math.isnan(v) else float(v) for v in scores]
            assert same(result, points, known)


def test_gdal_opens_a_file_without_heads(tmp_path):
    info = pyogrio.read_info(make(()).save(tmp_path / "out.geojson"))
    assert info["features"] == 0


@few
@given(st.lists(st.tuples(st.floats(0, 20, width=32), st.floats(0, 12, width=32)), min_size=1))
def test_on_the_map(points):
    result = make(points, georeference=UTM)
    with tempfile.TemporaryDirectory() as folder:
        meta, read, columns = gdal(result.save(Path(folder) / "out.geojson"))
    assert meta["crs"] == "EPSG:32632"
    back = (read - (399_000, 5_757_000)) / (0.5, -0.5)
    np.testing.assert_allclose(back, result.points.numpy(), atol=1e-8)  # 5.757e6 keeps 1e-9
    assert same(result, np.column_stack([columns["x"], columns["y"]]), columns["score"].tolist())


def test_longitude_and_latitude_need_no_name(tmp_path):
    place = Georeference(np.array([[0.001, 0, 8], [0, -0.001, 52]]), 4326)
    result = make(georeference=place)
    assert "crs" not in json.loads(result.to_geojson())  # RFC 7946, section 4
    meta, read, _ = gdal(result.save(tmp_path / "out.geojson"))
    assert meta["crs"] == "EPSG:4326"
    np.testing.assert_allclose(read[0], [8.0035, 51.9955], rtol=0, atol=1e-12)


@pytest.mark.parametrize("place", [None, UTM])
def test_pixels_on_request(place):
    read = json.loads(make(georeference=place).to_geojson(pixels=True))
    assert "crs" not in read
    assert [f["geometry"]["coordinates"] for f in read["features"]] == [[3.5, 4.5], [10.25, 0.5]]
