from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from raz.errors import ResourceError
from raz.io.video import video_frames
from raz.io.video_writer import write_video

from videos import seen, write_sound_video, write_video as write_clip  # isort: skip


def copied(source, to, **options):
    """The source's frames written as a video."""
    with write_video(to, source=source, **options) as video:
        for frame in video_frames(source):
            video.write(Image.fromarray(frame.pixels.permute(1, 2, 0).numpy()), frame.seconds)
    return to


def sound_of(path):
    """Payloads of the sound's packets with their times."""
    with av.open(str(path)) as container:
        sound = container.streams.best("audio")
        packets = [packet for packet in container.demux(sound) if packet.pts is not None]
        return [bytes(packet) for packet in packets], [
            float(packet.pts * packet.time_base) for packet in packets
        ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("times", [None, [0, 10, 15, 40, 41, 100]])
def test_frames_keep_their_times_and_their_looks(tmp_path, suffix, times):
    frames = 6 if times else 20
    source = write_clip(tmp_path / f"in{suffix}", frames=frames, times=times)
    before = list(video_frames(source))
    after = list(video_frames(copied(source, tmp_path / f"out{suffix}")))
    assert [seen(frame.pixels) for frame in after] == list(range(frames))
    assert [frame.seconds for frame in after] == pytest.approx(
        [frame.seconds for frame in before], abs=5e-4
    )
    assert after[0].pixels.shape == (3, 48, 64)


def test_the_frame_rate_is_that_of_the_source(tmp_path):
    out = copied(write_clip(tmp_path / "in.mp4", rate=30), tmp_path / "out.mp4")
    with av.open(str(out)) as container:
        assert container.streams.video[0].average_rate == Fraction(30)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 200, 0), (20, 40, 230), (128, 128, 128)])
def test_colours_survive(tmp_path, colour):
    with write_video(tmp_path / "out.mp4") as video:
        video.write(Image.new("RGB", (63, 47), colour), 0.0)
    (frame,) = video_frames(tmp_path / "out.mp4")
    assert frame.pixels.shape == (3, 48, 64)  # H.264 has even sides
    middle = frame.pixels[:, 10:30, 10:30].double().mean(dim=(1, 2)).numpy()
    assert np.abs(middle - colour).max() < 4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_is_copied_bit_for_bit_and_in_time(tmp_path, suffix):
    source = write_sound_video(tmp_path / f"in{suffix}", frames=20)
    out = copied(source, tmp_path / f"out{suffix}")
    (before, times), (after, copied_times) = sound_of(source), sound_of(out)
    assert len(before) > 50
    assert after == before[-len(after) :] if times[0] < 0 else before[: len(after)]
    kept = [time for time in times if time >= 0][: len(after)]
    assert copied_times == pytest.approx(kept, abs=2e-3)
    assert len(after) >= len(before) - 4


def test_sound_lasts_as_long_as_the_last_of_the_frames_that_were_counted(tmp_path):
    source = write_sound_video(tmp_path / "in.mkv", frames=20)
    with write_video(tmp_path / "out.mkv", source=source) as video:
        for frame in video_frames(source, every=1):
            video.write(Image.fromarray(frame.pixels.permute(1, 2, 0).numpy()), frame.seconds)
    (before, _), (after, times) = sound_of(source), sound_of(tmp_path / "out.mkv")
    assert times[-1] > 1.9
    assert len(after) >= len(before) - 4


def test_sound_that_does_not_fit_is_left_out_and_said_so(tmp_path, caplog):
    source = write_sound_video(tmp_path / "in.avi", frames=5, sound="adpcm_ima_wav")
    out = copied(source, tmp_path / "out.mp4")
    assert "its sound (adpcm_ima_wav) does not fit into .mp4" in caplog.text
    with av.open(str(out)) as container:
        assert not container.streams.audio
    assert len(list(video_frames(out))) == 5


def test_without_x264_it_is_mpeg_4(tmp_path, monkeypatch):
    monkeypatch.setattr("av.codec.codecs_available", {"mpeg4"})
    source = write_clip(tmp_path / "in.mkv")
    out = copied(source, tmp_path / "out.mp4")
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    assert [seen(frame.pixels) for frame in video_frames(out)] == list(range(20))


def test_a_frame_of_another_size_is_fitted(tmp_path):
    with write_video(tmp_path / "out.mp4") as video:
        for k, size in enumerate([(64, 48), (128, 96)]):
            video.write(Image.new("RGB", size, (90, 90, 90)), k / 10)
    assert [f.pixels.shape for f in video_frames(tmp_path / "out.mp4")] == [(3, 48, 64)] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ResourceError, BrokenPipeError])
def test_an_interruption_keeps_the_frames_until_then(tmp_path, error, caplog):
    def interrupted():
        with write_video(tmp_path / "out.mp4") as video:
            for k in range(3):
                video.write(Image.new("RGB", (64, 48)), k / 10)
            raise error

    with pytest.raises(error):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial.mp4"]
    assert len(list(video_frames(tmp_path / "out.partial.mp4"))) == 3
    assert "out.partial.mp4: holds the first 3 frames" in caplog.text


def test_a_video_whose_file_cannot_be_replaced_is_kept(tmp_path, monkeypatch):
    def refused(source, target):
        if target == tmp_path / "out.mp4":
            raise PermissionError(1, "Operation not permitted")
        os.rename(source, target)

    def writing():
        with write_video(tmp_path / "out.mp4") as video:
            video.write(Image.new("RGB", (64, 48)), 0.0)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError):
        writing()
    [file] = tmp_path.iterdir()
    assert file.name == "out.partial.mp4"
    assert len(list(video_frames(file))) == 1


def test_any_other_error_leaves_the_old_file(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"old")

    def failing():
        with write_video(tmp_path / "out.mp4") as video:
            video.write(Image.new("RGB", (64, 48)), 0.0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


def test_a_full_disk_is_named(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)

    def writing():
        with write_video(tmp_path / "out.mp4") as video:
            for k in range(200):
                video.write(Image.fromarray(np.roll(noise, k)), k / 10)

    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            writing()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename == str(tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_other_suffixes_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match=r"must end in one of .mp4, .mkv, .mov"),
        write_video(tmp_path / "out.avi"),
    ):
        pass


def test_without_a_frame_a_video_that_is_there_stays(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"before")
    with write_video(path):
        pass
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
