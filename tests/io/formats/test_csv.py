"""CSV, read back by Python's csv (the writer is not Python's)."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, make, results, same, together
from raz.io.annotations import ImagePoints
from raz.io.formats import save_all
from raz.io.formats.csv import safe_cell, write_csv
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
    assert list(dict.fromkeys(row["path"] for row in rows)) == [
        safe_cell(result.path) for result in several
    ]
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


STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
FORMULAS = [f"{start}cmd|' /C calc'!A0.jpg" for start in STARTS]


@pytest.mark.parametrize("name", [*FORMULAS, "./=a.jpg", "././-a.jpg", "./a.jpg", "a=b.jpg"])
def test_no_cell_is_a_formula_and_names_read_back(name, tmp_path):
    """Spreadsheets run cells that begin so, quoted or not."""
    result = make(path=name)
    record = ImagePoints(name=name, points=np.array([[3.5, 4.25]]))
    together = save_all([result], tmp_path / "several.csv")
    with open(tmp_path / "records.csv", "w", newline="") as file:
        write_csv(file, [record])
    for path in (together, tmp_path / "records.csv"):
        [image] = read_points(path).images.values()
        assert image.name == name
    counts = result.save(tmp_path / "a.counts.csv")
    for path in (together, tmp_path / "records.csv", counts):
        with open(path, newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not any(cell.startswith(tuple(STARTS)) for cell in cells)
        # What stands there names the same file.
        assert any(os.path.normpath(cell) == os.path.normpath(name) for cell in cells)
