"""What cannot be used is bad and named; what is odd is noted; the rest is counted."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import published
from raz.data import AnnotatedFolder, open_data_set
from raz.data.check import CheckReport, check, points_outside

pytest.importorskip("scipy.io")


def check_one(root: Path, layout: str = "auto") -> CheckReport:
    return check({"train": open_data_set(root, layout)}, threads=2)["train"]


@pytest.mark.parametrize("layout", published.LAYOUTS)
def test_points_outside_are_noted_and_count(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    report = check_one(tmp_path)
    with_heads = report.images - (0 if layout == "ucf_cc_50" else 1)
    assert (report.good, report.bad) == (report.images, [])
    assert (report.heads, report.outside) == (2 * with_heads, with_heads)
    assert len(report.notes) == with_heads
    samples = open_data_set(tmp_path)
    truth, name = str(samples.truth_path(0)), samples.image_path(0).name
    assert report.notes[0].file == truth
    assert report.notes[0].message == (
        f"{truth}: 1 of 2 points lie outside the 30 x 20 pixels of {name} (the first at 31.5, -2)"
    )


def test_edges_are_inside() -> None:
    points = np.array([[0, 0], [30, 20], [30.01, 0], [0, 20.01], [-0.01, 5], [5, -0.01]])
    assert points_outside(points, (20, 30)).tolist() == [False, False, True, True, True, True]
    assert points_outside(np.zeros((0, 2)), (20, 30)).tolist() == []


def test_every_bad_file_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    images, gt = tmp_path / "train/images", tmp_path / "train/gt"
    for k in range(3, 8):
        published.write_image(images / f"{k:04d}.jpg", 10 * k)
    truncated = images / "0001.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(
        truncated
    )
    truncated.write_bytes(truncated.read_bytes()[:-300])
    (images / "0003.jpg").write_bytes(b"these are no pixels")
    for k, text in ((3, "1 2"), (4, "5 5 1 1 1 nan\n"), (5, ""), (6, "1 2 3 4 5 6\n")):
        (gt / f"{k:04d}.txt").write_text(text)
    (gt / "0099.txt").write_text("")
    report = check_one(tmp_path)
    reasons = {
        "images/0001.jpg": "truncated",
        "images/0003.jpg": "not an image file",
        "gt/0003.txt": ":1: has 2 fields",
        "gt/0004.txt": ":1: 'nan' is no finite number",
        "gt/0007.txt": "no such file",
        "gt/0099.txt": "has no image",
    }
    assert [finding.file for finding in report.bad] == [
        str(tmp_path / "train" / path) for path in reasons
    ]
    for finding, reason in zip(report.bad, reasons.values(), strict=True):
        assert finding.message.startswith(finding.file)
        assert reason in finding.message
    # 2 without heads, 5 without, 6 with one, 10 with two; 1 has its two points all the same.
    assert (report.images, report.good, report.heads) == (8, 4, 5)


def test_an_image_that_is_there_twice_is_found_across_splits(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    copy = tmp_path / "test/images/0004.jpg"
    copy.write_bytes((tmp_path / "train/images/0001.jpg").read_bytes())
    reports = check({split: open_data_set(tmp_path, split=split) for split in ("train", "test")})
    assert len(reports["train"].notes) == 2
    assert reports["test"].notes[-1].message == (
        f"{copy}: is the same image as {tmp_path / 'train/images/0001.jpg'}"
    )
    assert reports["test"].bad == []


def test_repeated_points_and_wrong_boxes_are_noted(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    (tmp_path / "train/image_labels.txt").unlink()  # it states two heads
    path = tmp_path / "train/gt/0001.txt"
    path.write_text("1 1 2 2 1 0\n1 1 2 2 1 0\n1 1 -2 2 1 0\n")
    notes = [note.message for note in check_one(tmp_path).notes if note.file == str(path)]
    assert notes == [
        f"{path}: points of 0001.jpg are marked more than once (2 too many)",
        f"{path}: a head has a negative width or height",
    ]


def test_another_size_than_stated_is_bad(tmp_path: Path) -> None:
    published.write_image(tmp_path / "a.jpg", 9)
    (tmp_path / "a.json").write_text('{"points": [[1, 1]], "image_size": [20, 30]}')
    [finding] = check_one(tmp_path).bad
    assert finding.file == str(tmp_path / "a.json")
    assert "says that a.jpg is 20 x 30, but it is 30 x 20 pixels" in finding.message


def test_no_more_images_than_threads_are_held(tmp_path: Path) -> None:
    published.own_folder(tmp_path)
    held, most, lock = 0, 0, threading.Lock()

    class Watched(AnnotatedFolder):
        def __len__(self) -> int:
            return 40

        def image_path(self, index: int) -> Path:
            return super().image_path(index % 3)

        def truth_path(self, index: int) -> Path:
            return super().truth_path(index % 3)

        def points(self, index: int) -> np.ndarray:
            return super().points(index % 3)

        def stated_size(self, index: int) -> None:
            return None

        def image(self, index: int) -> np.ndarray:
            nonlocal held, most
            with lock:
                held += 1
                most = max(most, held)
            pixels = super().image(index)
            with lock:
                held -= 1
            return pixels

    done: list[None] = []
    report = check({"all": Watched(tmp_path)}, threads=3, on_image=lambda: done.append(None))
    assert 1 <= most <= 3
    assert (report["all"].images, len(done)) == (40, 40)


@pytest.mark.slow
def test_published_images(raz_data: Path) -> None:
    report = check_one(raz_data / "shanghaitech/part_B")
    assert report.bad == []
    assert report.good == report.images == 400
