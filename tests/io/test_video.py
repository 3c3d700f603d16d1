from __future__ import annotations

import builtins

import av
import numpy as np
import pytest

from raz.errors import InputError, ResourceError
from raz.io import video
from videos import SIZE, image, seen, write_video


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".avi", ".mov"])
def clip(request, tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / f"clip{request.param}")


def test_all_frames_in_order_with_their_times(clip):
    frames = list(video.video_frames(clip))
    assert [seen(frame.pixels) for frame in frames] == list(range(20))
    assert [frame.seconds for frame in frames] == pytest.approx([k / 10 for k in range(20)])
    assert frames[12].name == f"{clip}#t=1.200"
    assert frames[0].pixels.shape == (3, 48, 64)
    assert frames[0].pixels[:, 4, 4].min() > 200 > frames[0].pixels[:, 40, 4].max()
    assert all(frame.milliseconds > 0 for frame in frames)


@pytest.mark.parametrize(
    ("every", "chosen"),
    [
        (0.1, list(range(20))),
        (0.2, list(range(0, 20, 2))),
        (0.25, [0, 3, 5, 8, 10, 13, 15, 18]),
        (0.01, list(range(20))),
        (1.9, [0, 19]),
        (60.0, [0]),
    ],
)
def test_every_takes_the_first_frame_at_or_after_each_multiple(clip, every, chosen):
    assert [seen(frame.pixels) for frame in video.video_frames(clip, every=every)] == chosen


def test_frames_at_uneven_times_keep_them(tmp_path):
    times = [50, 60, 100, 101, 300]  # the first is where time begins
    path = write_video(tmp_path / "phone.mkv", frames=5, times=times)
    frames = list(video.video_frames(path))
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.1, 0.5, 0.51, 2.5])
    chosen = [seen(frame.pixels) for frame in video.video_frames(path, every=0.5)]
    assert chosen == [0, 2, 4]


