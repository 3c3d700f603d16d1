"""What raz writes it also reads: the same points, scores and names, whatever the suffix says.

Names of files are of any text that the format can say. CSV of one image does not name it; CVAT has
the file name without folders, and NWPU-Crowd's text also without suffix, and floored coordinates.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from formats.results import MARKED, make, names, results, same, together
from formats.test_cvat import sayable
from raz.errors import InputError
from raz.io.formats import FORMATS, shortest
from raz.io.georeference import Georeference
from raz.io.points import ImagePoints, image_key, image_stem, read_points, write_points
from raz.io.points.writing import FORMS

UTM = Georeference(np.array([[0.5, 0, 399_000], [0, -0.5, 5_757_000]]), 32632)

few = settings(max_examples=12, deadline=None)
"""Each example writes and reads a file, for each format."""

word = names(without="\\").filter(lambda name: not any(map(str.isspace, image_stem(name))))
NAMES = {"cvat": sayable, "nwpu": word}
"""Names that the format can say; of any text in the others."""

NOT_READ = ("counts", "report")
READ = tuple(name for name, known in FORMATS.items() if known.text and name not in NOT_READ)
"""Formats that hold heads."""
KINDS = {"jsonl": "raz"}
WITH_SIZES = ("raz", "jsonl", "coco", "cvat", "geojson")

score = st.floats(0, 1, width=32)


def stated_name(result, name: str) -> str:
    """The name of a result's image as a format has it."""
    if name == "cvat":
        return Path(result.path).name
    return image_stem(result.path) if name == "nwpu" else result.path


def check(image: ImagePoints, result, name: str) -> None:
    assert image.name == stated_name(result, name)
    if name in WITH_SIZES or (name == "label-studio" and result.count_points):
        assert image.size == result.image_size
    if name == "nwpu":
        np.testing.assert_array_equal(image.points, np.floor(result.points.numpy()))
        return
    assert image.points.dtype == np.float64
    # Not only the same float32: the same number that was written, so that floors are the same.
    np.testing.assert_array_equal(image.points, shortest(result.points.numpy()))
    scores = [] if image.scores is None else image.scores.tolist()
    assert same(result, image.points, scores)


@pytest.mark.parametrize("name", READ)
@few
@given(data=st.data())
def test_one_image(name, data):
    result = data.draw(results(name=NAMES.get(name), scores=score))
    with tempfile.TemporaryDirectory() as folder:
        file = read_points(result.save(Path(folder) / "IMG_3.heads", format=name))
    [(key, image)] = file.images.items()
    assert file.kind == KINDS.get(name, name)
    assert file.unnamed == (name == "csv")
    if file.unnamed:
        assert (key, image.name) == ("IMG_3", "")
        image = replace(image, name=result.path)
    else:
        assert key == image_key(result.path)
    check(image, result, name)


@pytest.mark.parametrize("name", [name for name in READ if FORMATS[name].collection])
@few
@given(data=st.data())
def test_several_images(name, data):
    one = results(name=NAMES.get(name), scores=score)
    key = lambda result: image_key(result.path)  # noqa: E731
    several = data.draw(st.lists(one, min_size=1, max_size=4, unique_by=key))
    with tempfile.TemporaryDirectory() as folder:
        file = read_points(together(several, name, Path(folder)))
    assert list(file.images) == list(map(key, several))
    for image, result in zip(file.images.values(), several, strict=True):
        # Where a file has scores, an image without heads has none to show it.
        check(image, result, name)


@pytest.mark.parametrize("name", [name for name in READ if name != "nwpu"])
def test_names_full_of_marks(name, tmp_path):
    file = read_points(MARKED.save(tmp_path / "heads", format=name))
    [(key, image)] = file.images.items()
    assert key == ("heads" if name == "csv" else image_key(MARKED.path))
    assert same(MARKED, image.points, image.scores.tolist())


@pytest.mark.parametrize("name", READ)
def test_without_heads(name, tmp_path):
    file = read_points(make((), path="a.jpg").save(tmp_path / "a", format=name))
    assert {key: image.points.shape for key, image in file.images.items()} == {"a": (0, 2)}


