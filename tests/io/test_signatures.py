from __future__ import annotations

import io
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from images import scene
from raz.errors import InputError
from raz.io.decoding import IMAGE_SUFFIXES, read_image
from raz.io.images import ImageReader, expand_source
from raz.io.signatures import HEAD_BYTES, Content, content_of, head_of
from raz.io.video import VIDEO_SUFFIXES, is_video, video_frames
from raz.prediction import predict
from videos import seen, write_video

# The containers of the suffixes that raz knows, by FFmpeg's names.
CONTAINERS = {
    ".avi": "avi", ".m2ts": "mpegts", ".m4v": "mp4", ".mkv": "matroska", ".mov": "mov",
    ".mp4": "mp4", ".mpeg": "mpeg", ".mpg": "mpeg", ".mts": "mpegts", ".ts": "mpegts",
    ".webm": "webm", ".wmv": "asf",
}  # fmt: skip
CODECS = {"webm": "libvpx", "mpeg": "mpeg2video", "mpegts": "mpeg2video", "asf": "msmpeg4"}
RATES = {"mpeg": 25, "mpegts": 25}


def clip(folder, suffix, name="clip", frames=8):
    container = CONTAINERS[suffix]
    return write_video(
        folder / name, container=container, codec=CODECS.get(container, "mpeg4"), frames=frames,
        rate=RATES.get(container, 10),
    )  # fmt: skip


def test_every_suffix_of_videos_has_a_container():
    assert set(CONTAINERS) == VIDEO_SUFFIXES


@pytest.mark.parametrize("suffix", sorted(CONTAINERS))
def test_a_video_is_known_by_its_content_whatever_its_name(suffix, tmp_path):
    for name in (f"clip{suffix}", f"clip{suffix.upper()}", "clip.png", "clip.jpg", "clip"):
        path = clip(tmp_path, suffix, name)
        assert content_of(head_of(path)).kind == "video"
        assert is_video(path)
        assert [seen(frame.pixels) for frame in video_frames(path)] == list(range(8))


@pytest.mark.parametrize("cut", [1, 50, 187])
def test_a_stream_that_begins_within_a_packet_is_a_video(cut, tmp_path):
    whole = clip(tmp_path, ".ts", frames=20).read_bytes()
    assert len(whole) > 2 * HEAD_BYTES
    assert content_of(whole[cut:]) == Content("video", "an MPEG transport stream")
    stamped = b"".join(b"time" + whole[at : at + 188] for at in range(0, 10 * 188, 188))
    assert content_of(stamped) == Content("video", "an MPEG transport stream")  # as in .m2ts


def test_a_stream_with_times_before_its_packets_is_decoded(tmp_path):
    whole = clip(tmp_path, ".ts", frames=20).read_bytes()
    path = tmp_path / "camera.m2ts"
    packets = [whole[at : at + 188] for at in range(0, len(whole), 188)]
    path.write_bytes(b"".join(n.to_bytes(4, "big") + each for n, each in enumerate(packets)))
    assert [seen(frame.pixels) for frame in video_frames(path)] == list(range(20))


@pytest.mark.parametrize("suffix", [".ts", ".mts"])
def test_typescript_is_no_video(suffix, tmp_path):
    path = tmp_path / f"main{suffix}"
    path.write_text("export const G = 1;\n" * 100)
    assert not is_video(path)
    with pytest.raises(InputError, match="not an image file of a known format"):
        predict(path)


@given(st.text().map(str.encode) | st.binary())
def test_other_bytes_are_no_video_by_chance(head):
    if (
        not head.startswith((b"\x1aE\xdf\xa3", b"0&\xb2u", b"\0\0\x01"))
        and head[4:5] not in b"fmws"
    ):
        assert content_of(head).kind != "video"


def image_formats():
    made = {"AVIF": "avif", "BMP": None, "GIF": None, "JPEG": None, "JPEG2000": "jpg_2000"}
    made |= {"PNG": None, "PPM": None, "TGA": None, "TIFF": None, "WEBP": "webp", "HEIF": None}
    return [name for name, feature in made.items() if feature is None or features.check(feature)]


def encoded(kind: str) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    Image.fromarray(scene(64, 64)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", image_formats())
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".mp4", ".ts", ".wmv", ""])
def test_an_image_is_known_by_its_content_whatever_its_name(kind, suffix, tmp_path):
    path = tmp_path / f"image{suffix}"
    path.write_bytes(encoded(kind))
    found = content_of(head_of(path))
    # These have no signature, or one so short that text may have it.
    if kind in ("BMP", "PPM", "TGA"):
        assert found.kind == "unknown"
        if suffix in VIDEO_SUFFIXES:
            return
    else:
        assert found.kind == "image"
    assert not is_video(path)
    assert read_image(path).shape == (64, 64, 3)
    with ImageReader().open(path) as image:
        assert image.time is None


def test_a_folder_counts_the_frames_of_a_video_among_its_images(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "a.png")
    clip(tmp_path, ".mp4", "b.png", frames=3)
    names = [
        os.path.basename(image.name) for image in ImageReader().stream(expand_source(tmp_path))
    ]
    assert names == ["a.png", "b.png#t=0.000", "b.png#t=0.100", "b.png#t=0.200"]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"<!DOCTYPE html><html>404</html>", "it holds a web page"),
        (b"\xef\xbb\xbf  <HTML>", "it holds a web page"),
        (b"<?xml version='1.0'?><svg/>", "it holds an SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"%PDF-1.7\n", "it holds a PDF document"),
        (b"8BPS\0\1", "it holds a Photoshop document"),
        (b"\xff\x0a\0\0", "it holds a JPEG XL image"),
        (b"\0" * 128 + b"DICM", "it holds a DICOM file"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "it holds a Canon raw image"),
        (b"RIFF\0\0\0\0WAVE", "it holds sound"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image that is damaged"),
        (b"hello", "not an image file of a known format, or damaged"),
    ],
)
def test_what_is_no_image_is_told_what_it_is(head, words, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(head)
    with pytest.raises(InputError, match=words) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_every_suffix_of_images_is_of_a_format_that_is_read():
    known = {"." + suffix for suffix in ("avif", "heic", "heif")}
    Image.init()
    assert {each for each in IMAGE_SUFFIXES if each not in Image.EXTENSION} <= known
    assert IMAGE_SUFFIXES.isdisjoint(VIDEO_SUFFIXES)
    random.seed(0)
    assert content_of(random.randbytes(HEAD_BYTES)).kind == "unknown"


@pytest.mark.parametrize("suffix", [".bmp", ".pgm", ".ppm", ".tga"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_smooth_dark_image_is_no_transport_stream(mode, suffix, tmp_path):
    """Bytes of its grey are those that begin packets, at every distance."""
    if suffix in (".pgm", ".ppm"):
        mode = {".pgm": "L", ".ppm": "RGB"}[suffix]
    image = Image.new("RGB", (400, 64), (71, 71, 71)).convert(mode)
    path = tmp_path / f"dusk{suffix}"
    image.save(path)
    assert not is_video(path)
    assert (read_image(path) == 71).all()


def test_equal_bytes_are_no_transport_stream():
    assert content_of(b"G" * HEAD_BYTES).kind == "unknown"
