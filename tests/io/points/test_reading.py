from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from raz.errors import InputError
from raz.io.points import read_points
from raz.result import Result


@pytest.fixture
def read(tmp_path):
    def read(name, content, **options):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return read_points(path, **options)

    return read


@pytest.fixture
def result():
    return Result(
        points=torch.tensor([[1.5, 2.5], [30.0, 4.0]]), scores=torch.tensor([0.9, 0.4]),
        density=torch.zeros(1, 5), count=2.5, count_density=3.0, count_points=2,
        image_size=(40, 8), path="some/where/IMG_3.jpg",
    )  # fmt: skip


def test_csv(read):
    file = read("a.csv", "x,image,y,note,score\n1.5,d/7.jpg,-2,,0.5\n3,d/7.jpg,4,b,1\n,8.png,,,\n")
    assert (file.kind, list(file.images)) == ("csv", ["7", "8"])
    np.testing.assert_array_equal(file.images["7"].points, [[1.5, -2], [3, 4]])
    np.testing.assert_array_equal(file.images["7"].scores, [0.5, 1])
    assert (file.images["7"].line, file.images["8"].line) == (2, 4)
    assert file.images["8"].points.shape == (0, 2)
    assert read("b.csv", "\ufeffImage, X, Y\n7,1,2\n").images["7"].scores is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,score\n7,3\n", "1: the header is image,score; it must name the columns x, y"),
        ("image,x,x,y\n", "1: the header is image,x,x,y"),
        ("image,x,y\n7,1,2\n7,1\n", "3: has 2 fields, the header 3"),
        ("image,x,y\n7,1,\n", "2: y is ''; it must be a number"),
        ("image,x,y\n7,1,zwei\n", "2: y is 'zwei'; it must be a number"),
        ("image,x,y\n7,inf,2\n", "2: x is 'inf'; it must be finite"),
        ("image,x,y,score\n7,1,2,nan\n", "2: score is 'nan'; it must be finite"),
        ("image,x,y,score\n7,1,2,\n", "2: score is ''; it must be a number"),
        ("image,x,y\n ,1,2\n", "2: names no image"),
        ("image,x,y\na/7.jpg,1,2\na/7.png,1,2\n", "3: a/7.png and a/7.jpg (line 2) are both"),
        ('image,x,y\n"7,1,2\n', "2: is not CSV"),
    ],
)
def test_bad_csv_lines_are_named(text, message, read, tmp_path):
    with pytest.raises(InputError) as caught:
        read("a.csv", text)
    assert str(caught.value).startswith(f"{tmp_path / 'a.csv'}:{message}")


def test_csv_without_images(read):
    with pytest.raises(InputError, match=r"a\.csv: holds no image"):
        read("a.csv", "image,x,y\n")


def test_what_raz_writes(read, result):
    for name, content in [
        ("a.json", result.to_json()),
        ("b.json", f"[{result.to_json()}]"),
        ("c.jsonl", f"\n{result.to_json()}\n"),
        ("d.coco.json", result.to_coco()),
    ]:
        file = read(name, content)
        [(key, image)] = file.images.items()
        assert key == "IMG_3"
        np.testing.assert_array_equal(image.points, [[1.5, 2.5], [30, 4]])
        np.testing.assert_array_equal(image.scores, [0.9, 0.4])
        assert image.size == (40, 8)
        if file.kind == "raz":
            assert image.count == 2.5
    assert read("c.jsonl", f"\n{result.to_json()}\n").images["IMG_3"].line == 2


def test_objects_without_scores(read):
    image = read("a.json", {"path": "7.jpg", "points": [[1, 2]]}).images["7"]
    assert (image.scores, image.count, image.size) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1,\n2,\n", ": is not JSON: Expecting value (line 3, column 1)"),
        ("[" * 100_000, ": is not JSON that can be read"),
        ("3", ": is neither COCO (images, annotations) nor raz's own JSON"),
        ([3], ": [0]: is not an object with path and points"),
        ([{"points": [], "path": None}], ": [0]: path must name the image"),
        ([{"points": [], "path": "7"}] * 2, ": [1]: image 7 is there twice"),
        ([{"points": 3, "path": "7"}], ": [0]: points: is 3; it must be an array"),
        ([{"points": [[1, 2], [1]], "path": "7"}], ": [0]: points[1]: is [1]; it must be 3 or 2"),
        ([{"points": [[1, 2], [1, 2, 3]], "path": "7"}], ": [0]: points[1]: has 3 numbers"),
        ([{"points": [[1, 2, None]], "path": "7"}], ": [0]: points[0]: is null; it must be a fin"),
        ([{"points": [[1, True]], "path": "7"}], ": [0]: points[0]: is true"),
        ('[{"points": [[1, NaN]], "path": "7"}]', ": [0]: points[0]: is NaN"),
        (f'[{{"points": [[1, 1{"0" * 400}]], "path": "7"}}]', ": [0]: points[0]: is 1000"),
        ([{"points": [], "path": "7", "count": None}], ": [0]: count: is null"),
        (
            [{"points": [], "path": "7", "image_size": [0, 5]}],
            ": [0]: image_size: the size is 0",
        ),
    ],
)
def test_bad_objects_are_named(content, message, read, tmp_path):
    with pytest.raises(InputError) as caught:
        read("a.json", content)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}{message}")


