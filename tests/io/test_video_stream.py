from __future__ import annotations

import io
import logging
import threading
import time
from contextlib import contextmanager
from itertools import pairwise
from types import SimpleNamespace

import pytest

import raz
from raz.errors import InputError
from raz.io import live
from raz.io.images import is_collection
from raz.io.video_stream import VideoStream, video_stream
from streams import http_video, rtsp_video, transport_stream
from videos import seen, write_video


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Broken videos are tried again at once."""
    monkeypatch.setattr(live, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(live, "_LOOK", 0.01)


def numbers(frames):
    return [seen(frame.pixels) for frame in frames]


def wait_until(condition):
    """For what another thread does; the test fails by its time limit where it never comes."""
    while not condition():
        time.sleep(0.005)


def reading():
    return any(thread.name == "raz-live" for thread in threading.enumerate())


def test_a_live_video_gives_its_last_frame_and_none_twice():
    with http_video([transport_stream(0, 20)]) as (address, _):
        frames = list(VideoStream(address, reconnect=0).frames())
    found = numbers(frames)
    assert found[-1] == 19
    assert found == sorted(set(found))
    assert all(a.seconds < b.seconds for a, b in pairwise(frames))
    assert frames[0].seconds == 0
    assert frames[0].name == f"{address}#t=0.000"
    assert not reading()


def test_only_the_newest_frame_waits_for_whoever_counts_slowly():
    with http_video([transport_stream(0, 20)]) as (address, _):
        frames = VideoStream(address, reconnect=0).frames()
        first = seen(next(frames).pixels)
        wait_until(lambda: not reading())  # all frames have come
        assert numbers(frames) == ([19] if first < 19 else [])


def test_a_video_that_breaks_off_is_opened_again(caplog):
    parts = [[transport_stream(0, 10)], [], [transport_stream(10, 20)]]
    with http_video(*parts) as (address, served):
        frames = VideoStream(address, reconnect=30).frames()
        found = []
        while not found or found[-1] < 19:
            found.append(seen(next(frames).pixels))
        frames.close()
    assert found[0] < 10
    assert found == sorted(found)
    assert len(served) >= 3
    assert f"{address}: broke off; it is tried again for up to 30 s" in caplog.text
    assert f"{address}: is back" in caplog.text
    assert not reading()


def test_a_video_that_stays_away_is_an_error_after_its_frames():
    with http_video([transport_stream(0, 10)]) as (address, served):
        found = []
        with pytest.raises(InputError) as error:
            found.extend(numbers(VideoStream(address, reconnect=0.3).frames()))
    assert str(error.value).startswith(
        f"{address}: broke off, and could not be opened again within 0.3 s: "
    )
    assert "Server Error" in str(error.value) or "5XX" in str(error.value)
    assert len(served) > 2


def test_pauses_grow(monkeypatch):
    waited = []
    monkeypatch.setattr(live, "_FIRST_PAUSE", 1.0)
    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: waited.append(seconds))
    now = iter(range(1000))
    monkeypatch.setattr(live.time, "monotonic", lambda: float(next(now)))
    reader = live._Reader.__new__(live._Reader)
    reader._name, reader._reconnect, reader.came = "camera:0", 100.0, 1
    reader._closing = threading.Event()
    calls = []

    def read():
        calls.append(1)
        if len(calls) > 1:
            raise InputError("camera:0: gone")

    monkeypatch.setattr(reader, "_read", read, raising=False)
    with pytest.raises(InputError, match="again within 100 s: gone"):
        reader._read_on()
    assert waited[:7] == [1, 2, 4, 8, 16, 30, 30]


def test_what_cannot_be_opened_at_first_is_an_error_at_once():
    with http_video() as (address, served), pytest.raises(InputError, match=f"^{address}: "):
        next(VideoStream(address, reconnect=1000).frames())
    assert len(served) == 1
    with http_video([b"no video" * 1000]) as (address, _), pytest.raises(InputError):
        next(VideoStream(address, reconnect=1000).frames())
    assert not reading()


def test_every_leaves_frames_out_by_the_clock(monkeypatch):
    came = iter([0.0, 0.4, 1.0, 1.2, 1.9, 2.1])
    pixels = write_frames(6)

    class Reader:
        came = 6

        def __init__(self, *_):
            pass

        def take(self, _):
            at = next(came, None)
            return None if at is None else (next(pixels), 100 + at)

        def close(self):
            pass

    monkeypatch.setattr(live, "_Reader", Reader)
    frames = live.live_frames(
        "camera:0", None, every=1.0, max_pixels=10**6, reconnect=0, ended=lambda: False
    )
    assert [(seen(f.pixels), round(f.seconds, 3)) for f in frames] == [(0, 0), (2, 1), (5, 2.1)]


def write_frames(number):
    import av

    from videos import image

    return (av.VideoFrame.from_ndarray(image(k), format="rgb24") for k in range(number))


def test_whoever_counts_may_end_it():
    going = threading.Event()

    def endless():
        yield transport_stream(0, 20)
        going.wait()

    ended = []
    with http_video(endless()) as (address, _):
        frames = VideoStream(address, ended=lambda: bool(ended)).frames()
        next(frames)
        ended.append(True)
        assert list(frames) == []
        going.set()
        wait_until(lambda: not reading())


def test_an_address_that_tells_its_length_is_recorded(tmp_path):
    data = write_video(tmp_path / "clip.mkv").read_bytes()
    with http_video([data], length=len(data)) as (address, _):
        frames = list(VideoStream(address).frames(every=0.5))
    assert numbers(frames) == [0, 5, 10, 15]
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.5, 1, 1.5])


def test_rtsp_is_live_and_its_password_is_told_to_nobody(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with rtsp_video(transport_stream(0, 8), transport_stream(10, 18)) as address:
        stream = VideoStream(address, reconnect=30)
        frames = stream.frames()
        found = [seen(next(frames).pixels)]
        while found[-1] < 10:
            found.append(seen(next(frames).pixels))
        frames.close()
    assert found == sorted(set(found))
    assert stream.name.startswith("rtsp://127.0.0.1:")
    out, err = capfd.readouterr()
    assert "secret" not in caplog.text + out + err


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://u:p@ss@10.0.0.2:554/a?b=c@d", "rtsp://10.0.0.2:554/a?b=c@d"),
        ("https://10.0.0.2/a@b", "https://10.0.0.2/a@b"),
        ("camera:/dev/video2", "camera:/dev/video2"),
        ("rtsp://a:p@h/1\nrtsp://b:q@h/2", "rtsp://h/1\nrtsp://h/2"),  # a list of addresses
    ],
)
def test_names(address, name):
    assert VideoStream(address).name == name


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
def test_an_open_file_is_a_recorded_video(tmp_path, suffix, seekable):
    if suffix == ".mp4" and not seekable:
        pytest.skip("its index is at its end")
    path = write_video(
        tmp_path / f"clip{suffix}", codec="mpeg2video" if suffix == ".ts" else "mpeg4", rate=25
    )

    class Pipe(io.BytesIO):
        def seekable(self):
            return seekable

    stream = VideoStream(Pipe(path.read_bytes()))
    assert numbers(stream.frames()) == list(range(20))
    assert stream.name == "stdin"


def test_no_file_of_this_machine_is_read_for_an_address(tmp_path):
    secret = write_video(tmp_path / "secret.ts", codec="mpeg2video", rate=25)
    listing = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    with http_video([listing.encode()]) as (address, _), pytest.raises(InputError):
        next(VideoStream(f"{address}.m3u8").frames())


def test_which_names_are_videos_by_themselves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_collection("rtsp://10.0.0.2/a")
    assert is_collection("camera:0")
    assert not is_collection("https://example.org/a.mp4")
    (tmp_path / "camera:0").write_bytes(b"a file")
    assert video_stream("camera:0") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("a.jpg",), "source is 'a.jpg'"), (("camera:0", -1), "reconnect is -1; it must be at least")],
)
def test_wrong_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        VideoStream(*arguments)
    with pytest.raises(ValueError, match="every is 0"):
        VideoStream("camera:0").frames(every=0)


def test_a_camera_that_is_not_there():
    with pytest.raises(InputError, match=r"^camera:77: "):
        next(raz.predict("camera:77"))


def test_whoever_ends_while_a_video_is_away_does_not_open_it_again(monkeypatch):
    opened, pausing, ready = [], threading.Event(), threading.Event()

    class Closing(threading.Event):
        def wait(self, timeout=None):
            pausing.set()
            return super().wait(timeout)

    @contextmanager
    def camera():
        opened.append(True)
        yield None, SimpleNamespace(codec_context=SimpleNamespace())

    def decoded_frames(*_):
        ready.wait()
        yield "frame"

    monkeypatch.setattr(live, "_FIRST_PAUSE", 60.0)
    monkeypatch.setattr(live, "decoded_frames", decoded_frames)
    reader = live._Reader("camera:0", camera, 60.0)
    reader._closing = Closing()
    ready.set()
    pausing.wait()
    reader.close()
    assert len(opened) == 1
