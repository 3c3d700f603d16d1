"""Points of every layout come back from every form as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import published
from raz.data import AnnotatedPhotographs, open_data_set
from raz.data.convert import convert
from raz.errors import InputError
from raz.io.annotations import ImagePoints
from raz.io.points import read_points
from raz.io.points.writing import FORMS, write_points

pytest.importorskip("scipy.io")

NAMES = {form: f"points{entry.suffix}" for form, entry in FORMS.items()}


def beside_images(samples: AnnotatedPhotographs, root: Path) -> Path:
    """A folder with the same images, and no points."""
    root.mkdir()
    for index in range(len(samples)):
        path = samples.image_path(index)
        (root / path.name).write_bytes(path.read_bytes())
    return root


def same_points(left: AnnotatedPhotographs, right: AnnotatedPhotographs) -> None:
    assert left.names == right.names
    for index in range(len(left)):
        assert np.array_equal(left.points(index), right.points(index))


@pytest.mark.parametrize("layout", published.LAYOUTS)
@pytest.mark.parametrize("form", [form for form in FORMS if form != "nwpu"])
def test_round_trip(tmp_path: Path, layout: str, form: str) -> None:
    published.LAYOUTS[layout](tmp_path / "set")
    samples = open_data_set(tmp_path / "set")
    own = beside_images(samples, tmp_path / "own")
    convert(samples, own / NAMES[form], form)
    read = open_data_set(own, "folder")
    same_points(samples, read)
    assert read.lone_truth() == ()
    assert read[0].size == (published.HEIGHT, published.WIDTH)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "nwpu"])
def test_every_bit_of_a_coordinate_is_kept(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    points = np.float32(rng.normal(1000, 3000, (200, 2)))
    published.write_image(tmp_path / "set/train_data/images/IMG_1.jpg", 10)
    published.write_image_info(tmp_path / "set/train_data/ground_truth/GT_IMG_1.mat", points)
    samples = open_data_set(tmp_path / "set", "shanghaitech_a")
    own = beside_images(samples, tmp_path / "own")
    convert(samples, own / NAMES[form], form)
    assert np.array_equal(open_data_set(own).points(0), points)


@pytest.mark.parametrize("layout", ["jhu", "nwpu"])
def test_boxes_become_radii_and_levels(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = open_data_set(tmp_path)
    without_negative(samples)
    convert(samples, tmp_path / "truth.txt", "nwpu")
    convert(samples, tmp_path / "truth.json", "coco")
    text, coco = read_points(tmp_path / "truth.txt"), read_points(tmp_path / "truth.json")
    assert list(text.images) == list(coco.images) == list(samples.names)
    for key in samples.names:
        left, right = text.images[key], coco.images[key]
        assert np.array_equal(left.points, np.floor(right.points))
        assert left.sigmas is not None
        assert right.sigmas is not None
        assert np.array_equal(left.sigmas, right.sigmas)
        assert np.array_equal(left.levels, right.levels)  # type: ignore[arg-type]
    assert text.images[samples.names[0]].sigmas.tolist() == [[2, 3]]  # type: ignore[union-attr]


def without_negative(samples: AnnotatedPhotographs) -> None:
    """Take the heads outside away: NWPU-Crowd's text has no negative numbers."""
    for index in range(len(samples)):
        path = samples.truth_path(index)
        if path.suffix == ".json":
            published.write_nwpu_json(path, samples.points(index)[:1])
        else:
            path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))


def test_nwpu_lines_without_boxes_are_floored_points(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("image,x,y\na b.png,,\nc.png,1.9,3.5\n")
    published.write_image(tmp_path / "c.png", 9)
    samples = open_data_set(tmp_path)
    convert(samples, tmp_path / "out.txt", "nwpu")
    assert (tmp_path / "out.txt").read_text() == "c 1 1 3\n"
    published.write_image(tmp_path / "a b.png", 9)
    with pytest.raises(InputError, match=r"id is 'a b'; it must be a word .* cannot say this"):
        convert(open_data_set(tmp_path), tmp_path / "out.txt", "nwpu")
    assert (tmp_path / "out.txt").read_text() == "c 1 1 3\n"


def test_nwpu_cannot_say_negative(tmp_path: Path) -> None:
    published.own_folder(tmp_path)
    with pytest.raises(InputError, match="image p1: a coordinate is not finite, or negative"):
        convert(open_data_set(tmp_path), tmp_path / "out.txt", "nwpu")
    assert not (tmp_path / "out.txt").exists()


def test_bad_points_leave_the_old_file(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "train/gt/0010.txt").write_text("1")
    with pytest.raises(InputError, match=r"0010\.txt:1"):
        convert(open_data_set(tmp_path), tmp_path / "out.csv", "csv")
    assert (tmp_path / "out.csv").read_text() == "old"


def test_bad_arguments(tmp_path: Path) -> None:
    published.own_folder(tmp_path)
    samples = open_data_set(tmp_path)
    with pytest.raises(ValueError, match="form is 'xml'; it must be one of csv, coco"):
        convert(samples, tmp_path / "out.xml", "xml")
    with pytest.raises(ValueError, match=r"out\.txt; it must end in \.json for coco"):
        convert(samples, tmp_path / "out.txt", "coco")


@pytest.mark.parametrize(
    ("layout", "form", "target"),
    [
        ("jhu", "txt", "train/gt"),
        ("nwpu", "json", "jsons"),
        ("nwpu", "nwpu", "train.txt"),
        ("nwpu", "nwpu", "val.txt"),
    ],
)
def test_a_data_set_is_not_written_over(
    tmp_path: Path, layout: str, form: str, target: str
) -> None:
    published.LAYOUTS[layout](tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    samples = open_data_set(tmp_path, layout, "train")
    link = tmp_path / f"link{Path(target).suffix}"
    link.symlink_to(tmp_path / target)
    for path in (tmp_path / target, link):
        with pytest.raises(ValueError, match="is a file of the data set itself"):
            convert(samples, path, form)
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("form", ["csv", "nwpu"])
def test_half_a_character_in_a_name_is_named(form: str, tmp_path: Path) -> None:
    image = ImagePoints(name="half-\ud800.png", points=np.zeros((0, 2)))
    with pytest.raises(InputError, match=r"out.*half-.*is not UTF-8"):
        write_points(tmp_path / f"out{FORMS[form].suffix}", [image], form)


def test_a_name_that_is_not_text_is_named(tmp_path: Path) -> None:
    published.write_image(tmp_path / "caf\udce9.png", 9)
    (tmp_path / "caf\udce9.txt").write_text("1 2\n")
    samples = open_data_set(tmp_path)
    for form in ("csv", "nwpu"):
        target = tmp_path / f"out{FORMS[form].suffix}"
        with pytest.raises(InputError, match=r"out.*caf\\xe9.*is not UTF-8"):
            convert(samples, target, form)
        assert not target.exists()


@pytest.mark.parametrize("form", ["txt", "json"])
def test_files_of_single_images_have_the_letters_of_the_images(tmp_path: Path, form: str) -> None:
    published.write_image(tmp_path / "set/cafe\u0301.png", 9)
    (tmp_path / "set/points.csv").write_text("image,x,y\ncaf\u00e9.png,1,2\n")
    samples = open_data_set(tmp_path / "set")
    assert samples[0].name == samples.names[0] == "caf\u00e9"
    own = beside_images(samples, tmp_path / "own")
    convert(samples, own / "points", form)
    same_points(samples, open_data_set(own))