NAN = make(scores=torch.tensor([0.5, math.nan]), path="a.jpg")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raz", r"points\[1\]: is null; it must be a finite number"),
        ("jsonl", r"points\[1\]: is null; it must be a finite number"),
        ("csv", r":3: score is ''; it must be a number"),
        ("coco", "some annotations have a score and some have none"),
    ],
)
def test_a_score_that_is_no_number_is_refused(name, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_points(NAN.save(tmp_path / "a", format=name))


@pytest.mark.parametrize("name", ["cvat", "label-studio", "geojson"])
def test_where_people_add_heads_by_hand_scores_are_all_or_none(name, tmp_path):
    image = read_points(NAN.save(tmp_path / "a", format=name)).images["a"]
    assert image.points.tolist() == NAN.points.tolist()
    assert image.scores is None


@few
@given(results(scores=score))
def test_on_the_map(result):
    result = replace(result, georeference=UTM)
    with tempfile.TemporaryDirectory() as folder:
        path = result.save(Path(folder) / "heads.geojson")
        for georeference in (None, UTM):
            [image] = read_points(path, georeference=georeference).images.values()
            check(image, result, "geojson")
        path.write_text(path.read_text().replace('"x"', '"left"'))
        [image] = read_points(path, georeference=UTM).images.values()
        written = shortest(result.points.numpy())
        np.testing.assert_allclose(image.points, written, rtol=0, atol=1e-7)
        if result.count_points:
            with pytest.raises(
                InputError, match=r"features\[0\]: has map coordinates but no x and y"
            ):
                read_points(path)


# Records: what `write_points` takes.

KEEPS_NAME = tuple(form for form in FORMS if form not in ("cvat", "nwpu"))
ONE_FILE = tuple(form for form in FORMS if FORMS[form].suffix)


@st.composite
def records(draw, name=None, boxed=False, scored=False) -> ImagePoints:
    """Any record of float32 points, within the image or not."""
    size = draw(st.tuples(st.integers(1, 60_000), st.integers(1, 60_000)))
    number = st.floats(0, 1e5, width=32) if boxed else st.floats(-1e5, 1e5, width=32)
    points = draw(st.lists(st.tuples(number, number), max_size=5))
    drawn = np.array(draw(st.lists(score, min_size=len(points), max_size=len(points))))
    xy = shortest(np.array(points, dtype=np.float32).reshape(-1, 2))
    sides = st.tuples(st.integers(1, 500), st.integers(1, 500))
    sides = draw(st.lists(sides, min_size=len(points), max_size=len(points)))
    half = np.array(sides, dtype=np.float64).reshape(-1, 2) / 2
    return ImagePoints(
        name=draw((names() if name is None else name).filter(str.strip)),  # CSV needs one
        size=size,
        points=xy,
        scores=shortest(drawn.astype(np.float32)) if scored else None,
        boxes=np.hstack([np.floor(xy) - half, np.floor(xy) + half]) if boxed else None,
    )


def several(one: st.SearchStrategy[ImagePoints]) -> st.SearchStrategy[list[ImagePoints]]:
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda image: image_key(image.name))


@pytest.mark.parametrize("form", [form for form in ONE_FILE if form != "nwpu"])
@pytest.mark.parametrize("scored", [False, True])
@few
@given(data=st.data())
def test_records(form, scored, data):
    written = data.draw(several(records(name=NAMES.get(form), scored=scored)))
    assume(not any("\\" in image.name for image in written if form == "cvat"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"heads{FORMS[form].suffix}"
        write_points(path, written, form)
        first = path.read_bytes()
        read = read_points(path)
        assert list(read.images) == [image_key(image.name) for image in written]
        heads = sum(len(image.points) for image in written)
        for image, was in zip(read.images.values(), written, strict=True):
            assert image.name == was.name
            np.testing.assert_array_equal(image.points, was.points)
            if scored and heads and len(was.points):
                np.testing.assert_array_equal(image.scores, was.scores)
            elif not scored:
                assert image.scores is None or not len(was.points)
        if all(len(image.points) for image in written):  # what was read says as much
            write_points(path, read.images.values(), form)
            assert path.read_bytes() == first


@few
@given(several(records(name=word, boxed=True)))
def test_radii_levels_and_boxes(written):
    with tempfile.TemporaryDirectory() as folder:
        coco, text = Path(folder, "truth.json"), Path(folder, "truth.txt")
        write_points(coco, written, "coco")
        for image, was in zip(read_points(coco).images.values(), written, strict=True):
            np.testing.assert_array_equal(image.boxes, was.boxes)
        write_points(text, written, "nwpu")
        first = text.read_text(encoding="utf-8")
        read = read_points(text)
        for image, was in zip(read.images.values(), written, strict=True):
            np.testing.assert_array_equal(image.points, np.floor(was.points))
        write_points(text, read.images.values(), "nwpu")
        assert text.read_text(encoding="utf-8") == first
        if any(len(image.points) for image in written):
            write_points(text, read_points(coco).images.values(), "nwpu")
            assert text.read_text(encoding="utf-8") == first
