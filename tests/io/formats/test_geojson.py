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
from raz.errors import InputError
from raz.io.georeference import Georeference
from raz.io.points import read_points

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


EDITED = Path(__file__).parent / "exports" / "qgis.geojson"
"""As QGIS saves a layer: the second head was moved, the third added; members of raz's are gone."""


def test_heads_that_were_moved_or_added_on_the_map(caplog):
    file = read_points(EDITED, georeference=UTM)
    assert (file.kind, list(file.images), file.unnamed) == ("geojson", ["qgis"], True)
    image = file.images["qgis"]
    assert image.points.tolist() == [[3.5, 4.25], [12, 10], [4, 2]]
    assert image.scores is None
    assert caplog.messages == [
        f"{EDITED}: features not read as heads: 1 Polygon, 1 without geometry"
    ]


def test_an_added_head_on_the_map_needs_the_georeference():
    with pytest.raises(InputError, match=r"features\[2\]: has map coordinates but no x and y"):
        read_points(EDITED)


def test_a_head_added_in_degrees_is_not_taken_for_pixels(tmp_path):
    place = Georeference(np.array([[0.001, 0, 8], [0, -0.001, 52]]), 4326)
    document = json.loads(make(georeference=place).to_geojson())
    added = {"type": "Point", "coordinates": [8.004, 51.998]}
    document["features"].append({"type": "Feature", "properties": {}, "geometry": added})
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"features\[2\]: has map coordinates but no x and y"):
        read_points(path)
    [image] = read_points(path, georeference=place).images.values()
    np.testing.assert_allclose(image.points[2], [4, 2], rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": 3}, ": features: is not an array"),
        ({"features": [3]}, ": features[0]: is not an object"),
        ({"features": [{"geometry": 3}]}, ": features[0].geometry: is not an object"),
        (
            {"geometry": {"type": "Point", "coordinates": [1]}},
            "[0].geometry.coordinates[0]: is [1]",
        ),
        ({"properties": {"x": "1", "y": 2}}, '[0].properties.x: is "1"; it must be a finite'),
        ({"properties": {"score": "high"}}, '[0].properties.score: is "high"'),
        ({"image_size": [1]}, ": image_size[0]: is [1]"),
        ({"image_size": [-4, 3]}, ": image_size: the size is -4 x 3 pixels"),
    ],
)
def test_bad_features_are_named(changes, message, tmp_path):
    feature = {"geometry": {"type": "Point", "coordinates": [1, 2]}} | changes
    document = {"type": "FeatureCollection", "features": [feature]} | changes
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_points(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_feature_alone_and_points_together(tmp_path):
    path = tmp_path / "7.jpg.geojson"
    together = {"type": "MultiPoint", "coordinates": [[1, 2, 9], [3, 4, 9]]}
    path.write_text(json.dumps({"type": "Feature", "properties": None, "geometry": together}))
    assert read_points(path).images["7"].points.tolist() == [[1, 2], [3, 4]]