def test_bad_lines_of_objects_are_named(read):
    with pytest.raises(InputError, match=r"a\.jsonl:2: is not JSON"):
        read("a.jsonl", '{"path": "1", "points": []}\n{"path": \n')
    with pytest.raises(InputError, match=r"a\.jsonl:3: image 1 is there twice"):
        read("a.jsonl", '{"path": "1", "points": []}\n\n{"path": "1", "points": []}\n')


HEAD = {"image_id": 5, "keypoints": [1, 2, 2]}


def coco(**changes):
    return {
        "images": [{"id": 5, "file_name": "d/7.jpg", "width": 40, "height": 30}, {"id": "x"}],
        "annotations": [
            {"image_id": 5, "keypoints": [1, 2, 2], "bbox": [0, 0, 10, 7]},
            {"image_id": 5, "keypoints": [3, 4, 1], "bbox": [2, 2, 3, 4]},
        ],
    } | changes


def test_coco(read):
    file = read("a.json", coco())
    assert (file.kind, file.keys) == ("coco", {"5": "7", "x": "x"})
    image = file.images["7"]
    np.testing.assert_array_equal(image.points, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(image.sigmas, [[3, 6], [1, 2]])
    np.testing.assert_array_equal(image.levels, [1, 1])
    assert (image.size, image.scores) == ((40, 30), None)
    assert file.images["x"].sigmas.shape == (0, 2)


def test_coco_without_boxes(read):
    entries = [{"image_id": 5, "keypoints": [1, 2, 2], "bbox": [1, 2, 0, 0], "score": 0.5}]
    image = read("a.json", coco(annotations=entries)).images["7"]
    assert image.sigmas is image.levels is None
    np.testing.assert_array_equal(image.scores, [0.5])


def test_coco_boxes_without_area_are_boxes_beside_others(read):
    entries = [
        {"image_id": 5, "keypoints": [1, 2, 2], "bbox": [0, 0, 10, 7]},
        {"image_id": 5, "keypoints": [3, 4, 2], "bbox": [3, 4, 0, 0]},
    ]
    image = read("a.json", coco(annotations=entries)).images["7"]
    np.testing.assert_array_equal(image.sigmas, [[3, 6], [0, 0]])
    np.testing.assert_array_equal(image.levels, [1, 0])


def test_coco_head_among_several_keypoints(read, caplog):
    body = [{"image_id": 5, "category_id": 1, "keypoints": [1, 1, 2, 8, 9, 2]}]
    hidden = [{"image_id": 5, "category_id": 1, "keypoints": [1, 1, 2, 0, 0, 0]}]
    crowd = [{"image_id": 5, "keypoints": [1, 1, 2], "iscrowd": 1}]
    categories = [{"id": 1, "keypoints": ["foot", "head"]}]
    document = coco(annotations=body + hidden + crowd, categories=categories)
    np.testing.assert_array_equal(read("a.json", document).images["7"].points, [[8, 9]])
    assert "2 annotations without a single visible head left out" in caplog.text
    with pytest.raises(InputError, match=r"annotations\[0\].keypoints: has 2 points, none of"):
        read("a.json", coco(annotations=body))


def test_coco_results(read):
    file = read("a.json", [{"image_id": 5, "keypoints": [1, 2, 1], "score": 0.25}])
    np.testing.assert_array_equal(file.images["5"].points, [[1, 2]])
    np.testing.assert_array_equal(file.images["5"].scores, [0.25])
    assert file.by_id
    assert not read("a.json", coco()).by_id


def test_no_results_at_all_are_results(read):
    file = read("a.json", [])
    assert (file.kind, dict(file.images), file.by_id) == ("coco", {}, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (coco(images=[]), ": holds no image"),
        (coco(images=None), ": images: is not an array"),
        (coco(images=[3]), ": images[0]: is not an object"),
        (coco(images=[{"file_name": "7"}]), ": images[0]: has no id"),
        (coco(images=[{"id": 5}, {"id": 5}]), ": images[1]: image 5 (id 5) is there twice"),
        (coco(images=[{"id": 5, "width": 0, "height": 3}]), ": images[0]: the size is"),
        (coco(annotations=[{"image_id": 6}]), ": annotations[0]: image_id 6 is not among"),
        (coco(annotations=[{"image_id": 5}]), ": annotations[0].keypoints: is not an array"),
        (
            coco(annotations=[{"image_id": 5, "keypoints": [1, 2]}]),
            ": annotations[0].keypoints: has 2 numbers; it must be x, y, v",
        ),
        (
            coco(annotations=[{"image_id": 5, "keypoints": [1, "2", 2]}]),
            ': annotations[0].keypoints: is "2"; it must be a finite number',
        ),
        (
            coco(annotations=[HEAD | {"score": 1}, HEAD]),
            ": some annotations have a score and some have none",
        ),
        (
            coco(annotations=[{"image_id": 5, "keypoints": [1, 2, 2], "bbox": [1, 2]}]),
            ": annotations[0].bbox[0]: is [1, 2]; it must be 4 numbers",
        ),
        (
            coco(annotations=[{"image_id": 5, "bbox": [1.7e308, 0, 1.7e308, 5]}]),
            ": image d/7.jpg: a head lies or reaches too far out",
        ),
        (
            coco(annotations=[HEAD | {"bbox": [0, 0, 1e200, 1e200]}]),
            ": image d/7.jpg: a head lies or reaches too far out",
        ),
        ([{"image_id": None, "keypoints": [1, 2, 2]}], ": [0]: has no image_id"),
    ],
)  # fmt: skip
def test_bad_coco_is_named(content, message, read, tmp_path):
    with pytest.raises(InputError) as caught:
        read("a.json", content)
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}{message}")


