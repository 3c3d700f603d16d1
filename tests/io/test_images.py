from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from images import scene
from raz.errors import InputError, ResourceError
from raz.io.images import ImageInfo, ImageReader, expand_source, is_collection, is_many
from raz.io.video import video_frames
from raz.io.windows import CACHE_BYTES
from videos import write_video

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
        (b"photo.jpg", False),
        ("*.jpg", True),
        ("clip.mp4", True),
        ([IMAGE], True),
        (iter([IMAGE]), True),
    ],
)
def test_one_image_or_many(source, many):
    assert is_many(source) is many


@pytest.mark.parametrize("source", [{"path": "photo.jpg"}, 3, None])
def test_what_holds_no_images_is_refused(source):
    with pytest.raises(TypeError, match="source is"):
        is_many(source)


@pytest.fixture
def tiff(tmp_path):
    path = tmp_path / "photo.tif"
    Image.fromarray(scene()).save(path)
    return path


def test_what_a_header_tells_is_what_opening_gives(tiff, tmp_path):
    for reader, windowed in (ImageReader(), False), (ImageReader(windows_above=16), True):
        info = reader.examine(tiff)
        assert info == ImageInfo((12, 20), windowed=windowed)
        assert info.bytes == (CACHE_BYTES if windowed else 3 * 12 * 20)
        with reader.open(tiff) as image:
            assert (image.info, image.name, image.file) == (info, str(tiff), str(tiff))
            assert image.kept_pixels() is None
    clip = write_video(tmp_path / "clip.mp4")
    assert ImageReader().examine(clip, every=0.5) == ImageInfo((48, 64), windowed=False, frames=4)


def test_leaving_an_opened_image_closes_its_file(tiff):
    with ImageReader(windows_above=16).open(tiff) as image:
        assert image.source.read((0, 0, 2, 2)).shape == (3, 2, 2)
    with pytest.raises(InputError, match=r"photo\.tif"):
        image.source.read((0, 0, 2, 2))


def test_only_pixels_that_the_caller_may_change_are_copied(tmp_path):
    reader = ImageReader()
    image = reader.open(scene())
    assert image.name is image.file is None
    assert image.kept_pixels().data_ptr() != image.source.data_ptr()
    frame = reader.open(next(video_frames(write_video(tmp_path / "clip.mp4"))))
    assert frame.kept_pixels() is frame.source
    assert (frame.file, frame.time) == (None, 0.0)


def test_the_limit_of_pixels_holds_however_an_image_is_read(tiff, tmp_path):
    clip = write_video(tmp_path / "clip.mp4")
    for windows_above in None, 16:
        reader = ImageReader(max_pixels=239, windows_above=windows_above)
        for read, path in (reader.open, tiff), (reader.examine, tiff), (reader.examine, clip):
            with pytest.raises(InputError, match="over the limit of 239 pixels"):
                read(path)


def test_a_stream_names_every_image_and_raises_when_it_is_opened(tiff, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    source = [IMAGE, tiff, tmp_path / "*.none", clip, tmp_path / "missing.mp4", 17]
    found, failed = [], []
    for image in ImageReader().stream(expand_source(source)):
        try:
            found.append((image.name, image.open().name))
        except (InputError, TypeError):
            failed.append(image.name)
    frames = [f"{clip}#t=0.000", f"{clip}#t=0.100"]
    assert found == [("image 0", None), (str(tiff),) * 2, *((name, name) for name in frames)]
    assert failed == [str(tmp_path / "*.none"), str(tmp_path / "missing.mp4"), "image 6"]


def test_an_image_beyond_memory_is_an_error_in_its_turn(tmp_path, monkeypatch):
    names = [str(tmp_path / f"{number}.png") for number in range(5)]
    for name in names:
        IMAGE.save(name)
    look = ImageReader.examine

    def examine(self, path, **options):
        if path == names[2]:
            raise ResourceError(f"{path}: the image does not fit into memory")
        return look(self, path, **options)

    monkeypatch.setattr(ImageReader, "examine", examine)
    found = [image.open().name for image in ImageReader().stream(expand_source(names))]
    assert found == names  # here opening it goes well


def test_seconds_between_frames_are_checked_at_once():
    with pytest.raises(ValueError, match="every is -1"):
        ImageReader().stream(expand_source([]), every=-1)
