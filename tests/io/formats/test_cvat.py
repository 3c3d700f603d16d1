"""CVAT's XML for images, read back by an XML parser, by the rules of CVAT's own import.

CVAT takes each <image> by its name or else its id, the shapes within it by their element's name,
label, occluded, z_order and points ("x,y;x,y"), and a shape's <attribute> elements by name.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, MARKS, few, make, names, results, same, together

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
