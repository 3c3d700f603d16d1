"""COCO keypoints, read back by pycocotools."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from formats.results import MARKED, few, make, results, same, together


def check(coco: COCO, several) -> None:
    identifiers = coco.getImgIds()
    assert sorted(identifiers) == list(range(1, len(several) + 1))
    for result, image in zip(several, coco.loadImgs(sorted(identifiers)), strict=True):
        assert image["file_name"] == result.path
        assert (image["width"], image["height"]) == result.image_size
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        assert {a["num_keypoints"] for a in annotations} <= {1}
        points = [a["keypoints"][:2] for a in annotations]
        assert same(result, points, [a["score"] for a in annotations])
    assert len(coco.anns) == sum(result.count_points for result in several)
    [category] = coco.loadCats(coco.getCatIds())
    assert (category["name"], category["keypoints"]) == ("person", ["head"])


@few
@given(results())
@example(MARKED)
def test_one_image(result):
    with tempfile.TemporaryDirectory() as folder:
        check(COCO(result.save(Path(folder) / "out.coco.json")), [result])


@few
@given(several=st.lists(results(), max_size=4))
@example(several=[MARKED])
def test_several_images(several):
    with tempfile.TemporaryDirectory() as folder:
        check(COCO(together(several, "coco", Path(folder))), several)


def test_heads_serve_as_results_of_a_ground_truth(tmp_path):
    result = make()
    truth = COCO(result.save(tmp_path / "out.coco.json"))
    loaded = truth.loadRes(list(truth.anns.values()))
    annotations = loaded.loadAnns(loaded.getAnnIds(catIds=truth.getCatIds(catNms=["person"])))
    assert [a["score"] for a in annotations] == pytest.approx(result.scores.tolist())
