"""Label Studio's tasks, read back by the published description of its JSON.

A file is an array of tasks; a task has "data" and "predictions", a prediction "result"; an entry
of it names the tag that it belongs to ("from_name") and the tag of the image ("to_name"), and has
its coordinates in "value", in percent of the "original_width" and "original_height".
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, make, results, same, together
from raz.errors import InputError
from raz.io.points import read_points


def imported(path: Path) -> list[dict[str, Any]]:
    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    tasks = json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
    assert isinstance(tasks, list)
    return tasks


def check(tasks: list[dict[str, Any]], several) -> None:
    for task, result in zip(tasks, several, strict=True):
        assert task["data"] == {"image": result.path, "count": result.count}
        [prediction] = task["predictions"]
        assert prediction["model_version"] == "fake"
        found = prediction["result"]
        assert len({entry["id"] for entry in found}) == len(found)
        points, scores = [], []
        for entry in found:
            assert (entry["from_name"], entry["to_name"]) == ("label", "image")
            assert entry["type"] == "keypointlabels"
            assert entry["value"]["keypointlabels"] == ["head"]
            assert entry["image_rotation"] == 0
            size = entry["original_width"], entry["original_height"]
            assert size == result.image_size
            percent = [entry["value"]["x"], entry["value"]["y"]]
            assert all(0 <= value <= 100 for value in percent)
            points.append([v / 100 * side for v, side in zip(percent, size, strict=True)])
            scores.append(entry.get("score"))
        assert same(result, points, scores)


@few
@given(results())
@example(MARKED)
def test_one_image(result):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(result.save(Path(folder) / "out.label-studio.json")), [result])


@few
@given(several=st.lists(results(), max_size=4))
@example(several=[MARKED])
def test_several_images(several):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(together(several, "label-studio", Path(folder))), several)


def test_a_count_that_is_no_number_is_null():
    [task] = json.loads(make(count=math.nan).to_label_studio())
    assert task["data"]["count"] is None


EXPORTS = Path(__file__).parent / "exports"


def test_tasks_as_label_studio_exports_them(caplog):
    path = EXPORTS / "label_studio.json"
    file = read_points(path)
    assert (file.kind, list(file.images)) == ("label-studio", ["IMG_7", "my square"])
    image = file.images["IMG_7"]
    assert image.points.tolist() == [[320, 120], [80, 48], [80, 120], [384, 336]]
    assert (image.name, image.size) == ("IMG_7.jpg", (640, 480))
    assert image.head_labels == ("Head", "Head", "Head", "head")
    assert image.scores is image.boxes is None
    assert file.images["my square"].points.shape == (0, 2)
    assert file.images["my square"].name == "photos/my square.png"
    assert caplog.messages == [
        f"{path}: 1 of 3 tasks have no annotation; left out",
        f"{path}: 1 tasks have several annotations; one is read",
        f"{path}: shapes not read as heads: 1 labelled flag, 1 polygon",
    ]


def test_json_min_as_label_studio_exports_it():
    file = read_points(EXPORTS / "label_studio_min.json", anchor="top")
    assert {key: image.points.tolist() for key, image in file.images.items()} == {
        "IMG_7": [[320, 120], [80, 96]],
        "IMG_8": [],
    }
    assert file.images["IMG_8"].name == "crowds/set/IMG_8.jpg"


def region(kind="keypointlabels", label="head", **value) -> dict[str, Any]:
    entry = {"type": kind, "original_width": 200, "original_height": 100}
    named = {kind: [label]} if kind.endswith("labels") else {}
    return entry | {"value": {"x": 10, "y": 20} | named | value}


def task(*entries, image="a.jpg", kind="annotations", **changes) -> dict[str, Any]:
    return {"data": {"image": image}, kind: [{"result": list(entries)} | changes]}


@pytest.fixture
def read(tmp_path):
    def read(*tasks, **options):
        path = tmp_path / "heads.any"
        path.write_text(json.dumps(list(tasks)))
        return read_points(path, **options)

    return read


def only(file):
    [image] = file.images.values()
    return image


def test_rectangles_turn_about_their_corner(read):
    turned = region("rectanglelabels", width=10, height=10, rotation=90)
    assert only(read(task(turned))).points[0].tolist() == pytest.approx([20 - 5, 20 + 10])
    top = only(read(task(turned), anchor="top")).points[0].tolist()
    assert top == pytest.approx([20, 20 + 10])  # its upper side is now the right one


def test_boxes_of_heads_give_radii(read):
    boxes = (
        region("rectanglelabels", width=5, height=7),
        region("ellipselabels", radiusX=-2, radiusY=3),  # drawn from right to left
    )
    image = only(read(task(*boxes)))
    assert image.boxes.tolist() == [[20, 20, 30, 27], [16, 17, 24, 23]]
    assert image.sigmas.tolist() == [[3, 6], [3, 5]]


def test_labels_may_stand_beside_the_region(read):
    entries = [
        region("rectangle", width=5, height=10) | {"id": "a"},
        region("labels", "Head", width=5, height=10) | {"id": "a"},
        region("keypoint") | {"id": "b"},
        region("labels", "flag") | {"id": "b"},
        region("textarea", text=["back row"]) | {"id": "a"},
    ]
    image = only(read(task(*entries)))
    assert (image.points.tolist(), image.head_labels) == ([[25, 25]], ("Head",))


def test_regions_without_labels_are_heads_where_none_has_one(read):
    assert len(only(read(task(region("keypoint")))).points) == 1
    mixed = task(region("keypoint"), region(label="head"))
    assert len(only(read(mixed)).points) == 1


def test_which_annotation_counts(read):
    def several(**marked):
        ways = [{"result": [region()] * n, "updated_at": f"2024-0{n}-01"} for n in (1, 3, 2)]
        ways[2] |= marked
        return {"data": {"image": "a.jpg"}, "annotations": ways}

    assert len(only(read(several())).points) == 3
    assert len(only(read(several(ground_truth=True))).points) == 2
    assert len(only(read(several(updated_at="2025-01-01"))).points) == 2


def test_predictions_count_where_nothing_is_annotated(read, caplog):
    predicted = task(region() | {"score": 0.25}, kind="predictions", image="b.jpg")
    file = read(predicted)
    assert (list(file.images), only(file).scores.tolist()) == (["b"], [0.25])
    assert not caplog.messages
    assert list(read(task(region()), predicted).images) == ["a"]
    assert "1 of 2 tasks have no annotation; left out" in caplog.text
    with pytest.raises(InputError, match=r"heads\.any: holds no annotated task"):
        read(task(region(), was_cancelled=True))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"image": "folder/a.jpg"}, "folder/a.jpg"),
        ({"image": "/data/upload/0a1b2c3d-a_b.jpg"}, "a_b.jpg"),
        ({"image": "http://localhost:8080/data/upload/12/0a1b2c3d-a%20b.jpg"}, "a b.jpg"),
        ({"image": "/data/local-files/?d=set%2B1/a+b.jpg&x=1"}, "set+1/a+b.jpg"),
        ({"image": "gs://bucket/set/a%b.jpg"}, "bucket/set/a%b.jpg"),
        ({"image": "https://host/set/a%20b.jpg?at=c/d.jpg#e"}, "/set/a b.jpg"),
        ({"photo": "set/a.jpg", "note": "at noon"}, "set/a.jpg"),
        ({"photo": "set/a.jpg", "note": "http://[no address"}, "set/a.jpg"),
    ],
)
def test_names_of_images(data, name, read):
    assert only(read(task() | {"data": data})).name == name


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task(3)], ": [0].annotations[0].result[0]: is not an object"),
        ([task() | {"annotations": 3}], ": [0].annotations: is not an array"),
        ([task(), 3], ": [1]: is not an object"),
        ([task(), {"annotations": []}], ": [1].data: is not an object"),
        ([task(), task(image="a.png")], ": [1]: image a is there twice"),
        ([task(), task(image="")], ": [1]: names no image"),
        ([task({"type": "keypointlabels", "value": {}})], "[0]: has no original_width and orig"),
        ([task(region() | {"original_width": 0})], "[0]: the size is 0 x 100 pixels; width and h"),
        ([task(region() | {"original_width": 1e308})], "[0]: the size is 1e+308 x 100 pixels"),
        ([task(region() | {"image_rotation": 90})], "[0]: image_rotation is 90; it must be 0"),
        ([task(region(), region() | {"original_width": 9})], "[1]: is of an image of (9, 100)"),
        ([task(region(x="1"))], '.value.x: is "1"; it must be a finite number'),
        ([task(region(x=1.7e308))], ": [0]: a head lies or reaches too far out"),
        ([task(region("ellipselabels"))], ".value.radiusX: is null; it must be a finite number"),
        ([task(region() | {"score": "high"})], '.score: is "high"'),
        ([task(region(label="a"), region(label="b"))], ": has the labels 'a', 'b'; rename that of"),
    ],
)
def test_bad_tasks_are_named(tasks, message, read, tmp_path):
    with pytest.raises(InputError) as caught:
        read(*tasks)
    shown = str(caught.value)
    assert shown.startswith(str(tmp_path / "heads.any"))
    assert message in shown