BOXES = [
    {"image_id": 5, "category_id": 1, "bbox": [10, 20, 4, 6], "score": 0.5},
    {"image_id": 5, "category_id": 2, "bbox": [1, 1, 4, 4], "score": 0.75},
]
CATEGORIES = [{"id": 1, "name": "Person"}, {"id": 2, "name": "car"}]


def test_coco_boxes(read, caplog):
    document = coco(annotations=BOXES, categories=CATEGORIES)
    image = read("a.json", document).images["7"]
    assert (image.points.tolist(), image.scores.tolist()) == ([[12, 23]], [0.5])
    assert (image.boxes.tolist(), image.head_labels) == ([[10, 20, 14, 26]], ("Person",))
    assert "1 annotations of other categories left out" in caplog.text
    top = read("a.json", document, anchor="top", labels=["CAR", "person"]).images["7"]
    assert (top.points.tolist(), top.boxes) == ([[12, 20], [3, 1]], None)


@pytest.mark.parametrize(
    "change",
    [{"image_id": "x" * 10**5}, {"category_id": [1] * 10**5}, {"keypoints": "x" * 10**5}],
)
def test_no_value_floods_a_message(change, read):
    head = {"image_id": 5, "category_id": 1, "keypoints": [1, 2, 2]}
    document = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "head", "keypoints": ["head"]}],
        "annotations": [head | change],
    }
    with pytest.raises(InputError) as error:
        read("a.json", document)
    assert len(str(error.value)) < 300


def test_a_header_floods_no_message(read):
    with pytest.raises(InputError, match="the header is image,x,c,c") as error:
        read("a.csv", "image,x" + ",c" * 10**4 + "\n")
    assert len(str(error.value)) < 300


def test_a_device_that_never_ends_is_read_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("raz.io.points.reading._STREAM", 1 << 20)
    with pytest.raises(InputError, match=r"^/dev/zero: holds more than 1,048,576 bytes; it is no"):
        read_points("/dev/zero")


@pytest.mark.parametrize("content", ["{}", "1 1 {} 4\n", "x,y\n1,{}\n"])
def test_no_line_floods_a_message(content, read):
    with pytest.raises(InputError) as error:
        read("a.txt", content.format("x" * 10**5))
    assert len(str(error.value)) < 300


def test_a_file_that_fails_while_it_is_read_is_named():
    if not Path("/proc/self/mem").exists():
        pytest.skip("no file of this system fails that way")
    with pytest.raises(InputError, match=r"^/proc/self/mem: cannot be read: Input/output error$"):
        read_points("/proc/self/mem")


def test_coco_boxes_of_results_are_told_by_the_number_of_their_category(read):
    with pytest.raises(InputError, match=r"a\.json: has the labels '1', '2'; rename that of heads"):
        read("a.json", BOXES)
    assert len(read("a.json", BOXES, labels=["2"]).images["5"].points) == 1
    assert read("a.json", BOXES[:1]).images["5"].points.tolist() == [[12, 23]]


