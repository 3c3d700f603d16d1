from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.errors import InputError
from raz.io.points import (
    Problem,
    read_points,
    validate_nwpu,
    write_nwpu_predictions,
    write_nwpu_truth,
)


@pytest.fixture
def written(tmp_path):
    def write(text, name="points.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_predictions(written):
    file = read_points(written("3110 2 10 20 0 7 \n3111 0\n\n"))  # a space at the end is usual
    assert file.kind == "nwpu"
    assert list(file.images) == ["3110", "3111"]
    np.testing.assert_array_equal(file.images["3110"].points, [[10, 20], [0, 7]])
    assert file.images["3110"].sigmas is None
    assert file.images["3111"].points.shape == (0, 2)
    assert file.images["3111"].line == 2


def test_ground_truth(written):
    file = read_points(written("1 0\n2 2 10 20 3 5 1 30 40 6 9 2"))
    image = file.images["2"]
    np.testing.assert_array_equal(image.points, [[10, 20], [30, 40]])
    np.testing.assert_array_equal(image.sigmas, [[3, 5], [6, 9]])
    np.testing.assert_array_equal(image.levels, [1, 2])
    assert file.images["1"].sigmas.shape == (0, 2)
    assert file.images["1"].levels.shape == (0,)


def test_negative_coordinates_are_read_as_they_are(written):
    file = read_points(written("1 1 -1 -1\n"))
    np.testing.assert_array_equal(file.images["1"].points, [[-1, -1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1 5 5\n2 2 1 1 3\n", "2: says 2 points, but 3 numbers follow, not 4 (x y)"),
        ("1 1 5\n", "1: says 1 points, but 1 numbers follow, not 2 (x y) or 5 (x y sigma_s "),
        ("1 0 5 5\n", "1: says 0 points, but 2 numbers follow, not 0 (x y)"),
        ("1 1 5 5.5\n", "1: field 4 is '5.5'; it must be a whole number"),
        ("1 1 nan 5\n", "1: field 3 is 'nan'; it must be a whole number"),
        ("1 1 1_0 5\n", "1: field 3 is '1_0'; it must be a whole number"),
        ("1 1 \u0665 5\n", "1: field 3 is '\u0665'; it must be a whole number"),
        ("1 1 5 9999999999999999999\n", "1: field 4 is 999999999999999..., too large"),
        ("1 many 5 5\n", "1: field 2 is 'many'"),
        ("1 -1\n", "1: says -1 points"),
        ("1 1 5 5\n1 0\n", "2: image 1 is there twice (first on line 1)"),
        ("1\n", "1: holds only '1'"),
        ("1 1 5 5 -2 3 1\n", "1: head 1 has a negative radius (-2 3)"),
        ("1 1 5 5 2 3 6\n", "1: head 1 has level 6; it must be 0 to 5"),
        ("1 1 5 5\n2 1 5 5 2 3 1\n", "2: says 1 points, but 5 numbers follow, not 2 (x y)"),
    ],
)
def test_bad_lines_are_named(text, message, written):
    path = written(text)
    with pytest.raises(InputError) as caught:
        read_points(path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_files_that_are_none(written, tmp_path):
    with pytest.raises(InputError, match=r"nothing\.txt: no such file"):
        read_points(tmp_path / "nothing.txt")
    with pytest.raises(InputError, match=r"points\.txt: the file is empty"):
        read_points(written("\n \n"))
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match=r"folder\.txt: holds no points"):
        read_points(tmp_path / "folder.txt")
    (tmp_path / "bytes.txt").write_bytes(b"1 0\n\xff\xfe")
    with pytest.raises(InputError, match="is not text in UTF-8"):
        read_points(tmp_path / "bytes.txt")


def test_valid_submission(written):
    result = validate_nwpu(written("1 1 5 5\n2 0\n"), images={"1", "2"}, sizes={"1": (5, 5)})
    assert (result.valid, result.images, result.points) == (True, 2, 1)


def test_every_problem_is_found(written):
    path = written(
        "1 1 5 5\n"  # right
        "2 2 -1 5 -2 3\n"
        "\n"
        "3 1 5 12\n"
        "1 0\n"
        "4 1 5 nan\n"
        "5 3 1 2\n"
        "IMG_6 0\n"
        "9 0\n"
    )
    expected = ["1", "2", "3", "4", "5", "7", "8"]
    result = validate_nwpu(path, images=expected, sizes={"3": (10, 10)})
    assert not result.valid
    assert result.problems == (
        Problem(2, "point 1 (-1 5) is negative (and 1 more)"),
        Problem(3, "is empty; a line is: id n and the points"),
        Problem(4, "point 1 (5 12) is outside 10 x 10"),
        Problem(5, "image 1 is there twice (first on line 1)"),
        Problem(6, "field 4 is 'nan'; it must be a whole number"),
        Problem(7, "says 3 points, but 2 numbers follow, not 6 (x y)"),
        Problem(8, "id is 'IMG_6'; it must be a whole number"),
        Problem(8, "image IMG_6 is not among the 7 expected"),
        Problem(9, "image 9 is not among the 7 expected"),
        Problem(None, "image 7 is missing"),
        Problem(None, "image 8 is missing"),
    )


def test_number_of_images(written):
    path = written("1 0\n2 0")  # without a line end
    assert validate_nwpu(path, images=2).valid
    assert validate_nwpu(path, images=3).problems == (Problem(None, "holds 2 images, not 3"),)


def test_ground_truth_is_no_submission(written):
    [problem] = validate_nwpu(written("1 1 5 5 2 3 1\n")).problems
    assert problem == Problem(1, "says 1 points, but 5 numbers follow, not 2 (x y)")


points = st.lists(st.tuples(st.floats(0, 2e4), st.floats(0, 2e4)), max_size=5)


@given(st.dictionaries(st.integers(1, 5109).map(str), points, min_size=1))
def test_written_predictions_are_valid_and_read_back(tmp_path_factory, images):
    path = tmp_path_factory.getbasetemp() / "written.txt"
    write_nwpu_predictions(path, images)
    assert validate_nwpu(path, images=images).valid
    file = read_points(path)
    assert list(file.images) == list(images)
    for name, rows in images.items():
        expected = np.floor(np.reshape(rows, (-1, 2)))
        np.testing.assert_array_equal(file.images[name].points, expected)


def test_written_ground_truth_reads_back(tmp_path):
    boxes = [[0, 0, 5, 2], [0, 0, 10, 7.5], [10, 10, 10, 10]]
    heads = {"7": ([[2.9, 1], [5, 3], [10, 10]], boxes), "8": ([], [])}
    write_nwpu_truth(tmp_path / "gt.txt", heads)
    assert (tmp_path / "gt.txt").read_text() == "7 3 2 1 1 2 1 5 3 3 6 1 10 10 0 0 0\n8 0\n"
    write_nwpu_truth(tmp_path / "gt.txt", heads, powers_of_ten_to_level_0=True)
    assert read_points(tmp_path / "gt.txt").images["7"].levels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ({"1": [[math.nan, 1]]}, "image 1: a coordinate is not finite, or negative"),
        ({"1": [[-0.5, 1]]}, "image 1: a coordinate is not finite, or negative"),
        ({"1": [[1, 2, 3]]}, r"image 1: points have shape \[1, 3\]"),
        ({"a b": []}, "id is 'a b'; it must be a word"),
        ({"": []}, "id is ''; it must be a word"),
    ],
)
def test_nothing_wrong_is_written(images, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_nwpu_predictions(tmp_path / "out.txt", images)
    assert not list(tmp_path.iterdir())


def test_boxes_must_fit_points(tmp_path):
    with pytest.raises(ValueError, match="image 1: has 1 points but 0 boxes"):
        write_nwpu_truth(tmp_path / "out.txt", {"1": ([[1, 1]], [])})
