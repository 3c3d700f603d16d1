"""NWPU-Crowd's text, read back by the evaluation's reader, held against the benchmark's rules."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.results import few, make, names, results, together
from raz.io.points import read_points, validate_nwpu


@few
@given(st.lists(results(name=st.integers(1, 9999).map("{}.jpg".format)), min_size=1, max_size=4,
                unique_by=lambda result: result.path))  # fmt: skip
def test_a_submission_is_valid(several):
    with tempfile.TemporaryDirectory() as folder:
        path = together(several, "nwpu", Path(folder)).rename(Path(folder) / "out.txt")
        keys = [Path(result.path).stem for result in several]
        sizes = {key: result.image_size for key, result in zip(keys, several, strict=True)}
        validation = validate_nwpu(path, images=keys, sizes=sizes)
        assert validation.valid, validation.problems
        assert validation.points == sum(result.count_points for result in several)
        images = read_points(path).images
    assert list(images) == keys
    for image, result in zip(images.values(), several, strict=True):
        np.testing.assert_array_equal(image.points, np.floor(result.points.numpy()))


word = names(without=".").filter(lambda name: not any(map(str.isspace, name)))


@few
@given(word)
def test_any_word_is_an_id(name):
    result = make(path=f"folder/{name}.jpg")
    with tempfile.TemporaryDirectory() as folder:
        path = result.save(Path(folder) / "out.txt")
        assert path.read_text(encoding="utf-8").split()[0] == name


def test_a_name_with_white_space_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"my photo\.jpg: image_id is 'my photo'"):
        make(path="my photo.jpg").save(tmp_path / "out.txt")
    assert not list(tmp_path.iterdir())
