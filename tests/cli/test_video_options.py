from __future__ import annotations

import csv
import json
import os
import signal
import sys

import av
import numpy as np
import pytest
import torch
from PIL import Image

from raz.cli.main import main
from raz.io.video import video_frames
from raz.result import Result
from videos import seen, write_sound_video, write_video


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """The frames that were counted; each has as many people as its number."""
    frames = []

    def count_and_locate(model, image, settings, *, path=None) -> Result:
        height, width = image.shape[1:]
        number = seen(image)
        frames.append(number)
        density = torch.zeros(-(-height // 8), -(-width // 8))
        density[0, 0] = number
        return Result(
            points=torch.zeros(0, 2), scores=torch.zeros(0), density=density, count=float(number),
            count_density=float(number), count_points=0, image_size=(width, height), path=path,
            speed={"total": 1.0},
        )  # fmt: skip

    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: Net())
    monkeypatch.setattr("raz.zoom.count_and_locate", count_and_locate)
    return frames


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_video(tmp_path / "clip.mp4").name


def raz(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


def test_smoothed_counts_stand_beside_the_raw_ones(clip, capsys):
    assert raz("predict", clip, "--format", "counts", "--smooth", 0.4, "--area", "0,0 8,0 8,8") == 0
    rows = rows_of(capsys.readouterr().out)
    assert [float(row["count"]) for row in rows] == list(range(20))
    smooth = [float(row["count_median_0.4s"]) for row in rows]
    assert smooth == [1, 1.5, *range(2, 18), 17.5, 18]
    assert float(rows[4]["area.density_median_0.4s"]) == float(rows[4]["area.density"]) == 2
    assert raz("predict", clip, "--format", "jsonl", "--smooth", 0.4) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["smoothed"]["count_median_0.4s"] for line in lines] == smooth


def test_the_annotated_video_has_the_frames_their_times_and_the_sound(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = write_sound_video(tmp_path / "clip.mp4")
    assert raz("predict", clip, "--save-video", "out.mp4", "--area", "20,8 60,8 60,40") == 0
    frames = list(video_frames("out.mp4"))
    assert [frame.seconds for frame in frames] == pytest.approx([k / 10 for k in range(20)])
    pixels, plain = (
        np.stack([frame.pixels.numpy() for frame in video_frames(file)]).astype(int)
        for file in ("out.mp4", clip)
    )
    changed = np.abs(pixels - plain).max(axis=1)
    assert (changed[:, 8, 30:40].mean(axis=1) > 15).all()  # the upper edge of the zone
    assert (changed[:, 44, 30:40].mean(axis=1) < 8).all()
    with av.open("out.mp4") as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_chosen_frames_of_the_annotated_video_keep_their_times(clip):
    assert raz("predict", clip, "--every", 0.5, "--save-video", "out.mkv") == 0
    assert [f.seconds for f in video_frames("out.mkv")] == pytest.approx([0, 0.5, 1, 1.5], abs=1e-3)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_counts_are_drawn_over_time(clip, suffix):
    pytest.importorskip("matplotlib")
    assert raz("predict", clip, "--plot-counts", f"out{suffix}", "--smooth", 1) == 0
    assert os.path.getsize(f"out{suffix}") > 1000


def test_a_report_of_smoothed_counts_has_the_frames(clip):
    assert raz("predict", clip, "--every", 0.5, "--report", "out.html", "--smooth", 1) == 0
    with open("out.html") as file:
        assert file.read().count('"image": "data:image/jpeg;') == 4


def test_where_nothing_was_counted_older_outputs_stay(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    for name in ("v.mp4", "p.png"):
        with open(name, "w") as file:
            file.write("before")
    assert raz("predict", "camera:99", "--save-video", "v.mp4", "--plot-counts", "p.png") == 3
    for name in ("v.mp4", "p.png"):
        with open(name) as file:
            assert file.read() == "before"


def test_no_plot_of_a_frame_is_overwritten_by_the_chart(clip):
    pytest.importorskip("matplotlib")
    assert raz("predict", clip, "--every", 0.5, "--plot", "frames") == 0
    before = sorted(os.listdir("frames"))
    chart = os.path.join("frames", before[0])
    os.remove(chart)
    assert raz("predict", clip, "--every", 0.5, "--plot", "frames", "--plot-counts", chart) == 0
    assert len(os.listdir("frames")) == len(before) + 1


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interruption_keeps_what_was_finished_of_every_output(
    clip, number, capsys, monkeypatch, counted
):
    import raz.zoom

    counting = raz.zoom.count_and_locate

    def interrupted(*arguments, **settings):
        if len(counted) == 5:
            os.kill(os.getpid(), getattr(signal, number))
        return counting(*arguments, **settings)

    monkeypatch.setattr("raz.zoom.count_and_locate", interrupted)
    outputs = ["--save-video", "v.mp4", "--plot-counts", "p.png", "--output", "t.counts.csv"]
    assert main(["predict", clip, *outputs, "--smooth", "2"]) == 130
    made = sorted(name for name in os.listdir() if name != clip)
    assert made == ["p.partial.png", "t.partial.counts.csv", "v.partial.mp4"]
    with open("t.partial.counts.csv") as file:
        rows = rows_of(file.read())
    assert [row["count"] for row in rows] == ["0.0", "1.0", "2.0", "3.0", "4.0"]
    assert [float(row["count_median_2s"]) for row in rows] == [2] * 5
    assert len(list(video_frames("v.partial.mp4"))) == 5


def test_a_reader_that_goes_away_keeps_what_was_finished(clip, capsys, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    outputs = ["--save-video", "v.mp4", "--plot-counts", "p.png", "--output", "t.counts.csv"]
    with open(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert main(["predict", clip, *outputs, "--smooth", "2"]) == 1
    made = sorted(name for name in os.listdir() if name != clip)
    assert made == ["p.partial.png", "t.partial.counts.csv", "v.partial.mp4"]
    with open("t.partial.counts.csv") as file:
        assert [row["count_median_2s"] for row in rows_of(file.read())] == ["0.0"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clip.mp4", "clip.mp4", "--save-video", "o.mp4"], "--save-video: is for one video, and"),
        (["photo.png", "--save-video", "o.mp4"], "--save-video: is for one video, and nothing"),
        (["photo.png", "--plot-counts", "o.png"], "--plot-counts: is for one video"),
        (["photo.png", "--smooth", "2"], "--smooth: is for videos, and there is none"),
        (["clip.mp4", "--smooth", "0"], "0 is not a finite number above 0"),
        (["clip.mp4", "--save-video", "o.avi"], "must end in one of .mp4, .mkv, .mov"),
        (["clip.mp4", "--plot-counts", "o.gif"], "must end in one of .png, .svg, .pdf"),
        (["clip.mp4", "--save-video", "clip.mp4"], "is an image to count, and would be overwr"),
        (["clip.partial.mp4", "--save-video", "clip.mp4"], "clip.partial.mp4 is an image to count"),
        (["clip.mp4", "--plot-counts", "a.png", "--plot", "a.png"], "several images need a folder"),
    ],
)
def test_wrong_use_is_2_before_any_work(clip, capsys, counted, arguments, words):
    Image.new("RGB", (20, 12)).save("photo.png")
    with open("clip.partial.mp4", "wb") as copy, open(clip, "rb") as file:
        copy.write(file.read())
    before = sorted(os.listdir())
    assert raz("predict", *arguments) == 2
    assert words in capsys.readouterr().err
    assert sorted(os.listdir()) == before
    assert not counted
