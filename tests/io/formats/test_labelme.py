"""labelme's files, as labelme 5 writes them: alone, and one beside each image of a folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.data import AnnotatedFolder
from raz.errors import InputError
from raz.io.points import read_points, read_single


def shape(kind, *points, label="head"):
    return {
        "label": label,
        "points": [list(point) for point in points],
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": None,
    }


def document(*shapes, name="a.jpg", size=(30, 20)):
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": name,
        "imageData": None,
        "imageHeight": size[1],
        "imageWidth": size[0],
    }


SHAPES = (
    shape("point", (3.5, 4.25)),
    shape("points", (1, 2), (2, 3)),
    shape("rectangle", (14, 16), (10, 6)),
    shape("circle", (20, 10), (23, 14)),
)
CENTERS = [[3.5, 4.25], [1, 2], [2, 3], [12, 11], [20, 10]]
TOPS = [[3.5, 4.25], [1, 2], [2, 3], [12, 6], [20, 5]]


@pytest.mark.parametrize(("anchor", "places"), [("center", CENTERS), ("top", TOPS)])
@pytest.mark.parametrize("indent", [None, 2])
def test_shapes_become_heads(tmp_path, anchor, places, indent):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document(*SHAPES), indent=indent))
    file = read_points(path, anchor=anchor)
    assert (file.kind, list(file.images), file.images["a"].size) == ("labelme", ["a"], (30, 20))
    assert file.images["a"].points.tolist() == places
    assert read_single(path).points.tolist() == CENTERS


@given(points=st.lists(st.tuples(st.floats(-9, 99), st.floats(-9, 99)), max_size=9))
def test_points_are_kept_bit_for_bit(points, tmp_path_factory):
    path = tmp_path_factory.mktemp("labelme") / "a.json"
    path.write_text(json.dumps(document(*(shape("point", point) for point in points))))
    np.testing.assert_array_equal(
        read_points(path).images["a"].points, np.array(points).reshape(-1, 2)
    )


def test_other_shapes_and_labels_are_skipped_with_a_warning(tmp_path, caplog):
    others = [shape("polygon", (1, 1), (2, 2), (3, 1)), shape("point", (9, 9), label="car")]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document(*SHAPES[:1], *others, name="..\\photos\\a.jpg")))
    assert read_points(path).images["a"].points.tolist() == [[3.5, 4.25]]
    assert "a.json: shapes not read as heads: 1 labelled car, 1 polygon" in caplog.text
    assert read_points(path, labels=["CAR"]).images["a"].points.tolist() == [[9, 9]]


def test_boxes_of_heads_give_their_sizes(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document(*SHAPES[2:])))
    assert read_points(path).images["a"].boxes.tolist() == [[10, 6, 14, 16], [15, 5, 25, 15]]
    assert read_points(path, anchor="top").images["a"].boxes is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"shapes": 3}, "shapes: is not an array"),
        ({"shapes": [3]}, r"shapes\[0\]: is not an object"),
        ({"shapes": [shape("point")]}, r"shapes\[0\]\.points: has 0 points; a point has 1"),
        ({"shapes": [shape("circle", (1, 2))]}, "has 1 points; a circle has 2"),
        ({"shapes": [shape("point", (1, float("nan")))]}, "must be a finite number"),
        ({"shapes": [shape("point", (1, 2, 3))]}, "it must be 2 numbers"),
        ({"imageHeight": 0}, "imageWidth, imageHeight: the size is .* whole numbers in"),
    ],
)
def test_what_is_broken_is_named(tmp_path, changed, words):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document() | changed))
    with pytest.raises(InputError, match=rf"a\.json: .*{words}"):
        read_points(path)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate("abc"):
        Image.new("RGB", (30, 20), (number, 0, 0)).save(tmp_path / f"{name}.jpg")
    cars = [shape("point", (9, 9), label="car")]
    (tmp_path / "a.json").write_text(json.dumps(document(*SHAPES[:2], *cars)))
    (tmp_path / "b.json").write_text(json.dumps(document(*cars, name="b.jpg")))
    (tmp_path / "c.json").write_text(json.dumps(document(name="c.jpg")))
    return tmp_path


def test_a_folder_has_one_rule_for_the_labels_of_all_its_files(folder, caplog):
    samples = AnnotatedFolder(folder)
    assert [len(samples.points(index)) for index in range(3)] == [3, 0, 0]
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: shapes not read as heads: 2 labelled car"
    ]
    assert samples[0].points.tolist() == CENTERS[:3]
    cars = AnnotatedFolder(folder, labels=["car"])
    assert [len(cars.points(index)) for index in range(3)] == [1, 1, 0]
    (folder / "c.json").write_text(json.dumps(document(*SHAPES[:1], name="c.jpg", size=(9, 9))))
    with pytest.raises(InputError, match=r"says that c\.jpg is 9 x 9, but it is 30 x 20"):
        _ = AnnotatedFolder(folder)[2]


def test_a_folder_without_usual_labels_guesses_nothing(folder):
    for name in "ac":
        (folder / f"{name}.json").write_text(
            json.dumps(document(shape("point", (1, 1), label="x")))
        )
    with pytest.raises(InputError, match="has the labels 'car', 'x'"):
        AnnotatedFolder(folder).points(0)
