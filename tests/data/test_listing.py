"""Published layouts with other suffixes, and what is beside their images."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from PIL import Image

import published
from raz.data import AnnotatedPhotographs, open_data_set
from raz.data.check import check
from raz.data.listing import list_images

pytest.importorskip("scipy.io")

SUFFIXES = (".JPG", ".jpeg", ".png", ".PNG", ".tif", ".bmp")


def images_of(samples: AnnotatedPhotographs) -> list[Path]:
    return [samples.image_path(index) for index in range(len(samples))]


def opened(root: Path) -> AnnotatedPhotographs:
    return open_data_set(root, split="train")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layout", [name for name in published.LAYOUTS if name != "folder"])
def test_images_of_other_suffixes_are_read(
    tmp_path: Path, layout: str, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = opened(tmp_path)
    changed, *others = images_of(samples)
    Image.open(changed).save(changed.with_suffix(suffix))
    changed.unlink()
    again = opened(tmp_path)
    assert images_of(again) == [changed.with_suffix(suffix), *others]
    assert again.names == samples.names
    assert again[0].points.tolist() == samples.points(0).tolist()
    [report] = check({"train": again}).values()
    assert (report.bad, report.good) == ([], len(samples))
    assert again.left_out() == ()
    assert caplog.messages == []


@pytest.mark.parametrize("layout", [name for name in published.LAYOUTS if name != "folder"])
def test_points_of_another_case_are_read(tmp_path: Path, layout: str) -> None:
    published.LAYOUTS[layout](tmp_path)
    samples = opened(tmp_path)
    points, truth = samples.points(0).tolist(), samples.truth_path(0)
    truth.rename(truth.with_suffix(truth.suffix.upper()))
    again = opened(tmp_path)
    assert again.points(0).tolist() == points
    assert again.lone_truth() == ()
    again.image_path(0).unlink()
    if layout != "nwpu":  # its list still names the image
        assert opened(tmp_path).lone_truth() == (str(again.truth_path(0)),)


@pytest.mark.parametrize("layout", [name for name in published.LAYOUTS if name != "folder"])
def test_what_is_left_out_is_named(
    tmp_path: Path, layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    published.LAYOUTS[layout](tmp_path)
    before = images_of(opened(tmp_path))
    assert caplog.messages == []
    folder = before[0].parent
    beside, second = folder / "overview.png", before[0].with_suffix(".png")
    for path in (beside, second):
        Image.new("RGB", (9, 8)).save(path)
    (folder / "notes.md").write_text("no image")
    samples = opened(tmp_path)
    assert images_of(samples) == before
    assert sorted(samples.left_out()) == sorted(map(str, (beside, second)))
    [warning] = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.name.startswith("raz.")
    names = ", ".join(sorted([beside.name, second.name]))
    assert warning.getMessage() == (
        f"{folder}: images left out, for the layout has no such names: {names}"
    )
    [report] = check({"train": samples}).values()
    assert {note.file for note in report.notes} >= {str(beside), str(second)}


def test_many_left_out_images_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    published.jhu(tmp_path)
    for number in range(8):
        published.write_image(tmp_path / f"train/images/copy{number}.jpg", number)
    samples = opened(tmp_path)
    assert len(samples.left_out()) == 8
    assert caplog.messages[0].endswith(
        "copy0.jpg, copy1.jpg, copy2.jpg, copy3.jpg, copy4.jpg and 3 more"
    )


def test_hidden_files_and_folders_are_no_images(tmp_path: Path) -> None:
    (tmp_path / ".IMG_1.jpg").touch()
    (tmp_path / "IMG_2.jpg").mkdir()
    assert list_images(tmp_path, lambda stem: True).images == {}
    assert list_images(tmp_path / "nowhere", lambda stem: True).left_out == ()
