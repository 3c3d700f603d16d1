from __future__ import annotations

import pytest

from raz.errors import InputError
from raz.io.points import read_single


def test_result_of_predict_keeps_scores_and_size(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"path": "a.jpg", "points": [[1, 2, 0.5]], "image_size": [30, 20]}')
    read = read_single(path)
    assert (read.points.tolist(), read.scores.tolist(), read.size) == ([[1, 2]], [0.5], (30, 20))


def test_lines_may_end_in_any_way_and_be_empty(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf1 2\r\n\r\n3\t4")
    assert read_single(path).points.tolist() == [[1, 2], [3, 4]]
    path.write_bytes(b" \n")
    assert read_single(path).points.shape == (0, 2)


def test_other_suffix_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"a\.xml: the file name must end in \.txt or \.json"):
        read_single(tmp_path / "a.xml")
