"""CSV, read back by Python's csv (the writer is not Python's)."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, make, results, same, together
from raz.io.points import read_points


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def check(result, rows) -> None:
    points = [[float(row["x"]), float(row["y"])] for row in rows]
    assert same(result, points, [float(row["score"]) if row["score"] else None for row in rows])


@few
@given(results())
@example(MARKED)
def test_one_image(result):
    check(result, read(result.to_csv()))


@few
@given(several=st.lists(results(), max_size=3, unique_by=lambda result: result.path))
@example(several=[MARKED])
def test_several_images(several):
    with tempfile.TemporaryDirectory() as folder:
        text = together(several, "csv", Path(folder)).read_bytes().decode("utf-8")
    rows = read(text)
    assert list(dict.fromkeys(row["path"] for row in rows)) == [result.path for result in several]
    for result in several:
        mine = [row for row in rows if row["path"] == result.path]
        check(result, [row for row in mine if row["x"]])
        assert len(mine) == max(1, result.count_points)


def test_an_image_without_heads_is_not_lost(tmp_path):
    file = together([make((), path="a.jpg"), make(path="b.jpg")], "csv", tmp_path)
    images = read_points(file.rename(tmp_path / "out.csv")).images
    assert {key: len(image.points) for key, image in images.items()} == {"a": 0, "b": 2}


def test_a_name_that_is_no_text_costs_no_run(tmp_path):
    text = together([make(path="a\udcff.jpg")], "csv", tmp_path).read_text(encoding="utf-8")
    assert text.splitlines()[1].startswith('"a\ufffd.jpg",')
