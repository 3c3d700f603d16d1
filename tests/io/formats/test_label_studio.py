"""Label Studio's tasks, read back by the published description of its JSON.

A file is an array of tasks; a task has "data" and "predictions", a prediction "result"; an entry
of it names the tag that it belongs to ("from_name") and the tag of the image ("to_name"), and has
its coordinates in "value", in percent of the "original_width" and "original_height".
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from formats.results import MARKED, few, make, results, same, together


def imported(path: Path) -> list[dict[str, Any]]:
    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    tasks = json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
    assert isinstance(tasks, list)
    return tasks


def check(tasks: list[dict[str, Any]], several) -> None:
    for task, result in zip(tasks, several, strict=True):
        assert task["data"] == {"image": result.path, "count": result.count}
        [prediction] = task["predictions"]
        assert prediction["model_version"] == "fake"
        found = prediction["result"]
        assert len({entry["id"] for entry in found}) == len(found)
        points, scores = [], []
        for entry in found:
            assert (entry["from_name"], entry["to_name"]) == ("label", "image")
            assert entry["type"] == "keypointlabels"
            assert entry["value"]["keypointlabels"] == ["head"]
            assert entry["image_rotation"] == 0
            size = entry["original_width"], entry["original_height"]
            assert size == result.image_size
            percent = [entry["value"]["x"], entry["value"]["y"]]
            assert all(0 <= value <= 100 for value in percent)
            points.append([v / 100 * side for v, side in zip(percent, size, strict=True)])
            scores.append(entry.get("score"))
        assert same(result, points, scores)


@few
@given(results())
@example(MARKED)
def test_one_image(result):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(result.save(Path(folder) / "out.label-studio.json")), [result])


@few
@given(several=st.lists(results(), max_size=4))
@example(several=[MARKED])
def test_several_images(several):
    with tempfile.TemporaryDirectory() as folder:
        check(imported(together(several, "label-studio", Path(folder))), several)


def test_a_count_that_is_no_number_is_null():
    [task] = json.loads(make(count=math.nan).to_label_studio())
    assert task["data"]["count"] is None
