"""What is particular to UCF-QNRF, UCF_CC_50, NWPU-Crowd and JHU-CROWD++."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import published
from raz.data import UCFCC50, UCFQNRF, JHUCrowd, NWPUCrowd
from raz.data.check import check
from raz.data.matlab import read_ann_points
from raz.errors import InputError

pytest.importorskip("scipy.io")


def test_folds_of_ucf_cc_50_part_the_images(tmp_path: Path) -> None:
    published.ucf_cc_50(tmp_path)
    tested: list[str] = []
    for fold in range(1, 6):
        train, test = (UCFCC50(tmp_path, fold, split).names for split in ("train", "test"))
        assert (len(train), len(test)) == (40, 10)
        assert not set(train) & set(test)
        tested += test
    assert tested == [str(k) for k in range(1, 51)]
    with pytest.raises(ValueError, match="fold is 0; it must be 1 to 5"):
        UCFCC50(tmp_path, fold=0)


def test_a_missing_image_does_not_move_the_folds(tmp_path: Path) -> None:
    published.ucf_cc_50(tmp_path)
    (tmp_path / "3.jpg").unlink()
    assert UCFCC50(tmp_path, 2, "test").names == tuple(map(str, range(11, 21)))
    assert UCFCC50(tmp_path, 1, "test").lone_truth() == (str(tmp_path / "3_ann.mat"),)
    assert UCFCC50(tmp_path, 1, "train").lone_truth() == ()


def test_qnrf_wants_its_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no folder Train"):
        UCFQNRF(tmp_path)
    (tmp_path / "Train").mkdir()
    with pytest.raises(InputError, match=r"Train: holds no img_\*\.jpg"):
        UCFQNRF(tmp_path)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"image_info": np.zeros((1, 2))}, "no annPoints in it"),
        ({"annPoints": np.zeros((4, 3))}, r"annPoints: has shape \(4, 3\); it must be \[N, 2\]"),
        ({"annPoints": np.array([[1, np.inf]])}, "annPoints: holds a NaN or an infinity"),
        ({"annPoints": "text"}, "annPoints: holds no numbers"),
    ],
)
def test_wrong_variables_are_named(
    tmp_path: Path, variables: dict[str, object], words: str
) -> None:
    published.write_mat(tmp_path / "1_ann.mat", variables)
    with pytest.raises(InputError, match=rf"1_ann\.mat: {words}"):
        read_ann_points(tmp_path / "1_ann.mat")


def test_nwpu_reads_mats_where_there_are_no_jsons(tmp_path: Path) -> None:
    published.nwpu(tmp_path, jsons=False, mats=True)
    samples = NWPUCrowd(tmp_path)
    assert samples.truth_path(0) == tmp_path / "mats/0001.mat"
    assert samples.points(0).tolist() == [[1, 0.25], [31.5, -2]]
    assert samples.boxes(0) is None


def test_nwpu_jsons_go_before_mats_and_have_boxes(tmp_path: Path) -> None:
    published.nwpu(tmp_path, mats=True)
    samples = NWPUCrowd(tmp_path, "val")
    assert samples.truth_path(0) == tmp_path / "jsons/3098.json"
    boxes = samples.boxes(0)
    assert boxes is not None
    assert boxes.dtype == np.float32
    assert boxes.tolist() == [[6, -1.75, 11, 3.25], [29.5, -4, 34.5, 1]]


def test_nwpu_splits_without_lists_exchange_3098_and_3169(tmp_path: Path) -> None:
    published.nwpu(tmp_path)
    for split in ("train", "val"):
        (tmp_path / f"{split}.txt").unlink()
    train, val = (NWPUCrowd(tmp_path, split).names for split in ("train", "val"))
    assert (len(train), len(val)) == (3109, 500)
    assert set(train) | set(val) == {f"{k:04d}" for k in range(1, 3610)}
    assert "3098" in val
    assert "3169" in train
    assert NWPUCrowd.splits_in(tmp_path) == ("train", "val")
    (tmp_path / "jsons/0001.json").unlink()  # then it may be anything
    assert NWPUCrowd.splits_in(tmp_path) == ()


def test_nwpu_test_has_no_points(tmp_path: Path) -> None:
    published.nwpu(tmp_path)
    with pytest.raises(InputError, match="points of NWPU-Crowd's test images are not published"):
        NWPUCrowd(tmp_path, "test")


def test_published_validation_ids(raz_data: Path, tmp_path: Path) -> None:
    """The published ground truth file of the validation split holds the ids that are computed."""
    (tmp_path / "images").mkdir()
    (tmp_path / "jsons").mkdir()
    lines = (raz_data / "evaluation/nwpu_val_gt_loc.txt").read_text().splitlines()
    assert set(NWPUCrowd(tmp_path, "val").names) == {line.split()[0].zfill(4) for line in lines}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"human_num": 3}, "human_num is 3, but it holds 2 points"),
        ({"points": [[1, 2, 3]]}, r"points\[0\]: is \[1, 2, 3\]; it must be 2 numbers"),
        ({"points": None}, "points: is null; it must be an array"),
    ],
)
def test_wrong_nwpu_points_are_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    samples = changed_nwpu(tmp_path, change)
    with pytest.raises(InputError, match=rf"0001\.json: {words}"):
        samples.points(0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boxes": [[0, 0, 1, 1]]}, "boxes and points differ in number"),
        ({"boxes": [[0, 0, 1, 1], [5, 5, 4, 6]]}, "a box is not x1 y1 x2 y2"),
    ],
)
def test_wrong_nwpu_boxes_are_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    samples = changed_nwpu(tmp_path, change)
    assert len(samples.points(0)) == 2
    with pytest.raises(InputError, match=rf"0001\.json: {words}"):
        samples.boxes(0)


def changed_nwpu(root: Path, change: dict[str, object]) -> NWPUCrowd:
    published.nwpu(root)
    path = root / "jsons/0001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    return NWPUCrowd(root)


def test_wrong_nwpu_folders_and_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no folder images"):
        NWPUCrowd(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="holds no folder jsons nor mats"):
        NWPUCrowd(tmp_path)
    published.nwpu(tmp_path)
    (tmp_path / "train.txt").write_text("0001 0 1\n0001 0 1\n")
    with pytest.raises(InputError, match=r"train\.txt: image 0001 is there twice"):
        NWPUCrowd(tmp_path)
    (tmp_path / "jsons/3098.json").write_text("[1]")
    with pytest.raises(InputError, match=r"3098\.json: is not an object with points"):
        NWPUCrowd(tmp_path, "val").points(0)


def test_jhu_has_boxes_about_its_points(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    samples = JHUCrowd(tmp_path)
    assert samples.boxes(0).tolist() == [[-1, -2.75, 3, 3.25], [29.5, -5, 33.5, 1]]
    assert samples.boxes(1).shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3 4 1\n", r"0001\.txt:1: has 5 fields; it must be 6"),
        ("1 2 3 4 1 0\n1 2 x 4 1 0\n", r"0001\.txt:2: 'x' is no finite number"),
        ("1 nan 3 4 1 0\n", r"0001\.txt:1: 'nan' is no finite number"),
    ],
)
def test_wrong_jhu_lines_are_named(tmp_path: Path, text: str, words: str) -> None:
    published.jhu(tmp_path)
    (tmp_path / "train/gt/0001.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        JHUCrowd(tmp_path).points(0)


def test_negative_jhu_boxes_are_named(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    (tmp_path / "train/gt/0001.txt").write_text("1 2 -3 4 1 0\n")
    with pytest.raises(InputError, match=r"0001\.txt: a head has a negative width or height"):
        JHUCrowd(tmp_path).boxes(0)


def test_jhu_wants_its_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train: holds no folder images"):
        JHUCrowd(tmp_path)
    published.jhu(tmp_path)
    for path in (tmp_path / "val/images").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"holds no images 0001\.jpg"):
        JHUCrowd(tmp_path, "val")


def test_points_of_nwpu_without_image(tmp_path: Path) -> None:
    published.nwpu(tmp_path)
    assert NWPUCrowd(tmp_path).lone_truth() == ()
    published.write_nwpu_json(tmp_path / "jsons/9999.json", np.zeros((0, 2)))
    lone = str(tmp_path / "jsons/9999.json")
    splits = {split: NWPUCrowd(tmp_path, split) for split in ("train", "val")}
    assert [samples.lone_truth() for samples in splits.values()] == [(lone,)] * 2
    assert [finding.file for report in check(splits).values() for finding in report.bad] == [lone]
    for path in (tmp_path / "images").iterdir():  # missing images, of which their lists tell
        path.unlink()
    assert splits["val"].lone_truth() == (lone,)


def test_what_has_no_number_is_no_image_of_qnrf(tmp_path: Path) -> None:
    published.ucf_qnrf(tmp_path)
    names = set(UCFQNRF(tmp_path).names)
    for name in ("img_copy", "img_0001_flip"):
        published.write_image(tmp_path / f"Train/{name}.jpg", 9)
    assert set(UCFQNRF(tmp_path).names) == names | {"img_0001_flip"}
