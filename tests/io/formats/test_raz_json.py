"""JSON and JSON lines, read back by Python's json."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, results, same, together
from raz.io.points import read_points


@pytest.mark.parametrize("name", ["raz", "jsonl"])
@few
@given(several=st.lists(results(), max_size=3))
@example(several=[MARKED])
def test_several_images(name, several):
    with tempfile.TemporaryDirectory() as folder:
        text = together(several, name, Path(folder)).read_text(encoding="utf-8")
    read = json.loads(text) if name == "raz" else list(map(json.loads, text.split("\n")[:-1]))
    assert [entry["path"] for entry in read] == [result.path for result in several]
    assert [entry["count"] for entry in read] == [result.count for result in several]
    for entry, result in zip(read, several, strict=True):
        assert same(result, [row[:2] for row in entry["points"]], [r[2] for r in entry["points"]])


@few
@given(result=results(name=st.just("1.jpg"), scores=st.floats(0, 1, width=32)))
def test_the_evaluation_reads_the_same_points(result):
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".json", ".jsonl"):
            read = read_points(result.save(Path(folder) / f"out{suffix}")).images["1"]
            assert same(result, read.points, read.scores.tolist())
            assert read.size == result.image_size