def test_coco_boxes_beside_keypoints_are_of_other_things(read):
    heads = [HEAD, {"image_id": 5, "category_id": 2, "bbox": [1, 1, 4, 4]}]
    assert len(read("a.json", coco(annotations=heads)).images["7"].points) == 1


def test_coco_keypoint_of_another_name(read):
    body = [{"image_id": 5, "category_id": 1, "keypoints": [1, 1, 2, 8, 9, 1]}]
    document = coco(annotations=body, categories=[{"id": 1, "keypoints": ["foot", "Nose"]}])
    assert read("a.json", document, labels=["nose"]).images["7"].points.tolist() == [[8, 9]]


def test_csv_of_one_image_is_called_by_its_file(read):
    file = read("IMG_7.jpg.csv", "x,y,score\n1,2,0.5\n")
    assert (list(file.images), file.unnamed) == (["IMG_7"], True)
    assert file.images["IMG_7"].points.tolist() == [[1, 2]]
    assert read("b.csv", "x,y\n").images["b"].points.shape == (0, 2)


def test_an_object_of_an_image_in_memory_is_called_by_its_file(read):
    entry = {"path": None, "points": [[1, 2]]}
    assert list(read("b.json", entry).images) == ["b"]
    assert list(read("b.json", json.dumps(entry, indent=1)).images) == ["b"]
    with pytest.raises(InputError, match=r"b\.jsonl:1: path must name the image"):
        read("b.jsonl", f"{json.dumps(entry)}\n{json.dumps(entry)}\n")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("3110 1 5 6\n", "nwpu"),
        ("\ufeff\n\n[ 0\n", "nwpu"),
        ("<a 1 5 6\n", "nwpu"),
        ("x,y 1 5 6\n", "nwpu"),
        ("image,x,y\n7,1,2\n", "csv"),
        ('"Path",x,Y\n7,1,2\n', "csv"),
        (" \n{\n}", None),
        (f"{json.dumps(coco())}\n", "coco"),
        (json.dumps(coco(), indent=2), "coco"),
        ('\r\n{"path": "7", "points": []}\r\n{"path": "8", "points": []}', "raz"),
        ('<?xml version="1.0"?>\n<annotations><image name="a"/></annotations>', "cvat"),
        ('{"type": "FeatureCollection", "features": []}', "geojson"),
        ('{"data": {"image": "a.jpg"}, "annotations": [{"result": []}]}', "label-studio"),
    ],
)
def test_the_content_tells_the_format(content, kind, read):
    for name in ("points.dat", "points.xml", "points.json", "points.txt"):
        if kind is None:
            with pytest.raises(InputError, match="is neither COCO"):
                read(name, content)
        else:
            assert read(name, content).kind == kind


def test_where_the_content_tells_nothing_the_suffix_names_what_is_wrong(read):
    for name, words in [
        ("a.xml", r"a\.xml:1: is not XML"),
        ("a.json", r"a\.json: is not JSON"),
        ("a.csv", r"a\.csv:1: the header is points of heads"),
        ("a.txt", r"a\.txt:1: field 2 is 'of'"),
    ]:
        with pytest.raises(InputError, match=words):
            read(name, "points of heads\n")


PERSONS_AND_DOGS = [
    {"id": 1, "name": "person", "keypoints": ["head"]},
    {"id": 18, "name": "dog", "keypoints": ["head"]},
]


def keypoints(*categories):
    return [
        {"image_id": 5, "category_id": category, "keypoints": [number, 2, 2]}
        for number, category in enumerate(categories)
    ]


def boxes(*categories):
    return [
        {"image_id": 5, "category_id": category, "bbox": [number, 2, 4, 6]}
        for number, category in enumerate(categories)
    ]


@pytest.mark.parametrize("annotations", [keypoints, boxes], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("labels", "places", "left_out"),
    [
        (None, [0, 3], "2 annotations of other categories left out (2 'dog')"),
        (["Dog"], [1, 2], "2 annotations of other categories left out (2 'person')"),
        (["18"], [1, 2], "2 annotations of other categories left out (2 'person')"),
        (["person", "dog"], [0, 1, 2, 3], None),
    ],
)
def test_coco_persons_are_not_added_to_dogs(annotations, labels, places, left_out, read, caplog):
    document = coco(annotations=annotations(1, 18, 18, 1), categories=PERSONS_AND_DOGS)
    file = read("a.json", document, labels=labels)
    left = {keypoints: 0, boxes: 2}[annotations]
    assert file.images["7"].points[:, 0].tolist() == [left + place for place in places]
    assert (left_out or "left out") in caplog.text or left_out is None
    assert ("left out" in caplog.text) == (left_out is not None)