@pytest.mark.parametrize("mirrored", ["", "hflip", "vflip"])
@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
def test_frames_are_turned_and_mirrored_as_the_file_asks(tmp_path, rotation, mirrored):
    path = write_video(tmp_path / "phone.mp4", frames=2, rotation=rotation, mirrored=mirrored)
    (frame, _) = video.video_frames(path)
    expected = np.rot90(image(0), rotation // 90)  # counterclockwise
    if mirrored:
        expected = np.flip(expected, 1 if mirrored == "hflip" else 0)
    assert frame.pixels.shape == (3, *expected.shape[:2])
    difference = frame.pixels.permute(1, 2, 0).numpy().astype(int) - expected
    assert np.abs(difference).mean() < 8


def test_times_that_go_back_go_on_by_a_frame(tmp_path):
    one = write_video(tmp_path / "one.mpg", codec="mpeg2video", rate=25, container="mpegts")
    (tmp_path / "two.mpg").write_bytes(one.read_bytes() * 2)
    frames = list(video.video_frames(tmp_path / "two.mpg"))
    assert [seen(frame.pixels) for frame in frames] == [*range(20), *range(20)]
    assert [frame.seconds for frame in frames] == pytest.approx([k / 25 for k in range(40)])
    chosen = video.video_frames(tmp_path / "two.mpg", every=0.4)
    assert [seen(frame.pixels) for frame in chosen] == [0, 10, 0, 10]


def test_what_was_joined_keeps_its_own_times(tmp_path):
    times = [0, 10, 60, 70, 200]
    one = write_video(tmp_path / "one.mpg", frames=5, times=times, container="mpegts")
    (tmp_path / "two.mpg").write_bytes(one.read_bytes() * 2)
    seconds = [frame.seconds for frame in video.video_frames(tmp_path / "two.mpg")]
    assert len(seconds) == 10
    assert np.diff(seconds[:5]) == pytest.approx([0.1, 0.5, 0.1, 1.3])
    assert np.diff(seconds[5:]) == pytest.approx([0.1, 0.5, 0.1, 1.3])
    assert seconds[5] > seconds[4]


def test_the_stream_that_players_show_is_taken(tmp_path):
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("mpeg4", rate=10) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(32, 16), SIZE], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        streams[0].disposition = 0
        streams[1].disposition = av.stream.Disposition.default
        for stream, frames in zip(streams, (1, 5), strict=True):
            pixels = np.zeros((stream.height, stream.width, 3), np.uint8)
            for _ in range(frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
    frames = list(video.video_frames(tmp_path / "two.mkv"))
    assert [frame.pixels.shape for frame in frames] == [(3, 48, 64)] * 5


def test_words_in_a_video_need_not_be_utf_8(tmp_path):
    path = write_video(tmp_path / "clip.avi", title="Strasse")
    path.write_bytes(path.read_bytes().replace(b"Strasse", b"Stra\xdfe "))
    assert len(list(video.video_frames(path))) == 20


def test_memory_that_runs_out_is_named(clip, monkeypatch):
    def short_of_memory(*_):
        raise MemoryError

    monkeypatch.setattr(video, "frame_pixels", short_of_memory)
    with pytest.raises(ResourceError, match=r"clip\.\w+: memory ran out"):
        next(video.video_frames(clip))


def test_a_header_that_asks_for_too_much_memory_is_damaged(clip, monkeypatch):
    def short_of_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr("av.open", short_of_memory)
    with pytest.raises(InputError, match=r"clip\.\w+: its header asks for more memory than there"):
        next(video.video_frames(clip))


def test_a_video_is_known_by_its_suffix(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    assert video.is_video("street.MP4")
    assert video.is_video(tmp_path / "street.webm")
    assert not video.is_video(tmp_path / "folder.mp4")
    assert not video.is_video("street.jpg")


def test_size_and_number_of_frames_are_known_beforehand(clip):
    assert video.video_length(clip) == (SIZE, 20)
    assert video.video_length(clip, every=0.5) == (SIZE, 4)
    assert video.video_length(clip, every=60) == (SIZE, 1)


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf")])
def test_every_is_a_positive_number(every):
    with pytest.raises(ValueError, match=f"every is {every}; it must be a finite number"):
        video.video_frames("clip.mp4", every=every)


def test_what_is_no_video(tmp_path):
    def words(name):
        with pytest.raises(InputError) as error:
            next(video.video_frames(tmp_path / name))
        assert str(error.value).startswith(f"{tmp_path / name}: ")
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "no such file" in words("none.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "empty" in words("empty.mp4")
    (tmp_path / "text.mp4").write_text("no video\n" * 100, encoding="ascii")
    assert "Invalid data" in words("text.mp4")
    whole = write_video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    assert "Invalid data" in words("half.mp4")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "holds no video" in words("sound.mp4")
    whole = write_video(tmp_path / "whole.mp4", codec="libx264").read_bytes()
    (tmp_path / "unknown.mp4").write_bytes(whole.replace(b"avc1", b"none"))
    assert "this kind of video is not known" in words("unknown.mp4")


def test_broken_parts_are_passed_over(tmp_path, caplog):
    whole = bytearray(write_video(tmp_path / "clip.avi").read_bytes())
    place = int(len(whole) * 0.7)
    whole[place : place + 64] = b"\xff" * 64
    (tmp_path / "broken.avi").write_bytes(whole)
    frames = [seen(frame.pixels) for frame in video.video_frames(tmp_path / "broken.avi")]
    assert 10 < len(frames) < 20
    assert "broken.avi: 1 damaged parts were skipped" in caplog.text


def test_a_list_of_other_files_is_not_followed(tmp_path, clip):
    listing = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.mp4").write_text(listing, encoding="utf-8")
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {clip}\n", encoding="utf-8")
    for name in ("list.mp4", "concat.mp4"):
        with pytest.raises(InputError, match="Invalid"):
            next(video.video_frames(tmp_path / name))


def test_pixels_are_limited(clip):
    with pytest.raises(InputError, match="64 x 48 pixels are over the limit of 3,000 pixels"):
        next(video.video_frames(clip, max_pixels=3000))


def test_without_pyav_the_message_says_what_to_install(clip, monkeypatch):
    importing = builtins.__import__

    def without(name, *rest):
        if name == "av":
            raise ImportError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'videos need PyAV \(pip install "\.\[video\]"\)'):
        next(video.video_frames(clip))


def test_a_file_that_may_not_be_read_is_named(clip, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(video, "head_of", refused)
    assert video.is_video(clip)
    with pytest.raises(InputError, match=r": Permission denied$"):
        next(video.video_frames(clip))
