"""One call opens every layout; what cannot be told is an error that says what was looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.data import LAYOUTS, AnnotatedFolder, AnnotatedPhotographs, ShanghaiTech, open_data_set
from raz.data.layouts import detect_layout, splits_in
from raz.errors import InputError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30, 3), 90, dtype=np.uint8)).save(path)


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def shanghaitech(root: Path, part: str = "part_A") -> None:
    picture(root / part / "train_data/images/IMG_1.jpg")
    touch(root / part / "train_data/ground-truth/GT_IMG_1.mat")


def folder(root: Path) -> None:
    picture(root / "a.jpg")
    touch(root / "points.csv", "image,x,y\na.jpg,1,2\n")


def test_shanghaitech_by_the_part_that_is_there(tmp_path: Path) -> None:
    shanghaitech(tmp_path, "part_B_final")
    for root in (tmp_path, tmp_path / "part_B_final"):
        assert detect_layout(root) == "shanghaitech_b"
        assert splits_in(root) == ("train",)
        samples = open_data_set(root)
        assert isinstance(samples, ShanghaiTech)
        assert samples.names == ("IMG_1",)
    assert splits_in(tmp_path, "shanghaitech_a") == ()


def test_folder(tmp_path: Path) -> None:
    folder(tmp_path)
    samples = open_data_set(str(tmp_path))
    assert isinstance(samples, AnnotatedFolder)
    assert isinstance(samples, AnnotatedPhotographs)
    assert samples[0].points.tolist() == [[1, 2]]


def test_both_parts_are_ambiguous(tmp_path: Path) -> None:
    shanghaitech(tmp_path, "part_A")
    shanghaitech(tmp_path, "part_B")
    with pytest.raises(InputError, match="may be shanghaitech_a or shanghaitech_b; name the lay"):
        open_data_set(tmp_path)
    path = open_data_set(tmp_path, "shanghaitech_b").image_path(0)
    assert path.parts[-4] == "part_B"


def test_unknown_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no known layout; looked for ") as caught:
        open_data_set(tmp_path)
    assert all(f"{layout}: " in str(caught.value) for layout in LAYOUTS)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        open_data_set(tmp_path / "nowhere")


def test_bad_arguments(tmp_path: Path) -> None:
    folder(tmp_path)
    with pytest.raises(ValueError, match="layout is 'voc', must be auto or one of shanghaitech_a"):
        open_data_set(tmp_path, "voc")
    with pytest.raises(ValueError, match="split is 'best'"):
        open_data_set(tmp_path, split="best")
