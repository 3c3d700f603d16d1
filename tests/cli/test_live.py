from __future__ import annotations

import csv
import os
import signal
import sys
import threading
from io import BytesIO, TextIOWrapper

import pytest
import torch

from raz.cli.main import main
from raz.io import live
from raz.result import Result
from streams import http_video, transport_stream
from videos import seen, write_video


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    """What to call with the number of each frame that is counted."""
    calls = []

    def count_and_locate(model, image, settings, *, path=None) -> Result:
        height, width = image.shape[1:]
        number = seen(image)
        for call in calls:
            call(number)
        return Result(
            points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
            count=float(number), count_density=0.0, count_points=0, image_size=(width, height),
            path=path, speed={"total": 1.0},
        )  # fmt: skip

    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: Net())
    monkeypatch.setattr("raz.zoom.count_and_locate", count_and_locate)
    monkeypatch.setattr(live, "_FIRST_PAUSE", 0.01)
    return calls


@pytest.fixture
def endless():
    """A live video that goes on until the test is over."""
    over = threading.Event()

    def parts():
        first = 0
        while not over.wait(0.02):
            yield transport_stream(first % 20, first % 20 + 1)
            first += 1

    with http_video(parts()) as (address, _):
        yield address
        over.set()


def raz(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interruption_is_the_ordinary_end_of_a_live_video(
    endless, number, counting, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    counted = []

    def interrupt(frame):
        counted.append(frame)
        if len(counted) == 3:
            os.kill(os.getpid(), getattr(signal, number))

    counting.append(interrupt)
    outputs = ["--output", "t.counts.csv", "--save-video", "v.mp4", "--smooth", 1]
    assert raz("predict", endless, "--stream", *outputs) == 0
    with open("t.counts.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["count"]) for row in rows] == counted
    assert len(counted) == 3
    assert rows[0]["path"] == f"{endless}#t=0.000"
    assert sorted(os.listdir()) == ["t.counts.csv", "v.mp4"]


def test_a_second_interruption_does_not_wait_for_the_count(endless, counting, tmp_path, capsys):
    def interrupt(_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it went on")

    counting.append(interrupt)
    assert raz("predict", endless, "--stream") == 130
    assert capsys.readouterr().err.endswith("raz: interrupted\n")


def test_a_live_video_that_stays_away_is_bad_input_after_its_frames(capsys):
    with http_video([transport_stream(0, 10)]) as (address, _):
        assert raz("predict", address, "--stream", "--reconnect", 0.2) == 6
        assert raz("predict", address, "--stream", "--reconnect", 0.2) == 3
    out, err = capsys.readouterr()
    assert "9 people" in out
    assert "broke off, and could not be opened again within 0.2 s" in err


def test_standard_input_is_a_video_if_it_is_said_to_be(tmp_path, monkeypatch, capsys):
    file = BytesIO(write_video(tmp_path / "clip.mkv").read_bytes())
    file.name = "<stdin>"
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(file))
    assert raz("predict", "-", "--stream", "--every", 1, "--format", "counts") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["path"], row["count"]) for row in rows] == [
        ("stdin#t=0.000", "0.0"),
        ("stdin#t=1.000", "10.0"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["camera:0", "photo.jpg"], "camera:0: a camera or stream must be the only source"),
        (["rtsp://10.0.0.2/a", "rtsp://10.0.0.3/a"], "must be the only source"),
        (["photo.jpg", "--stream"], "--stream: is for http:// and https:// addresses and -"),
        (["camera:0", "--plot", "a.png"], "several images need a folder"),
    ],
)
def test_wrong_use_is_2(arguments, words, capsys):
    assert raz("predict", *arguments) == 2
    assert words in capsys.readouterr().err


def test_nothing_can_be_estimated_of_a_stream(capsys, monkeypatch):
    monkeypatch.setattr("raz.cli.dry_run.pixels_per_second", lambda _: 1e6)
    assert raz("predict", "camera:0", "--dry-run") == 3
    assert "camera:0: is a camera or stream; nothing is known before" in capsys.readouterr().err


def test_an_address_needs_to_be_named_as_a_video(capsys):
    assert raz("predict", "http://127.0.0.1:9/a.mp4") == 3
    assert "images are not fetched" in capsys.readouterr().err
