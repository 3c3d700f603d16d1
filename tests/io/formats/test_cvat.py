"""CVAT's XML for images, read back by an XML parser, by the rules of CVAT's own import.

CVAT takes each <image> by its name or else its id, the shapes within it by their element's name,
label, occluded, z_order and points ("x,y;x,y"), and a shape's <attribute> elements by name.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, MARKS, few, make, names, results, same, together
from raz.errors import InputError
from raz.io.points import read_points

CONTROLS = "".join(map(chr, [*range(0x20), 0xFFFE, 0xFFFF]))
"""What XML 1.0 cannot say, and white space, which it can."""


@dataclass
class Frame:
    identifier: int
    name: str
    size: tuple[int, int]
    points: list[list[float]] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)


def imported(path: Path) -> list[Frame]:
    root = ElementTree.parse(path).getroot()
    assert root.tag == "annotations"
    assert root.findtext("version") == "1.1"
    labels = {
        label.findtext("name"): [a.findtext("name") for a in label.iter("attribute")]
        for label in root.iter("label")
    }
    assert {child.tag for child in root} <= {"version", "meta", "image"}
    return [frame(image, labels) for image in root.iter("image")]


def frame(image: ElementTree.Element, labels: dict[str | None, list[str | None]]) -> Frame:
    read = image.attrib
    found = Frame(int(read["id"]), read["name"], (int(read["width"]), int(read["height"])))
    for shape in image:
        assert shape.tag == "points"
        assert shape.attrib["occluded"] == "0"
        assert int(shape.attrib["z_order"]) == 0
        attributes = {a.attrib["name"]: float(a.text) for a in shape.iter("attribute")}
        assert attributes.keys() <= set(labels[shape.attrib["label"]])
        [pair] = shape.attrib["points"].split(";")
        found.points.append([float(number) for number in pair.split(",")])
        found.scores.append(attributes.get("score"))
    return found


def check(frames: list[Frame], several) -> None:
    assert [frame.identifier for frame in frames] == list(range(len(several)))
    for frame, result in zip(frames, several, strict=True):
        assert frame.name == result.path.removeprefix("folder/")
        assert frame.size == result.image_size
        assert same(result, frame.points, frame.scores)


sayable = names(without=CONTROLS.replace("\t", "").replace("\n", "").replace("\r", ""))


@few
@given(results(name=sayable))
@example(MARKED)
def test_one_image(result):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(result.save(Path(folder) / "out.xml")), [result])


@few
@given(several=st.lists(results(name=sayable), max_size=4))
@example(several=[MARKED])
def test_several_images(several):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(together(several, "cvat", Path(folder))), several)


def test_marks_that_xml_cannot_say_are_replaced(tmp_path):
    [read] = imported(make(path=f"a\x01\udcff\uffff{MARKS}").save(tmp_path / "out.xml"))
    assert read.name == f"a\ufffd\ufffd\ufffd{MARKS}"


EXPORTS = Path(__file__).parent / "exports"

TASK = EXPORTS / "cvat_task.xml"
"""As CVAT exports a task: two decimals, attributes, groups, and every kind of shape."""


def test_a_task_as_cvat_exports_it(caplog):
    file = read_points(TASK)
    assert (file.kind, list(file.images)) == ("cvat", ["IMG_7", "IMG_8", "\u00fcber den Platz"])
    first, second, third = file.images.values()
    assert first.name == "monday/IMG_7.jpg"
    assert (first.size, second.size, third.size) == ((640, 480), (480, 640), (640, 480))
    assert first.points.tolist() == [
        [3.5, 4.25], [10, 20], [30, 40.5], [105, 56], [210, 105], [300, 200],
    ]  # fmt: skip
    assert second.points.tolist() == [[50.25, 60.75]]
    assert third.points.shape == (0, 2)
    assert (first.line, second.line) == (88, 120)
    assert first.head_labels == ("Head",) * 6
    # A head that was added by hand has no score, and a point no box.
    assert first.scores is first.boxes is first.sigmas is None
    assert caplog.messages == [
        f"{TASK}: shapes not read as heads: 1 labelled flag, 2 labelled foot, 1 mask, "
        "1 polygon, 1 polyline, 1 tag"
    ]


def test_the_top_of_boxes_and_ellipses_is_their_upper_edge():
    points = read_points(TASK, anchor="top").images["IMG_7"].points
    assert points[3].tolist() == [105, 50]
    assert points[4].tolist() == pytest.approx([215, 105])  # turned by 90 degrees: its right side
    assert points[5].tolist() == [300, 192]


def test_other_labels_on_request():
    images = read_points(TASK, labels=["FOOT"]).images
    assert [len(image.points) for image in images.values()] == [0, 2, 0]
    both = read_points(TASK, labels=["flag", "head"]).images["IMG_7"]
    assert both.head_labels == ("Head",) * 6 + ("flag",)
    with pytest.raises(InputError, match=r"has the labels 'Head', .*none of them is one of labels"):
        read_points(TASK, labels=["hed"])
    with pytest.raises(TypeError, match="labels is 'head'; it must be a sequence of labels"):
        read_points(TASK, labels="head")
    with pytest.raises(ValueError, match="anchor is 'middle'; it must be one of center, top"):
        read_points(TASK, anchor="middle")


def xml(*shapes: str, labels: tuple[str, ...] = ()) -> str:
    declared = "".join(f"<label><name>{label}</name></label>" for label in labels)
    return (
        f"<annotations><meta><job><labels>{declared}</labels></job></meta>\n"
        f'<image id="0" name="a.jpg" width="9" height="8">\n{"".join(shapes)}</image></annotations>'
    )


def point(label: str, xy: str = "1,2") -> str:
    return f'<points label="{label}" points="{xy}"/>'


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "heads.xml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_points(path, **options).images["a"]

    return read


@pytest.mark.parametrize(
    ("labels", "used", "heads"),
    [
        (("HEAD", "person"), ("head", "person", "Head "), 2),
        (("Person", "car"), ("person", "car"), 1),
        ((), ("crowd", "crowd"), 2),
        (("crowd",), ("crowd",), 1),
        (("head", "ignore"), ("ignore",), 0),
        (("a", "b"), (), 0),
    ],
)
def test_which_label_is_that_of_heads(labels, used, heads, read):
    assert len(read(xml(*map(point, used), labels=labels)).points) == heads


def test_nothing_is_guessed_where_several_labels_may_be_heads(read):
    with pytest.raises(InputError, match=r"heads\.xml: has the labels 'a', 'b'; rename that of"):
        read(xml(point("a"), labels=("a", "b")))
    assert len(read(xml(point("a"), labels=("a", "b")), labels=["A"]).points) == 1


def test_boxes_of_heads_give_radii(read):
    box = '<box label="head" xtl="10" ytl="10" xbr="20" ybr="17"/>'
    image = read(xml(box, '<ellipse label="head" cx="5" cy="5" rx="2" ry="3"/>'))
    assert image.boxes.tolist() == [[10, 10, 20, 17], [3, 2, 7, 8]]
    assert (image.sigmas.tolist(), image.levels.tolist()) == ([[3, 6], [2, 3]], [1, 1])
    assert read(xml(box), anchor="top").boxes is None  # a person's, say


def test_what_people_typed_for_a_score_is_none(read):
    scored = point("head").replace("/>", '><attribute name="Score">{}</attribute></points>')
    assert read(xml(*map(scored.format, ("0.5", " 1 ")))).scores.tolist() == [0.5, 1]
    assert read(xml(*map(scored.format, ("0.5", "sure")))).scores is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations>\n<image>", ":2: is not XML: no element found"),
        ("<html/>", ":1: is <html>; CVAT's XML is <annotations>"),
        ("<annotations/>", ": holds no image"),
        (f"<annotations><skeleton>{point('head')}</skeleton></annotations>", ": holds no image"),
        (xml("<points/>"), ":3: <points> has no points"),
        (xml("\n", point("head", "1")), ":4: points holds '1'; it must be x,y"),
        (xml(point("head", "1,2;3,nan")), ":3: points holds '3,nan'; it must be x,y"),
        (xml('<box xtl="1" ytl="2" xbr="b" ybr="3"/>'), ":3: xbr is 'b'; it must be a finite"),
        (xml('<box xtl="1" ytl="2" xbr="3"/>'), ":3: <box> has no ybr"),
        (xml('<ellipse cx="1" cy="2" rx="inf" ry="3"/>'), ":3: rx is 'inf'"),
        (
            xml('<box xtl="-1e308" ytl="2" xbr="1e308" ybr="3"/>'),
            ":2: a head lies or reaches too far out; its place and area must be finite",
        ),
        (xml().replace('"9"', '"0"'), ":2: the size is 0 x 8 pixels; width and height must"),
        (xml().replace('"9"', '"9.5"'), ":2: the size is 9.5 x 8 pixels"),
        (xml().replace("</image>", '</image><image name="a.png"/>'), ":3: image a is there twi"),
        (xml().replace("</image>", "</image><image/>"), ":3: names no image"),
        (
            '<annotations>\n<track id="0" label="head"/></annotations>',
            ':2: is "CVAT for video"; it must be "CVAT for images 1.1"',
        ),
        (
            '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]>\n<annotations>&d;</annotations>',
            ":1: has a document type decl",
        ),
        ('<?xml version="1.0" encoding="x-nobody"?><annotations/>', ": is not XML"),
    ],
)
def test_bad_elements_are_named(text, message, read, tmp_path):
    with pytest.raises(InputError) as caught:
        read(text)
    shown = str(caught.value).removeprefix(str(tmp_path / "heads.xml"))
    assert shown.startswith(message) or (message == ": is not XML" and "is not XML" in shown)


def test_memory_grows_by_the_heads_alone(tmp_path):
    path, polygon = tmp_path / "a.xml", f'<polygon label="c" points="{"1,2;" * 200}"/>'
    path.write_text(xml(point("head"), polygon * 20_000))
    tracemalloc.start()
    try:
        assert len(read_points(path).images["a"].points) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6 < path.stat().st_size / 5


def test_an_archive_is_to_be_unpacked(tmp_path):
    (tmp_path / "task.zip").write_bytes(b"PK\x03\x04...")
    with pytest.raises(InputError, match=r"task\.zip: is a ZIP archive; unpack it"):
        read_points(tmp_path / "task.zip")
