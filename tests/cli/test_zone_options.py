from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from raz.cli.main import main
from raz.intervals import Spread
from raz.result import Result

HALVES = {"left": [(0, 0), (8, 0), (8, 8), (0, 8)], "right": [(8, 0), (16, 0), (16, 8), (8, 8)]}


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8


@pytest.fixture(autouse=True)
def _counting(monkeypatch):
    def count_and_locate(model, image, settings, *, path=None) -> Result:
        height, width = image.shape[1:]
        density = torch.zeros(-(-height // 8), -(-width // 8))
        density[0, 0] = 1.5
        return Result(
            points=torch.tensor([[3.5, 4.5], [12.0, 6.0]]), scores=torch.ones(2), density=density,
            count=2.0, count_density=1.5, count_points=2, image_size=(width, height), path=path,
            speed={"total": 1.0}, spread=Spread((0.1,) * 9, (0.1,) * 9),
        )  # fmt: skip

    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: Net())
    monkeypatch.setattr("raz.zoom.count_and_locate", count_and_locate)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, size in (("a.png", (8, 16)), ("b.png", (8, 16)), ("large.png", (16, 32))):
        Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(name)
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        }
        for name, ring in HALVES.items()
    ]
    document = {"type": "FeatureCollection", "features": features}
    (tmp_path / "zones.geojson").write_text(json.dumps(document))
    (tmp_path / "sized.geojson").write_text(json.dumps({**document, "image_size": [16, 8]}))
    return tmp_path


def raz(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_zones_are_printed_below_the_image(folder, capsys):
    assert raz("predict", "a.png", "--zones", "zones.geojson") == 0
    first, left, right = capsys.readouterr().out.splitlines()
    assert first.startswith("a.png  2 people")
    assert left.startswith("  zone left  density 1.5 (0.")
    assert left.endswith("points 1")
    assert right.startswith("  zone right  density 0.0 (0.0 to ")


def test_json_has_each_zone_by_its_name(folder, capsys):
    assert raz("predict", "a.png", "--zones", "zones.geojson", "--json") == 0
    zones = json.loads(capsys.readouterr().out)["zones"]
    assert list(zones) == ["left", "right"]
    assert (zones["left"]["count_points"], zones["left"]["count_density"]) == (1, 1.5)
    assert zones["left"]["count_low"] < 1.5 < zones["left"]["count_high"]
    assert raz("predict", "a.png", "--json") == 0
    assert "zones" not in json.loads(capsys.readouterr().out)


def test_the_table_of_counts_has_columns_of_each_zone(folder, capsys):
    command = ["predict", "a.png", "b.png", "--zones", "zones.geojson", "--format", "counts"]
    assert raz(*command, "--area", "a,b = 0,0 16,0 16,8 0,8") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [float(row["left.density"]) for row in rows] == [1.5, 1.5]
    assert [row["right.points"] for row in rows] == ["1", "1"]
    assert [row["a,b.points"] for row in rows] == ["2", "2"]
    assert float(rows[0]["a,b.low"]) < 1.5 < float(rows[0]["a,b.high"])


def test_names_of_zones_begin_no_formula(folder, capsys):
    zones = json.loads((folder / "zones.geojson").read_text())
    zones["features"][0]["properties"]["name"] = '=1+"2"'
    (folder / "zones.geojson").write_text(json.dumps(zones))
    assert raz("predict", "a.png", "--zones", "zones.geojson", "--format", "counts") == 0
    header = next(csv.reader(capsys.readouterr().out.splitlines()))
    assert './=1+"2".points' in header


def test_areas_without_names_are_numbered(folder, capsys):
    corners = ["--area", "0,0 8,0 8,8", "--area", "0,0 8,0 8,8", "--area", "c d=0,0 8,0 8,8"]
    assert raz("predict", "a.png", *corners, "--json") == 0
    assert list(json.loads(capsys.readouterr().out)["zones"]) == ["area", "area 2", "c d"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--area", "0,0 8,0"], "'0,0 8,0' is no polygon; it must be at least three corners"),
        (["--area", "0,0 8 0,8,8"], "is no polygon"),
        (["--area", "a=b=0,0 8,0 8,8"], "is no polygon"),
        (["--area", "left=0,0 8,0 8,8", "--zones", "zones.geojson"], "'left' is there twice"),
        (["--area", "0,0 8,0 nan,8"], "within 1e+09 pixels of 0"),
        (["--zones", "zones.geojson", "--output", "zones.geojson", "--format", "csv"], "the file"),
    ],
)
def test_wrong_areas_are_wrong_use(folder, capsys, arguments, words):
    before = (folder / "zones.geojson").read_bytes()
    assert raz("predict", "a.png", *arguments) == 2
    assert words in capsys.readouterr().err
    assert (folder / "zones.geojson").read_bytes() == before


def test_a_file_without_zones_is_3(folder, capsys):
    (folder / "none.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    assert raz("predict", "a.png", "--zones", "none.geojson") == 3
    assert capsys.readouterr().err == "raz: none.geojson: holds no zone\n"


def test_images_of_another_size_than_the_file_says_are_bad(folder, capsys):
    assert raz("predict", "a.png", "large.png", "--zones", "sized.geojson") == 6
    out, err = capsys.readouterr()
    assert out.count(" people") == 1
    assert "large.png: has 32 x 16 pixels; the zones are of images of 16 x 8 pixels" in err


def test_images_of_several_sizes_are_warned_of_once(folder, capsys):
    assert raz("predict", "a.png", "large.png", "b.png", "--zones", "zones.geojson") == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("the images differ in size: a.png has 16 x 8, large.png 32 x 16")


def test_zones_outside_are_warned_of(folder, capsys):
    assert raz("predict", "a.png", "--area", "far=90,0 98,0 98,8", "--json") == 0
    out, err = capsys.readouterr()
    assert "zone 'far' lies outside of the image (16 x 8 pixels)" in err
    assert json.loads(out)["warnings"] == ["zone 'far' lies outside of the image (16 x 8 pixels)"]
