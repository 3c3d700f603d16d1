from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from raz.areas import points_inside, shares_inside
from raz.errors import InputError
from raz.io.zones import Zones, as_zones, read_zones

SQUARE = [[0, 0], [8, 0], [8, 8], [0, 8], [0, 0]]


def feature(coordinates, name="door", kind="Polygon"):
    properties = {} if name is None else {"name": name}
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.fixture
def written(tmp_path):
    def write(*features, **members):
        document = {"type": "FeatureCollection", "features": list(features), **members}
        path = tmp_path / "zones.geojson"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


def box(x1, y1, x2, y2):
    return [[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]]


@st.composite
def parts(draw):
    """Coordinates of a MultiPolygon of boxes side by side, each with up to two holes."""
    polygons = []
    for column in range(draw(st.integers(1, 3))):
        left = 40 * column
        polygon = [box(left, 0, left + 40, draw(st.integers(30, 60)))]
        for hole in range(draw(st.integers(0, 2))):
            x, y = left + 2 + 18 * hole, draw(st.integers(1, 10))
            polygon.append(box(x, y, x + draw(st.integers(1, 16)), y + draw(st.integers(1, 18))))
        polygons.append([ring[::-1] if draw(st.booleans()) else ring for ring in polygon])
    return polygons


@given(parts(), st.integers(0, 2**32))
def test_several_rings_are_one_area_as_shapely_sees_it(tmp_path_factory, polygons, seed):
    path = tmp_path_factory.mktemp("zones") / "zones.geojson"
    path.write_text(json.dumps(feature(polygons, kind="MultiPolygon")))
    area = read_zones(path)["door"]
    shape = shapely.MultiPolygon([(polygon[0], polygon[1:]) for polygon in polygons])
    points = np.random.default_rng(seed).uniform(0, 128, (500, 2))
    expected = shapely.contains_xy(shape, points)
    assert (points_inside(area, points, (128, 64)) == expected).all()
    surface = shares_inside(area, (128, 64), 8).sum() * 64
    assert surface == pytest.approx(shapely.intersection(shape, shapely.box(0, 0, 128, 64)).area)


def test_points_on_the_ways_between_rings_are_as_without_them(written):
    hole = box(2, 2, 5, 6)
    area = read_zones(written(feature([SQUARE, hole])))["door"]
    points = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), axis=-1).reshape(-1, 2)
    outer, inner = (points_inside(ring, points, (16, 16)) for ring in (SQUARE, hole))
    assert (points_inside(area, points, (16, 16)) == outer ^ inner).all()


def test_names_keep_their_order_and_the_size_is_read(written):
    zones = read_zones(
        written(feature([SQUARE], "z"), feature([SQUARE], "\u00e4 b"), image_size=[16, 8])
    )
    assert list(zones) == ["z", "\u00e4 b"]
    assert zones.image_size == (16, 8)


def test_a_ring_may_be_open_and_have_heights(written):
    area = read_zones(written(feature([[[0, 0, 5], [8, 0, 5], [8, 8, 5]]])))["door"]
    assert area.tolist() == [[0, 0], [8, 0], [8, 8], [0, 0]]


@pytest.mark.parametrize(
    ("features", "members", "words"),
    [
        ([], {}, "holds no zone"),
        ([feature([SQUARE], None)], {}, r"features\[0\]: has no name"),
        ([feature([SQUARE], " ")], {}, r"features\[0\]: has no name"),
        ([feature([SQUARE], 5)], {}, r"features\[0\]: has no name"),
        ([feature([SQUARE]), feature([SQUARE])], {}, r"features\[1\]: the name 'door' is there tw"),
        ([feature([1, 2], kind="Point")], {}, "zone 'door' is Point; it must be a Polygon"),
        ([feature([])], {}, "zone 'door' has no ring"),
        ([feature([SQUARE[:2]])], {}, r"coordinates\[0\]: has 2 corners; it must have at least 3"),
        ([feature([[[0, 0], [1, 1], [0, 0], [1, 1]]])], {}, "at least 3 apart"),
        ([feature([[[0, 0], [1e10, 0], [1, 1]]])], {}, "more than 1e9 pixels from 0"),
        ([feature([[[0, 0], ["a", 0], [1, 1]]])], {}, "must be a finite number"),
        ([feature(5)], {}, "coordinates: is not an array"),
        ([feature([SQUARE])], {"crs": {}}, "zones must be in pixels"),
        ([feature([SQUARE])], {"image_size": [0, 8]}, "image_size: the size is 0 x 8 pixels"),
        ([feature([SQUARE])], {"image_size": [1.5, 8]}, "image_size: the size is 1.5 x 8 pixels"),
        ([feature([SQUARE])], {"image_size": [9, 2**80]}, "image_size: the size is 9 x 1.2"),
        ([feature([SQUARE])], {"type": "Topology"}, "is no FeatureCollection"),
        ([7], {}, r"features\[0\]: is not an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(written, features, members, words):
    path = written(*features, **members)
    with pytest.raises(InputError, match=words) as error:
        read_zones(path)
    assert str(error.value).startswith(f"{path}")
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_zones(tmp_path / "none.geojson")
    (tmp_path / "text.geojson").write_text("door")
    with pytest.raises(InputError, match="is not JSON"):
        read_zones(tmp_path / "text.geojson")


@pytest.mark.parametrize(
    "coordinates", [[box(0, 0, 8, 8), box(4, 4, 12, 12)], [[[0, 0], [8, 8], [8, 0], [0, 8]]]]
)
def test_rings_that_cross_are_warned_of(written, caplog, coordinates):
    read_zones(written(feature(coordinates)))
    assert "rings of zone 'door' cross or overlap" in caplog.text


def test_zones_of_too_many_corners_are_refused(written):
    ring = [[k % 100, k // 100] for k in range(10_001)]
    with pytest.raises(InputError, match=r"zone 'door' has 10,002 corners; it may have 10,000$"):
        read_zones(written(feature([ring])))


def test_rings_that_do_not_are_not(written, caplog):
    caplog.set_level(logging.WARNING)
    tilted = [[100, 5], [3000, 77], [2111, 1900], [40, 1500]]
    read_zones(written(feature([tilted, box(600, 300, 900, 700)])))
    assert not caplog.records


def test_zones_are_of_images_of_a_size():
    zones = Zones({"door": np.array(SQUARE)}, image_size=(16, 8))
    zones.check((16, 8))
    with pytest.raises(InputError, match="has 8 x 16 pixels; the zones are of images of 16 x 8"):
        zones.check((8, 16))
    mask = Zones({"floor": np.ones((8, 16), bool)})
    mask.check((16, 8))
    with pytest.raises(InputError, match="of 16 x 8 pixels"):
        mask.check((8, 16))


def test_zones_outside_are_noted_and_those_that_reach_in_are_not():
    areas = {"in": SQUARE, "partly": box(-5, -5, 1, 1), "out": box(20, 0, 30, 8)}
    zones = Zones(areas)
    assert zones.notes((16, 8)) == ("zone 'out' lies outside of the image (16 x 8 pixels)",)
    assert zones.notes((32, 8)) == ()


@pytest.mark.parametrize(
    ("zones", "error", "words"),
    [
        (5, TypeError, "zones is int; it must be the path"),
        ({"door": [(0, 0)]}, ValueError, "zone 'door': polygon has shape"),
        ({"": SQUARE}, ValueError, "has the name ''"),
        ({3: SQUARE}, ValueError, "has the name 3"),
    ],
)
def test_wrong_zones(zones, error, words):
    with pytest.raises(error, match=words):
        as_zones(zones)
