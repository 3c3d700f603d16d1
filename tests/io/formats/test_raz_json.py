"""JSON and JSON lines, read back by Python's json."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, results, same, together
from raz.errors import InputError
from raz.intervals import Spread
from raz.io.formats.raz_json import object_points
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


@few
@given(result=results(name=st.just("1.jpg")), residual=st.floats(0, 9))
def test_the_count_and_its_interval_are_read_back(result, residual):
    result = replace(
        result, scores=torch.zeros(len(result)), spread=Spread((residual,) * 9, (0.0,) * 9)
    )
    with tempfile.TemporaryDirectory() as folder:
        for spread, suffix in ((result.spread, ".json"), (Spread(), ".jsonl")):
            written = replace(result, spread=spread)
            read = read_points(written.save(Path(folder) / f"out{suffix}")).images["1"]
            assert read.count == result.count
            assert read.interval == (result.interval(0.9) if spread.residuals else None)


@pytest.mark.parametrize("entry", [{"count_low": 1.0}, {"count_low": 1, "count_high": "x"}])
def test_an_interval_has_two_numbers(entry):
    with pytest.raises(InputError, match="a: count_high"):
        object_points({"points": [], **entry}, "a")
