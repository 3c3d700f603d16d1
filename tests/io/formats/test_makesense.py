"""makesense.ai's CSV of points and rectangles."""

from __future__ import annotations

import pytest

from raz.errors import InputError
from raz.io.points import read_points

LINES = "head,12,30,a.jpg,640,480\nhead,50,60,a.jpg,640,480\nhead,7,8,b.PNG,320,200\n"


@pytest.fixture
def read(tmp_path):
    def read(text, name="labels.csv", **options):
        path = tmp_path / name
        path.write_text(text)
        return read_points(path, **options)

    return read


@pytest.mark.parametrize("head", ["", "\ufeff", "label_name,point_x,point_y,image_name,w,h\n"])
def test_points(read, head):
    file = read(head + LINES)
    assert file.kind == "makesense"
    assert {key: image.points.tolist() for key, image in file.images.items()} == {
        "a": [[12, 30], [50, 60]],
        "b": [[7, 8]],
    }
    assert (file.images["a"].size, file.images["b"].size) == ((640, 480), (320, 200))
    assert file.where("b") == f"{file.path}:{4 if 'label' in head else 3}"


def test_rectangles(read):
    file = read("person,10,20,4,6,a.jpg,640,480\n")
    assert file.images["a"].points.tolist() == [[12, 23]]
    assert file.images["a"].boxes.tolist() == [[10, 20, 14, 26]]
    file = read("person,10,20,4,6,a.jpg,640,480\n", anchor="top")
    assert (file.images["a"].points.tolist(), file.images["a"].boxes) == ([[12, 20]], None)


def test_labels_and_images_without_heads(read, caplog):
    file = read(LINES + "dog,1,1,b.PNG,320,200\n,,,c.jpg,9,9\n")
    assert [len(image.points) for image in file.images.values()] == [2, 1, 0]
    assert "shapes not read as heads: 1 labelled dog" in caplog.text
    assert len(read(LINES + "dog,1,1,b.PNG,320,200\n", labels=["dog"]).images["a"].points) == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("head,1,2,3", r"labels\.csv:4: has 4 fields; it must be 6 or 8"),
        ("head,1,x,a.jpg,640,480", r"labels\.csv:4: 'x' is no finite number"),
        ("head,1,nan,a.jpg,640,480", r"labels\.csv:4: 'nan' is no finite number"),
        ("head,1,2,,640,480", r"labels\.csv:4: names no image"),
        ("head,1,2,a.jpg,wide,480", r"labels\.csv:4: the size is 'wide' x '480'"),
        (
            "head,1,2,a.jpg,64,48",
            r"labels\.csv:4: a\.jpg of 64 x 48 pixels and the image of line 1",
        ),
        ("head,1,2,c.jpg,0,480", r"labels\.csv:4: the size is 0 x 480 pixels; width and height"),
        (f"head,1,2,c.jpg,640,{'9' * 5000}", r"labels\.csv:4: '9+\.\.\.' is no finite number"),
        ("head,1,2,a.png,640,480", r"are both image a"),
        ("head,1,2,-3,4,a.jpg,640,480", r"labels\.csv:4: the rectangle is -3 x 4"),
    ],
)
def test_what_is_broken_is_named(read, line, words):
    with pytest.raises(InputError, match=words):
        read(f"{LINES}{line}\n")
