"""The bytes of one image, however they come, give what the file gives."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import tempfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import raz
from images import scene
from raz.errors import InputError
from raz.io.decoding import read_image, read_image_size, to_image
from raz.io.encoded import byte_limit, is_encoded, is_stream, named, read_encoded
from raz.io.images import ImageReader, expand_source, is_many
from videos import write_video

needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")


def content(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, kind)
    return file.getvalue()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(content())
    return path


def fifo(path: Path, data: bytes) -> Path:
    """A FIFO that gives the bytes once."""
    os.mkfifo(path)

    def write() -> None:
        try:
            with open(path, "wb") as file:
                file.write(data)
        except BrokenPipeError:  # the reader had enough
            pass

    threading.Thread(target=write, daemon=True).start()
    return path


def zipped(photo):
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.writestr("inside.png", content())
    return archive.open("inside.png")


def mapped(photo):
    with open(photo, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def spooled(photo):
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(content())  # its position is at the end, as after Image.save
    return file


def unseekable(photo):
    reader, writer = os.pipe()
    os.write(writer, content())
    os.close(writer)
    return os.fdopen(reader, "rb")


SOURCES = {
    "bytes": lambda photo: photo.read_bytes(),
    "bytearray": lambda photo: bytearray(photo.read_bytes()),
    "memoryview": lambda photo: memoryview(photo.read_bytes()),
    "BytesIO": lambda photo: io.BytesIO(photo.read_bytes()),
    "file": lambda photo: photo.open("rb"),
    "unbuffered": lambda photo: photo.open("rb", buffering=0),
    "gzip": lambda photo: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(photo.read_bytes()))),
    "zip": zipped,
    "mmap": mapped,
    "spooled": spooled,
    "pipe": unseekable,
}


@pytest.fixture(params=SOURCES)
def source(request, photo):
    made = SOURCES[request.param](photo)
    yield made
    if hasattr(made, "close"):
        made.close()


@pytest.mark.parametrize("read", [read_image, read_image_size, to_image])
def test_bytes_and_open_files_give_what_the_file_gives(read, source, photo):
    np.testing.assert_array_equal(read(source), read(photo))


def test_one_image_that_is_kept_for_drawing(source, photo):
    assert not is_many(source)
    with ImageReader().open(source) as image:
        assert torch.equal(image.source, to_image(photo))
        assert image.file is None
        assert torch.equal(image.kept_pixels(), image.source)
    if hasattr(source, "closed"):
        assert not source.closed


def test_its_size_can_be_told_alone(source):
    assert ImageReader().examine(source).size == (12, 20)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP", "TIFF", "PPM", "TGA", "MPO"])
def test_every_format_is_read_from_bytes(kind, tmp_path):
    path = tmp_path / "image"
    path.write_bytes(content(kind))
    np.testing.assert_array_equal(read_image(content(kind)), read_image(path))


def test_an_open_file_is_named_like_its_path(photo):
    with open(photo, "rb") as file:
        assert ImageReader().open(file).name == str(photo)
    assert ImageReader().open(io.BytesIO(content())).name is None
    with open(photo, "rb") as file, open(os.dup(file.fileno()), "rb") as other:
        assert named(other) is None


def test_an_open_file_is_read_from_its_start():
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, "PNG")
    assert file.tell() > 0
    np.testing.assert_array_equal(read_image(file), scene())
    np.testing.assert_array_equal(read_image(file), scene())


def test_a_file_opened_as_text_is_a_wrong_call(photo):
    with (
        open(photo, encoding="latin-1") as file,
        pytest.raises(TypeError, match="opened as text; open it as bytes, with mode 'rb'"),
    ):
        read_image(file)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no bytes"),
        (b"no image", "not an image file of a known format, or damaged"),
        (content()[:60], "truncated|damaged|broken"),
        (b"<html>", "holds a web page"),
    ],
)
@pytest.mark.parametrize("form", [bytes, io.BytesIO])
def test_bad_bytes_are_bad_input(data, words, form):
    with pytest.raises(InputError, match=words):
        read_image(form(data))


def damaged_zip() -> zipfile.ZipExtFile:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", content())
    data = bytearray(archive.getvalue())
    data[100] ^= 255
    return zipfile.ZipFile(io.BytesIO(data)).open("a.png")


def cut_gzip() -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content())[:100]))


def closed() -> io.BytesIO:
    file = io.BytesIO(content())
    file.close()
    return file


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (damaged_zip, "^a.png: Bad CRC-32"),
        (cut_gzip, "^GzipFile: Compressed file ended"),
        (closed, "^BytesIO: I/O operation on closed file"),
    ],
)
def test_what_an_open_file_cannot_give_is_bad_input(damaged, words, photo):
    source = damaged()
    with pytest.raises(InputError, match=words):
        read_image(source)
    results = raz.predict([damaged(), photo], depth=1, on_error="skip")
    assert [result.path for result in results] == [str(photo)]


def test_a_video_in_bytes_is_told_to_be_named(tmp_path):
    data = write_video(tmp_path / "clip.mp4", frames=2).read_bytes()
    with pytest.raises(InputError, match=r"a video .* its frames are counted where its file is"):
        read_image(data)


@given(st.integers(0, 40), st.sampled_from([bytes, io.BytesIO]))
def test_no_cut_of_a_file_is_anything_but_bad_input(cut, form):
    with pytest.raises(InputError):
        read_image(form(content()[:cut]))


def test_the_limit_of_pixels_holds():
    with pytest.raises(InputError, match="240 pixels are over the limit of 100"):
        read_image(content(), max_pixels=100)


@needs_fifo
@pytest.mark.parametrize("read", [read_image, read_image_size, to_image])
def test_a_fifo_is_read_once(read, photo, tmp_path):
    path = fifo(tmp_path / "pipe", content())
    assert is_stream(path)
    np.testing.assert_array_equal(read(path), read(photo))


@needs_fifo
@pytest.mark.parametrize("name", ["pipe", "pipe.tif", "pipe.mp4"])
def test_a_fifo_among_images_is_one_of_them(name, photo, tmp_path):
    path = fifo(tmp_path / name, content())
    assert not is_many(path)
    reader = ImageReader(windows_above=4)
    opened = [image.open() for image in reader.stream(expand_source([photo, path, photo]))]
    assert [image.name for image in opened] == [str(photo), str(path), str(photo)]
    assert all(torch.equal(image.source, to_image(photo)) for image in opened)
    assert opened[1].kept_pixels() is not None


@needs_fifo
def test_what_never_ends_is_read_up_to_the_limit(tmp_path):
    path = fifo(tmp_path / "pipe", b"P6 " + bytes(byte_limit(100) + 10**6))
    with pytest.raises(InputError, match=r"holds more than 16,778,016 bytes.*\(max_pixels\)"):
        read_image(path, max_pixels=100)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_a_device_that_never_ends_does():
    with pytest.raises(InputError, match="/dev/zero: holds more than"):
        read_image("/dev/zero", max_pixels=100)
    with pytest.raises(InputError, match="/dev/null: holds no bytes"):
        read_image("/dev/null")


def test_entries_of_many_may_be_bytes_and_open_files(photo):
    with open(photo, "rb") as file:
        entries = [content(), io.BytesIO(content()), file, photo]
        found = [
            (image.name, image.open().info.size)
            for image in ImageReader().stream(expand_source(entries))
        ]
    names = ["image 0", "image 1", str(photo), str(photo)]
    assert found == [(name, (12, 20)) for name in names]


def test_what_reads_by_name_is_no_open_file():
    assert not is_encoded(zipfile.ZipFile(io.BytesIO(), "w"))
    assert not is_encoded("photo.jpg")
    assert not is_encoded(np.zeros(3))
    assert not is_encoded(torch.zeros(3))
    assert not is_encoded(Image.new("L", (2, 2)))


def test_an_error_of_the_file_is_bad_input():
    class Broken(io.RawIOBase):
        name = "net.jpg"

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"net\.jpg: Input/output error"):
        read_encoded(Broken(), max_pixels=100)


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a.jpg", "http://a/*.jpg?x=[1]", "ftp://camera/1", "file:///a.mp4"],
)
def test_an_address_is_no_file(address):
    assert not is_many(address)
    for call in (read_image, read_image_size, to_image, ImageReader().open, ImageReader().examine):
        with pytest.raises(InputError, match="is an address, not a file"):
            call(address)
    [image] = ImageReader().stream(expand_source([address]))
    with pytest.raises(InputError, match=r"pipe it \(curl -L ADDRESS \| raz predict -\)"):
        image.open()


def test_a_path_that_looks_like_an_address_is_one_if_there_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is an address"):
        read_image(Path("https://example.org/a.png"))
    os.mkdir("http:")
    Path("http:/a.png").write_bytes(content())
    assert read_image("http://a.png").shape == (12, 20, 3)
