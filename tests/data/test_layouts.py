"""One call opens every layout; what cannot be told is an error that says what was looked for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import published
import raz.data
from raz.data import LAYOUTS, AnnotatedPhotographs, open_data_set
from raz.data.layouts import detect_layout, splits_in
from raz.errors import InputError

pytest.importorskip("scipy.io")

NAMES = {
    "shanghaitech_a": {"train": ("IMG_1", "IMG_2", "IMG_10")},
    "shanghaitech_b": {"train": ("IMG_1", "IMG_2", "IMG_10")},
    "ucf_qnrf": {"train": ("img_0001", "img_0002", "img_0010"), "test": ("img_0004",)},
    "ucf_cc_50": {
        "train": tuple(map(str, range(11, 51))),
        "test": tuple(map(str, range(1, 11))),
    },
    "nwpu": {"train": ("0001", "0002", "3169"), "val": ("3098", "3110")},
    "jhu": {"train": ("0001", "0002", "0010"), "val": ("0003",), "test": ("0004",)},
    "folder": {"train": ("p1", "p2", "p10")},
}


def test_every_layout_is_tried() -> None:
    assert LAYOUTS == tuple(published.LAYOUTS) == tuple(NAMES)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_told_and_read(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    assert detect_layout(tmp_path) == layout
    assert splits_in(tmp_path) == splits_in(tmp_path, layout) == tuple(NAMES[layout])
    for split, names in NAMES[layout].items():
        samples = open_data_set(str(tmp_path), split=split)
        assert isinstance(samples, AnnotatedPhotographs)
        assert samples.names == names
        assert len(samples) == len(names)
        assert samples.lone_truth() == ()
        for index in (0, len(samples) - 1):
            check(samples, index)


def check(samples: AnnotatedPhotographs, index: int) -> None:
    name = samples.names[index]
    expected = published.heads(int("".join(filter(str.isdigit, name))))
    sample = samples[index]
    assert sample.name == samples.image_path(index).stem == name
    assert sample.size == samples.size(index) == (published.HEIGHT, published.WIDTH)
    assert samples.points(index).dtype == np.float32
    assert samples.points(index).tolist() == sample.points.tolist() == expected.tolist()
    assert samples.truth_path(index).is_file()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_without_heads(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = open_data_set(tmp_path, split="test" if layout == "ucf_cc_50" else "train")
    assert samples.points(1).shape == (0, 2)
    assert samples[1].points.dtype == np.float32


@pytest.mark.parametrize("layout", LAYOUTS)
def test_orientation_is_applied_to_own_images_only(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    path = open_data_set(tmp_path).image_path(0)
    published.write_image(path, 10, orientation=6)
    turned = layout == "folder"
    samples = open_data_set(tmp_path)
    assert samples[0].size == samples.size(0) == ((30, 20) if turned else (20, 30))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_broken_files_are_named(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = open_data_set(tmp_path)
    image, truth = samples.image_path(0), samples.truth_path(0)
    image.write_bytes(image.read_bytes()[:-40])
    with pytest.raises(InputError, match=image.name):
        samples[0]
    assert len(samples.points(0)) == 2
    truth.write_bytes(b"\x00\xff\x80 not what it should be")
    with pytest.raises(InputError, match=truth.name):
        open_data_set(tmp_path, layout).points(0)
    image.unlink()
    with pytest.raises(InputError, match=f"{image.name}: no such file"):
        samples.image(0)
    truth.unlink()
    if layout != "folder":  # one file for all is read at once
        with pytest.raises(InputError, match=rf"(?i){truth.name}: no such file"):
            samples.points(0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_truth_without_an_image_is_named(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = open_data_set(tmp_path)
    truth = str(samples.truth_path(0))
    samples.image_path(0).unlink()
    samples = open_data_set(tmp_path)
    if layout == "nwpu":  # its list names the image still
        with pytest.raises(InputError, match=r"0001\.jpg: no such file"):
            samples[0]
    elif layout == "folder":
        assert samples.lone_truth() == (f"{truth}:2: image p1",)
    else:
        assert samples.lone_truth() == (truth,)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unknown_splits_are_wrong_arguments(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    with pytest.raises(ValueError, match="split is 'best'; it must be one of train, "):
        open_data_set(tmp_path, split="best")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_splits_are_named(tmp_path: Path, layout: str) -> None:
    with pytest.raises(InputError, match="holds no "):
        open_data_set(tmp_path, layout)


def test_both_parts_are_ambiguous(tmp_path: Path) -> None:
    published.shanghaitech(tmp_path, "part_A")
    published.shanghaitech(tmp_path, "part_B")
    with pytest.raises(InputError, match="may be shanghaitech_a or shanghaitech_b; name the lay"):
        open_data_set(tmp_path)
    assert open_data_set(tmp_path, "shanghaitech_b").image_path(0).parts[-4] == "part_B"
    assert detect_layout(tmp_path / "part_A") == "shanghaitech_a"


def test_unknown_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no known layout; looked for ") as caught:
        open_data_set(tmp_path)
    assert all(f"{layout}: " in str(caught.value) for layout in LAYOUTS)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        open_data_set(tmp_path / "nowhere")
    for layout in LAYOUTS:
        with pytest.raises(InputError, match="nowhere: no such folder"):
            open_data_set(tmp_path / "nowhere", layout)
        with pytest.raises(InputError, match="nowhere: no such folder"):
            splits_in(tmp_path / "nowhere", layout)


def test_unknown_layout(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="layout is 'voc'; it must be auto or one of shanghaitech_a"
    ):
        open_data_set(tmp_path, "voc")


def test_folds_reach_ucf_cc_50(tmp_path: Path) -> None:
    published.ucf_cc_50(tmp_path)
    assert open_data_set(tmp_path, split="test", fold=5).names == tuple(map(str, range(41, 51)))


@pytest.mark.parametrize("layout", ["jhu", "nwpu", "folder"])
def test_text_needs_no_scipy(tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    published.LAYOUTS[layout](tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    assert len(open_data_set(tmp_path).points(0)) == 2


def test_readers_are_public() -> None:
    for name in ("ShanghaiTech", "UCFQNRF", "UCFCC50", "NWPUCrowd", "JHUCrowd", "AnnotatedFolder"):
        assert issubclass(getattr(raz.data, name), AnnotatedPhotographs)
