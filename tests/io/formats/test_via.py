"""VGG Image Annotator: JSON of versions 1, 2 and 3, projects, and CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest

from raz.errors import InputError
from raz.io.points import read_points

POINT = {"name": "point", "cx": 3, "cy": 4}
RECT = {"name": "rect", "x": 10, "y": 20, "width": 4, "height": 6}
CIRCLE = {"name": "circle", "cx": 30, "cy": 40, "r": 5}
ELLIPSE = {"name": "ellipse", "cx": 50, "cy": 60, "rx": 2, "ry": 8, "theta": 0}
POLYGON = {"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2, 1]}
SHAPES = [POINT, RECT, CIRCLE, ELLIPSE, POLYGON]
CENTERS = [[3, 4], [12, 23], [30, 40], [50, 60]]
TOPS = [[3, 4], [12, 20], [30, 35], [50, 52]]


def regions(shapes, **attributes):
    attributes = attributes or {"kind": "head"}
    return [{"shape_attributes": each, "region_attributes": attributes} for each in shapes]


def files(first, second=()):
    return {
        f"{name}55": {"filename": name, "size": 55, "regions": parts, "file_attributes": {}}
        for name, parts in (("a.jpg", first), ("b.jpg", list(second)))
    }


def version_1(first):
    return files({str(number): part for number, part in enumerate(first)}, {})


def project(first):
    return {
        "_via_settings": {"ui": {}},
        "_via_img_metadata": files(first),
        "_via_attributes": {"region": {}, "file": {}},
        "_via_data_format_version": "2.0.10",
    }


def version_3(first):
    ids = {"point": 1, "rect": 2, "circle": 3, "ellipse": 4, "polygon": 7}
    metadata = {}
    for number, part in enumerate(first):
        shape = part["shape_attributes"]
        numbers = [v for k, v in shape.items() if k not in ("name", "theta", *POLYGON)]
        xy = [ids[shape["name"]], *numbers]
        av = dict(zip("1", part["region_attributes"].values(), strict=True))
        metadata[f"1_{number}"] = {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": av}
    metadata["1_whole"] = {"vid": "1", "flg": 0, "z": [], "xy": [], "av": {"2": "x"}}
    return {
        "project": {"pname": "p"},
        "config": {},
        "attribute": {"1": {"aname": "kind"}},
        "file": {str(k): {"fid": str(k), "fname": f"{n}.jpg"} for k, n in ((1, "a"), (2, "b"))},
        "metadata": metadata,
        "view": {str(k): {"fid_list": [k]} for k in (1, 2)},
    }


def table(first, mark=""):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    header = ["file_size", "file_attributes", "region_count", "region_id"]
    header += ["region_shape_attributes", "region_attributes"]
    writer.writerow([f"{mark}filename", *header])
    for number, part in enumerate(first):
        values = [json.dumps(part[name]) for name in ("shape_attributes", "region_attributes")]
        writer.writerow(["a.jpg", 55, "{}", len(first), number, *values])
    writer.writerow(["b.jpg", 55, "{}", 0, 0, "{}", "{}"])
    return file.getvalue()


FORMS = {
    "1": version_1,
    "2": files,
    "project": project,
    "3": version_3,
    "csv": table,
    "#csv": lambda first: table(first, "#"),
}


@pytest.fixture
def read(tmp_path):
    def read(content, **options):
        path = tmp_path / "via.data"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_points(path, **options)

    return read


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("anchor", "places"), [("center", CENTERS), ("top", TOPS)])
def test_shapes_become_heads(read, caplog, form, anchor, places):
    file = read(FORMS[form](regions(SHAPES)), anchor=anchor)
    assert (file.kind, list(file.images)) == ("via", ["a", "b"])
    assert file.images["a"].points.tolist() == places
    assert file.images["b"].points.shape == (0, 2)
    assert "shapes not read as heads: 1 polygon" in caplog.text


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_values_of_attributes(read, caplog, form):
    parts = [*regions([POINT], kind="Head"), *regions([CIRCLE], kind="car")]
    file = read(FORMS[form](parts))
    assert file.images["a"].points.tolist() == [[3, 4]]
    assert "shapes not read as heads: 1 labelled car" in caplog.text
    assert read(FORMS[form](parts), labels=["car"]).images["a"].points.tolist() == [[30, 40]]
    with pytest.raises(InputError, match="has the labels 'car', 'van'"):
        read(FORMS[form]([*parts[1:], *regions([POINT], kind="van")]))


def test_ticked_boxes_and_names_of_attributes_are_labels_too(read):
    ticked = [
        *regions([POINT], kind={"head": True, "hat": True}),
        *regions([CIRCLE], kind={"head": False, "hat": True}),
    ]
    assert read(files(ticked)).images["a"].points.tolist() == [[3, 4]]
    numbered = [*regions([POINT], head="1"), *regions([CIRCLE], head="2", hat="")]
    assert len(read(files(numbered), labels=["head"]).images["a"].points) == 2
    assert len(read(files(numbered), labels=["2"]).images["a"].points) == 1


def test_regions_without_attributes_are_heads_where_all_are(read):
    parts = [{"shape_attributes": POINT, "region_attributes": {}}]
    assert len(read(files(parts)).images["a"].points) == 1


def test_a_turned_ellipse_has_its_top_elsewhere(read):
    turned = ELLIPSE | {"theta": 1.5707963267948966}
    [[x, y]] = read(files(regions([turned])), anchor="top").images["a"].points.tolist()
    assert (x, y) == pytest.approx((58, 60))


def test_times_of_videos_are_skipped(read, caplog):
    document = version_3(regions([POINT, CIRCLE]))
    document["metadata"]["1_1"]["z"] = [1.5]
    assert len(read(document).images["a"].points) == 1
    assert "1 of a time" in caplog.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            files(regions([{"name": "point", "cx": 3}])),
            r"regions\[0\]\.shape_attributes\.cy: is null",
        ),
        (files(regions([POINT | {"cx": "3"}])), "must be a finite number"),
        (files(regions([CIRCLE | {"r": -1}])), "a side or radius is -1"),
        (files([3]), r"regions\[0\]: is not an object"),
        ({"k": {"filename": "", "regions": []}}, "k: names no image"),
        ({"k": {"filename": "a", "regions": 3}}, r"k\.regions: is not an array"),
        (files([]) | {"again": files([])["a.jpg55"]}, "again: image a is there twice"),
        ({"_via_img_metadata": {}}, "holds no image"),
        ({"_via_img_metadata": {}, "metadata": {}, "view": {}}, "holds no image"),
        (table([]) + "a.jpg,1\n", r"via\.data:3: has 2 fields, the header 7"),
        (table([]) + "a.jpg,1,{},1,0,{,{}\n", r"via\.data:3: is not JSON"),
        (version_3([]) | {"view": {"1": {"fid_list": [1, 2]}}}, "its view must be of one file"),
    ],
)
def test_what_is_broken_is_named(read, content, words):
    with pytest.raises(InputError, match=words):
        read(content)


def test_lines_of_an_image_need_not_follow_each_other(tmp_path):
    path = tmp_path / "via.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["filename", "region_shape_attributes", "region_attributes"])
        for y in (4, 5):
            for number in range(5_000):
                shape = {"name": "point", "cx": number, "cy": y}
                lines.writerow([f"{number}.jpg", json.dumps(shape), "{}"])
    images = read_points(path).images
    assert len(images) == 5_000
    assert images["7"].points.tolist() == [[7, 4], [7, 5]]
    assert images["7"].line == 9