@pytest.mark.parametrize("annotations", [keypoints, boxes], ids=lambda kind: kind.__name__)
def test_coco_heads_go_before_persons(annotations, read):
    categories = [{"id": 1, "name": "Person"}, {"id": 2, "name": "HEAD"}]
    document = coco(annotations=annotations(1, 2), categories=categories)
    assert len(read("a.json", document).images["7"].points) == 1
    assert read("a.json", document).categories == ("2",)


@pytest.mark.parametrize("annotations", [keypoints, boxes], ids=lambda kind: kind.__name__)
def test_coco_where_nothing_is_a_person_nothing_is_guessed(annotations, read):
    categories = [{"id": 1, "name": "goat"}, {"id": 2, "name": "dog"}]
    document = coco(annotations=annotations(1, 2), categories=categories)
    with pytest.raises(InputError, match=r"a\.json: has the labels 'goat', 'dog'; rename that of"):
        read("a.json", document)
    with pytest.raises(InputError, match=r"has the labels .* none of them is one of labels"):
        read("a.json", document, labels=["person"])
    assert len(read("a.json", document, labels=["goat"]).images["7"].points) == 1


@pytest.mark.parametrize("annotations", [keypoints, boxes], ids=lambda kind: kind.__name__)
def test_coco_categories_that_are_not_defined_are_errors(annotations, read):
    document = coco(annotations=annotations(1, 7), categories=PERSONS_AND_DOGS)
    with pytest.raises(InputError, match=r"annotations\[1\]: category_id 7 is not among the cat"):
        read("a.json", document)
    document["annotations"] = annotations(None, 1)
    with pytest.raises(InputError, match=r"annotations\[0\]: has no category_id, and there are"):
        read("a.json", document)
    document["categories"] = PERSONS_AND_DOGS[:1]
    assert len(read("a.json", document).images["7"].points) == 2


def test_coco_results_of_several_categories_are_told_by_ids(read):
    with pytest.raises(InputError, match=r"a\.json: has the labels '1', '18'"):
        read("a.json", keypoints(1, 18))
    assert read("a.json", keypoints(1, 18), labels=["1"]).images["5"].points.tolist() == [[0, 2]]


def test_coco_boxes_of_persons_are_read_with_a_warning(read, caplog):
    document = coco(annotations=boxes(1), categories=PERSONS_AND_DOGS)
    assert read("a.json", document).images["7"].points.tolist() == [[2, 5]]
    assert "boxes of persons are read as heads at their centres" in caplog.text
    caplog.clear()
    assert read("a.json", document, anchor="top").images["7"].points.tolist() == [[2, 2]]
    assert caplog.text == ""


def test_coco_groups_are_left_out_of_boxes(read, caplog):
    group = boxes(1)[0] | {"iscrowd": 1}
    document = coco(annotations=[*boxes(1), group], categories=PERSONS_AND_DOGS)
    assert len(read("a.json", document).images["7"].points) == 1
    assert "1 annotations without a single visible head left out" in caplog.text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("image,x,y\na.jpg,3.5,4.25\n", "csv"),
        ('{"path": "a.jpg", "points": [[3.5, 4.25]]}\n', "raz"),
        ('[{"path": "a.jpg", "points": [[3.5, 4.25]]}]', "raz"),
        ("x,y\n3.5,4.25\n", "csv"),
    ],
)
def test_a_fifo_is_read_once(text, kind, tmp_path):
    def write() -> None:
        with open(path, "w") as file:
            file.write(given)

    path = tmp_path / "a"
    os.mkfifo(path)
    given = text
    threading.Thread(target=write, daemon=True).start()
    file = read_points(path)
    assert (file.path, file.kind) == (str(path), kind)
    assert {key: image.points.tolist() for key, image in file.images.items()} == {
        "a": [[3.5, 4.25]]
    }
    given = text.replace("4.25", '"b"')
    threading.Thread(target=write, daemon=True).start()
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}"):
        read_points(path)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_in_a_folder_of_points_is_named(tmp_path, kind):
    (tmp_path / "a.txt").write_text("1 2\n")
    if kind == "link":
        (tmp_path / "b.txt").symlink_to(tmp_path / "nowhere")
    elif hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "b.txt")
    else:
        pytest.skip("no FIFOs on this system")
    with pytest.raises(InputError, match=r"b\.txt: is, or leads to, no regular file"):
        read_points(tmp_path)
