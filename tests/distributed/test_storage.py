"""Names of images on local disks and in buckets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from raz.distributed.storage import Storage, is_bucket, listed, place_of
from raz.errors import InputError

pytest.importorskip("pyarrow")


def photo(path: Path) -> str:
    Image.new("RGB", (8, 6)).save(path)
    return str(path)


def test_a_folder_is_listed_in_natural_order_by_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("10.png", "2.png"):
        photo(tmp_path / "photos" / name)
    monkeypatch.chdir(tmp_path)
    names, _ = listed("photos")
    assert names == [str(tmp_path / "photos" / name) for name in ("2.png", "10.png")]


def test_an_image_that_is_named_twice_is_listed_once(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    assert listed([path, os.path.relpath(path), tmp_path, f"file://{path}"])[0] == [path]


def test_what_cannot_be_listed_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image file"):
        listed(tmp_path)
    with pytest.raises(InputError, match=r"clip\.mp4: is a video"):
        listed([tmp_path / "clip.mp4"])
    with pytest.raises(InputError, match="camera:0: is a video"):
        listed("camera:0")
    with pytest.raises(TypeError, match="source holds int"):
        listed([3])
    with pytest.raises(TypeError, match="source is int"):
        listed(3)


def test_an_address_of_an_unknown_kind_is_named_without_its_secrets() -> None:
    assert is_bucket("ftp://photos/a.jpg")
    with pytest.raises(InputError, match=r"ftp://photos/a\.jpg: ") as caught:
        place_of("ftp://me:secret@photos/a.jpg?key=hidden")
    assert "secret" not in str(caught.value).split(": ")[0]
    assert "hidden" not in str(caught.value).split(": ")[0]


def test_names_of_a_bucket_are_without_its_options() -> None:
    place = place_of("s3://me:secret@photos/2026/?region=eu-central-1&scheme=http")
    assert (place.name, place.path, place.root) == (
        "s3://photos/2026",
        "photos/2026",
        "s3://photos",
    )


def test_a_local_image_is_opened_by_its_path() -> None:
    assert Storage().image("/missing.jpg", max_pixels=100) == "/missing.jpg"
