"""Anyone's own images: every place and form of points, and what is ambiguous or missing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.data import AnnotatedFolder
from raz.data.layouts import detect_layout
from raz.errors import InputError
from raz.io.formats.shapes import HeadRule
from raz.io.points.folder import labels_of_all

POINTS = {"a": [[1.5, 2.0], [31.0, -2.0]], "b": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path)
    return tmp_path


def write_images(folder: Path, names: tuple[str, ...] = ("a.jpg", "b.png")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.full((20, 30, 3), 90, dtype=np.uint8)).save(folder / name)


def write_csv(path: Path) -> None:
    path.write_text("image,x,y\na.jpg,1.5,2\na.jpg,31,-2\nb.png,,\n")


def write_coco(path: Path, size: tuple[int, int] = (30, 20)) -> None:
    names = ("a.jpg", "b.png")
    images = [
        {"id": i, "file_name": name, "width": size[0], "height": size[1]}
        for i, name in enumerate(names)
    ]
    annotations = [{"image_id": 0, "keypoints": [x, y, 2]} for x, y in POINTS["a"]]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))


def write_own(path: Path) -> None:
    path.write_text(json.dumps([{"path": f"x/{k}.jpg", "points": v} for k, v in POINTS.items()]))


def write_lines(path: Path) -> None:
    objects = [{"path": f"{key}.jpg", "points": value} for key, value in POINTS.items()]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in objects))


WRITERS = {"csv": write_csv, "json": write_coco, "own.json": write_own, "jsonl": write_lines}


@pytest.mark.parametrize("inner", ["", "images"])
@pytest.mark.parametrize("form", WRITERS)
def test_one_file_for_all(tmp_path: Path, form: str, inner: str) -> None:
    write_images(tmp_path / inner)
    WRITERS[form](tmp_path / f"heads.{form}")
    check(AnnotatedFolder(tmp_path))


def check(samples: AnnotatedFolder) -> None:
    assert samples.names == ("a", "b")
    assert [samples.image_path(i).name for i in range(2)] == ["a.jpg", "b.png"]
    for index, name in enumerate(samples.names):
        points = samples.points(index)
        assert (points.dtype, points.shape[1]) == (np.float32, 2)
        assert points.tolist() == POINTS[name]
        assert samples[index].points.tolist() == POINTS[name]
        assert samples[index].size == samples.size(index) == (20, 30)
    assert samples.lone_truth() == ()


def test_nwpu_lines_need_the_name_points(folder: Path) -> None:
    (folder / "notes.txt").write_text("what the camera was\n")
    (folder / "points.txt").write_text("a 2 1 2 29 3\nb 0\n")
    samples = AnnotatedFolder(folder)
    assert samples.points(0).tolist() == [[1, 2], [29, 3]]
    assert samples.points(1).shape == (0, 2)


@pytest.mark.parametrize("place", ["", "points"])
@pytest.mark.parametrize("separator", [" ", ",", ", "])
def test_text_for_each_image(folder: Path, place: str, separator: str) -> None:
    (folder / place).mkdir(exist_ok=True)
    lines = [separator.join(map(str, point)) + "\n" for point in POINTS["a"]]
    (folder / place / "a.txt").write_text("".join(lines))
    (folder / place / "b.txt").touch()
    check(AnnotatedFolder(folder))


@pytest.mark.parametrize("place", ["", "points"])
def test_json_for_each_image(folder: Path, place: str) -> None:
    (folder / place).mkdir(exist_ok=True)
    for name, points in POINTS.items():
        (folder / place / f"{name}.json").write_text(json.dumps({"points": points}))
    check(AnnotatedFolder(folder))


def test_points_goes_before_other_files(folder: Path) -> None:
    (folder / "export.csv").write_text("not,of,this\n")
    (folder / "a.txt").write_text("9 9\n")
    write_csv(folder / "points.csv")
    check(AnnotatedFolder(folder))


def test_splits_are_folders(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_images(tmp_path / split)
        write_csv(tmp_path / split / "points.csv")
    assert AnnotatedFolder.splits_in(tmp_path) == ("train", "test")
    for split in ("train", "test"):
        samples = AnnotatedFolder(tmp_path, split)
        assert samples.image_path(0) == tmp_path / split / "a.jpg"
    with pytest.raises(InputError, match="holds no folder val"):
        AnnotatedFolder(tmp_path, "val")
    with pytest.raises(ValueError, match="split is 'all'; it must be one of train, val, test"):
        AnnotatedFolder(tmp_path, "all")


def test_natural_order_without_hidden_files(tmp_path: Path) -> None:
    write_images(tmp_path, ("p10.jpg", "p9.JPG", ".p1.jpg"))
    (tmp_path / "points.csv").write_text("image,x,y\np9,1,1\n")
    samples = AnnotatedFolder(tmp_path)
    assert samples.names == ("p9", "p10")
    with pytest.raises(InputError, match=r"p10\.jpg: not named in .*points\.csv"):
        samples.points(1)


def rotated(path: Path) -> None:
    tag = Image.Exif()
    tag[0x112] = 6
    Image.fromarray(np.full((20, 30, 3), 90, dtype=np.uint8)).save(path, exif=tag)


def test_images_are_upright(folder: Path) -> None:
    rotated(folder / "a.jpg")
    write_csv(folder / "points.csv")
    samples = AnnotatedFolder(folder)
    assert samples[0].size == samples.size(0) == (30, 20)


def test_points_marked_before_the_image_was_turned_are_found(folder: Path) -> None:
    rotated(folder / "a.jpg")
    write_coco(folder / "points.json", size=(30, 20))
    samples = AnnotatedFolder(folder)
    assert len(samples.points(0)) == 2
    with pytest.raises(InputError, match=r"says that a\.jpg is 30 x 20, but it is 20 x 30"):
        samples[0]
    assert samples[1].size == (20, 30)


def test_truth_without_an_image_is_named(folder: Path) -> None:
    with (folder / "points.csv").open("w") as file:
        file.write("image,x,y\na.jpg,1,1\nc.jpg,2,2\nb.png,,\n")
    assert AnnotatedFolder(folder).lone_truth() == (f"{folder / 'points.csv'}:3: image c",)
    (folder / "points.csv").unlink()
    for name in "abc":
        (folder / f"{name}.txt").write_text("1 1\n")
    (folder / "notes.md").write_text("not a file of points")
    assert AnnotatedFolder(folder).lone_truth() == (str(folder / "c.txt"),)


def test_an_image_without_its_file_is_named(folder: Path) -> None:
    (folder / "a.txt").write_text("1 1\n")
    samples = AnnotatedFolder(folder)
    assert len(samples[0].points) == 1
    with pytest.raises(InputError, match=r"b\.txt: no such file"):
        samples.points(1)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, r"holds no points: looked for one \.csv"),
        ({"x.csv": "", "y.json": ""}, r"holds x\.csv and y\.json; call the one with the points"),
        ({"points.csv": "", "points.json": ""}, r"holds points\.csv and points\.json; keep one"),
        ({"a.txt": "1 1", "a.json": "{}"}, r"a\.jpg: its points lie in a\.txt and a\.json"),
        ({"points.csv": "image,x,y\na,1,nan\n"}, r"points\.csv:2: y is 'nan'; it must be finite"),
        ({"points.csv": ""}, r"points\.csv: the file is empty"),
        ({"points.json": "{"}, r"points\.json: is not JSON"),
        ({"a.tiff": "", "points.csv": ""}, r"a\.tiff: has the same name as .*a\.jpg"),
    ],
)
def test_what_is_unclear_or_broken_is_named(
    folder: Path, files: dict[str, str], words: str
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=words):
        AnnotatedFolder(folder)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "1 2\n3\n", r"a\.txt:2: has 1 fields; it must be 2"),
        ("a.txt", "1 2 3\n", r"a\.txt:1: has 3 fields; it must be 2"),
        ("a.txt", "1 inf\n", r"a\.txt:1: 'inf' is no finite number"),
        ("a.txt", "IMG_1 0\n", r"a\.txt:1: 'IMG_1' is no finite number"),
        ("a.txt", "1e300 0\n", r"a\.txt: points: holds a NaN or an infinity"),
        ("a.json", "[[1, 2]]", r"a\.json: is not an object with points"),
        ("a.json", '{"points": [[1]]}', r"a\.json: points\[0\]: is \[1\]"),
        ("a.json", "", r"a\.json: the file is empty"),
    ],
)
def test_broken_points_of_an_image_are_named(
    folder: Path, name: str, text: str, words: str
) -> None:
    (folder / name).write_text(text)
    with pytest.raises(InputError, match=words):
        AnnotatedFolder(folder).points(0)


def test_without_images(tmp_path: Path) -> None:
    write_csv(tmp_path / "points.csv")
    with pytest.raises(InputError, match="holds no images"):
        AnnotatedFolder(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        AnnotatedFolder(tmp_path / "nowhere")


def test_text_beside_images_that_holds_no_points_is_no_lost_file(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text("1 2\n")
    (folder / "README.txt").write_text("how these were marked\n")
    (folder / "classes.txt").write_text("head\n")
    (folder / "._a.txt").write_text("3 4\n")
    (folder / "c.txt").write_text("5 6\n")
    (folder / "nobody.txt").write_text("")
    (folder / "torn.txt").write_text("1\n")
    lone = [str(folder / name) for name in ("c.txt", "nobody.txt", "torn.txt")]
    assert AnnotatedFolder(folder).lone_truth() == tuple(lone)


def test_accents_may_be_apart_from_their_letters(tmp_path: Path) -> None:
    write_images(tmp_path, ("cafe\u0301.jpg",))
    (tmp_path / "points.csv").write_text("image,x,y\ncaf\u00e9.jpg,1,2\n")
    samples = AnnotatedFolder(tmp_path)
    assert samples.names == ("caf\u00e9",)
    assert samples.points(0).tolist() == [[1, 2]]
    assert samples.lone_truth() == ()


def test_a_file_of_several_folders_serves_one_of_them(tmp_path: Path) -> None:
    write_images(tmp_path / "stage", ("a.jpg", "b.png"))
    (tmp_path / "stage/points.csv").write_text(
        "image,x,y\ngate/a.jpg,1,1\nstage/a.jpg,2,2\nstage/a.jpg,3,3\nstage/b.png,,\n"
    )
    samples = AnnotatedFolder(tmp_path / "stage")
    assert [samples.points(index).tolist() for index in range(2)] == [[[2, 2], [3, 3]], []]
    assert samples.lone_truth() == (f"{tmp_path / 'stage/points.csv'}:2: image gate/a",)


def test_files_whose_labels_are_not_clear_are_looked_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once more for each image: a set of thousands would never end."""
    shapes = [
        {"label": label, "points": [[3, 4]], "shape_type": "point"} for label in ("adult", "child")
    ]
    for name in ("a.jpg", "b.png"):
        document = {"shapes": shapes, "imagePath": name, "imageHeight": 20, "imageWidth": 30}
        (folder / name).with_suffix(".json").write_text(json.dumps(document))
    calls: list[str] = []

    def counted(paths: Iterable[str], rule: HeadRule, where: str) -> frozenset[str]:
        calls.append(where)
        return labels_of_all(paths, rule, where)

    monkeypatch.setattr("raz.data.folder.labels_of_all", counted)
    samples = AnnotatedFolder(folder)
    for index in (0, 1):
        with pytest.raises(InputError, match="adult"):
            samples.points(index)
    assert len(calls) == 1


def test_a_name_that_is_as_long_as_one_can_be(tmp_path: Path) -> None:
    """With another suffix it would be too long."""
    name = "a" * 251
    Image.new("RGB", (64, 48)).save(tmp_path / f"{name}.png")
    (tmp_path / f"{name}.txt").write_text("3 4\n")
    assert AnnotatedFolder(tmp_path).points(0).tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("length", [300, 5000])
def test_a_folder_whose_name_is_too_long_is_missing(length: int) -> None:
    with pytest.raises(InputError, match=r"a: no such folder$"):
        detect_layout("a" * length)
