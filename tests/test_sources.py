from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from raz.errors import InputError
from raz.sources import expand_source, is_collection, is_many

IMAGE = Image.new("RGB", (4, 4))


def test_expand_source_of_one_path_is_that_path(tmp_path):
    assert list(expand_source(tmp_path / "any.jpg")) == [str(tmp_path / "any.jpg")]


def test_a_folder_is_its_images_in_natural_order(tmp_path):
    for name in ("b10.png", "b2.png", "notes.txt"):
        (tmp_path / name).touch()
    expected = [str(tmp_path / name) for name in ("b2.png", "b10.png")]
    assert list(expand_source(tmp_path)) == expected
    assert list(expand_source(f"{tmp_path}/b*.png")) == expected


def test_what_stands_for_no_image_is_an_error_alone_and_an_entry_among_others(tmp_path):
    with pytest.raises(InputError, match="holds no image file"):
        expand_source(tmp_path)
    with pytest.raises(InputError, match="no file matches"):
        expand_source(f"{tmp_path}/*.png")
    first, second, third = expand_source([IMAGE, tmp_path, IMAGE])
    assert first is third is IMAGE
    assert isinstance(second, InputError)


def test_a_collection_is_a_folder_a_pattern_or_a_video(tmp_path):
    path = tmp_path / "photo[1].png"
    path.touch()
    assert is_collection(tmp_path)
    assert is_collection(f"{tmp_path}/*.png")
    assert is_collection("clip.mp4")
    assert not is_collection(path)  # a file, however its name looks


@pytest.mark.parametrize(
    ("source", "many"),
    [
        (np.zeros((4, 4, 3), np.uint8), False),
        (torch.zeros(3, 4, 4), False),
        (IMAGE, False),
        ("photo.jpg", False),
        ("*.jpg", True),
        ("clip.mp4", True),
        ([IMAGE], True),
        (iter([IMAGE]), True),
    ],
)
def test_one_image_or_many(source, many):
    assert is_many(source) is many


@pytest.mark.parametrize("source", [b"photo.jpg", {"path": "photo.jpg"}, 3])
def test_what_holds_no_images_is_refused(source):
    with pytest.raises(TypeError, match="source is"):
        is_many(source)
