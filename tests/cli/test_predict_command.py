from __future__ import annotations

import csv
import json
import logging
import os
import signal
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, TiffImagePlugin

from images import BAD, a_folder, empty, missing, scene, text
from raz.cli.main import main
from raz.errors import ResourceError, WeightsError
from raz.intervals import Spread
from raz.io.formats import COLLECTIONS, SUFFIXES
from raz.result import Region, Result, SkippedRegion
from videos import write_video

REGION = Region(
    box=(1.0, 2.0, 9.0, 10.0),
    score=0.5,
    depth=2,
    scale=2.0,
    points_before=3,
    points_after=4,
    count_before=3.25,
    count_after=4.5,
    crowded=1.5,
)

SKIPPED = SkippedRegion(box=(9.0, 2.0, 12.0, 10.0), score=0.25, depth=2, reason="max_zoom_pixels")


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8


def count_and_locate(model, image, settings, *, path=None) -> Result:
    """One head in the middle; where depth allows it, one region."""
    height, width = image.shape[1:]
    return Result(
        points=torch.tensor([[width / 2, height / 2]]),
        scores=torch.tensor([0.75]),
        density=torch.ones(1, 1),
        count=1.25,
        count_density=1.5,
        count_points=1,
        image_size=(width, height),
        regions=(REGION,) if settings.passes > 1 else (),
        skipped=(SKIPPED,) if settings.max_zoom_pixels == 7 and settings.max_seconds == 0.5 else (),
        model="fake",
        path=path,
        speed={"total": 1.0},
    )


@pytest.fixture(autouse=True)
def built(monkeypatch):
    """Models that were asked for, in place of real ones."""
    asked = []

    def get_model(name, weights):
        asked.append((name, weights))
        if name == "unknown":
            raise ValueError("model is 'unknown'; it must be one of fake")
        if weights == "gone":
            raise WeightsError("weights 'gone' are not there")
        return Net()

    monkeypatch.setattr("raz.models.get_model", get_model)
    monkeypatch.setattr("raz.zoom.count_and_locate", count_and_locate)
    return asked


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    for name in ("img10.png", "img2.png", "img1.png"):
        Image.fromarray(scene()).save(path / name)
    return path


def raz(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def errors_of(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_one_line_for_one_image(photo, capsys):
    assert raz("predict", photo) == 0
    out, err = capsys.readouterr()
    assert out == f"{photo}  1 person  (density 1.5, 1 head located)\n"
    assert err == ""


def test_the_line_tells_the_interval_and_how_probable_it_is(photo, capsys, monkeypatch):
    def counted(*arguments, **settings):
        return replace(count_and_locate(*arguments, **settings), spread=Spread(*[(0.2,) * 9] * 2))

    monkeypatch.setattr("raz.zoom.count_and_locate", counted)
    assert raz("predict", photo) == 0
    assert "  1 person, 0 to 4 with 90 % probability  (" in capsys.readouterr().out


def test_where_the_outputs_are_is_told_unless_quiet(photo, folder, tmp_path, capsys):
    outputs = ("--output", tmp_path / "heads.csv", "--plot", tmp_path / "plots")
    (tmp_path / "plots").mkdir()
    assert raz("predict", photo, *outputs) == 0
    assert errors_of(capsys) == [
        f"raz: wrote {tmp_path / 'plots' / 'photo.png'}",
        f"raz: wrote {tmp_path / 'heads.csv'}",
    ]
    assert raz("predict", folder, *outputs) == 0
    assert errors_of(capsys) == [
        f"raz: wrote {tmp_path / 'plots'}",
        f"raz: wrote {tmp_path / 'heads.csv'}",
    ]
    assert raz("predict", folder, *outputs, "--quiet") == 0
    assert errors_of(capsys) == []


def test_json_of_one_image_is_an_object(photo, capsys):
    assert raz("predict", photo, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["path"] == str(photo)
    assert json.loads(out)["points"] == [[10, 6, 0.75]]
    assert err == ""


@pytest.mark.parametrize(("make", "reason"), BAD.items(), ids=lambda v: getattr(v, "__name__", ""))
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_bad_image_is_one_line_on_stderr_and_3(make, reason, options, tmp_path, capsys):
    path = make(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert raz("predict", path, *options) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"raz: {path}: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_empty_folder_is_3(tmp_path, capsys):
    assert raz("predict", a_folder(tmp_path)) == 3
    [line] = errors_of(capsys)
    assert "folder.jpg: the folder holds no image file" in line


def test_pattern_without_a_match_is_3(tmp_path, capsys):
    assert raz("predict", tmp_path / "*.jpg") == 3
    assert "no file matches" in errors_of(capsys)[0]


def test_some_bad_of_several_is_6_and_the_rest_is_there(photo, tmp_path, capsys):
    sources = [missing(tmp_path), photo, empty(tmp_path), text(tmp_path)]
    assert raz("predict", *sources) == 6
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"{photo}  1 person  (density 1.5, 1 head located)"]
    *lines, last = err.splitlines()
    for path, line in zip([sources[0], *sources[2:]], lines, strict=True):
        assert line.startswith(f"raz: {path}: ")
    assert last == "raz: 3 of 4 images could not be read"


def test_all_bad_of_several_is_3(tmp_path, capsys):
    assert raz("predict", missing(tmp_path), empty(tmp_path), "--json") == 3
    assert json.loads(capsys.readouterr().out) == []


def test_several_as_json_are_one_array_in_natural_order(folder, capsys, built):
    assert raz("predict", folder, "--json") == 0
    names = [result["path"].rpartition("/")[2] for result in json.loads(capsys.readouterr().out)]
    assert names == ["img1.png", "img2.png", "img10.png"]
    assert built == [("raznet_lite", "DEFAULT")]


def test_a_folder_of_one_image_is_still_an_array(folder, capsys):
    for name in ("img1.png", "img2.png"):
        (folder / name).unlink()
    assert raz("predict", folder, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_options_reach_the_model(photo, capsys, built):
    arguments = ["--model", "raznet_vgg16", "--weights", "mine", "--depth", 1, "--device", "cpu"]
    assert raz("predict", photo, "--json", *arguments) == 0
    assert json.loads(capsys.readouterr().out)["regions"] == []
    assert built == [("raznet_vgg16", "mine")]


def test_max_pixels(photo, capsys):
    assert raz("predict", photo, "--max-pixels", 100) == 3
    assert "over the limit of 100 pixels" in errors_of(capsys)[0]


def test_threads(photo):
    before = torch.get_num_threads()
    try:
        assert raz("predict", photo, "--threads", 1) == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_budget_reaches_the_model_and_the_trace_tells_what_was_skipped(photo, capsys):
    limits = ["--max-zoom-pixels", 7, "--max-seconds", 0.5]
    assert raz("predict", photo, "--trace", *limits) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "  skipped at depth 2  box 9,2,12,10  score 0.25  max_zoom_pixels"
    assert raz("predict", photo, "--json", *limits) == 0
    [skipped] = json.loads(capsys.readouterr().out)["skipped"]
    assert skipped["reason"] == "max_zoom_pixels"


@pytest.mark.parametrize(
    "limit", [("--max-zoom-pixels", -1), ("--max-seconds", -1), ("--max-seconds", "nan")]
)
def test_budget_out_of_range_is_wrong_use(limit, photo, capsys):
    assert raz("predict", photo, *limit) == 2
    assert limit[0] in capsys.readouterr().err


def test_trace_lists_regions(photo, capsys):
    assert raz("predict", photo, "--trace") == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "  2x  box 1,2,9,10  score 0.50  points 3 to 4  density 3.2 to 4.5  too dense 1.5"
    )


def test_plot_of_one_image(photo, tmp_path):
    assert raz("predict", photo, "--plot", tmp_path / "plain.png") == 0
    assert raz("predict", photo, "--plot", tmp_path / "trace.png", "--trace") == 0
    plain, trace = (np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("plain", "trace"))
    assert (plain[:12, :20] != scene()).any()
    assert len(trace) > len(plain) > 12  # what is written stands below the image
    assert (plain[:12, :20] != trace[:12, :20]).any()


def test_plots_of_several_images_keep_apart(photo, folder, tmp_path):
    (folder / "inner").mkdir()
    Image.fromarray(scene()).save(folder / "inner" / "photo.jpg")
    plots = tmp_path / "plots" / "new"
    assert raz("predict", photo, folder / "inner", folder, "--plot", plots) == 0
    names = sorted(path.name for path in plots.iterdir())
    assert names == ["img1.png", "img10.png", "img2.png", "photo-2.png", "photo.png"]


def test_plot_of_one_image_into_a_folder(photo, folder):
    assert raz("predict", photo, "--plot", folder) == 0
    assert (folder / "photo.png").is_file()


def test_output_of_one_image(photo, tmp_path):
    for suffix in SUFFIXES:
        assert raz("predict", photo, "--output", tmp_path / f"out{suffix}") == 0
        assert (tmp_path / f"out{suffix}").stat().st_size
    assert json.loads((tmp_path / "out.json").read_text())["count"] == 1.25
    assert (tmp_path / "out.csv").read_text() == "x,y,score\n10.0,6.0,0.75\n"
    assert (tmp_path / "out.txt").read_text() == "photo 1 10 6\n"


def test_output_of_several_images(folder, tmp_path):
    for suffix in COLLECTIONS:
        assert raz("predict", folder, missing(tmp_path), "--output", tmp_path / f"out{suffix}") == 6
        assert (tmp_path / f"out{suffix}").stat().st_size
    assert len(json.loads((tmp_path / "out.json").read_text())) == 3
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["path"] for row in rows][-1] == str(folder / "img10.png")
    assert (tmp_path / "out.txt").read_text().splitlines()[1] == "img2 1 10 6"


def test_format_goes_before_the_suffix(photo, folder, tmp_path):
    out = tmp_path / "out.json"
    assert raz("predict", photo, "--output", out, "--format", "coco") == 0
    assert json.loads(out.read_text())["annotations"][0]["keypoints"] == [10, 6, 2]
    assert raz("predict", folder, "--output", out, "--format", "label-studio") == 0
    assert [task["data"]["count"] for task in json.loads(out.read_text())] == [1.25] * 3


def test_format_without_output_is_printed(photo, folder, capsys):
    assert raz("predict", photo, "--format", "csv") == 0
    assert capsys.readouterr().out == "x,y,score\n10.0,6.0,0.75\n"
    assert raz("predict", photo, "--format", "geojson") == 0
    assert len(json.loads(capsys.readouterr().out)["features"]) == 1
    assert raz("predict", folder, "--format", "cvat") == 0
    assert capsys.readouterr().out.count("<image ") == 3


def test_counts_are_a_row_for_each_image_and_video_frames_have_a_time(folder, tmp_path, capsys):
    columns = ["path", "count", "count_low", "count_high", "points", "width", "height", "seconds"]
    assert raz("predict", folder, "--format", "counts") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [list(row) for row in rows] == [columns] * 3
    seconds = [float(row.pop("seconds")) for row in rows]
    assert all(0.001 <= taken < 60 for taken in seconds)  # at least what counting says it took
    assert [list(row.values()) for row in rows] == [
        [str(folder / name), "1.25", "", "", "1", "20", "12"]
        for name in ("img1.png", "img2.png", "img10.png")
    ]
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    assert raz("predict", clip, "--format", "counts") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [list(row) for row in rows] == [[*columns, "time"]] * 2
    assert [row["time"] for row in rows] == ["0.0", "0.1"]
    nothing = tmp_path / "nothing.counts.csv"
    assert raz("predict", missing(tmp_path), missing(tmp_path), "--out", nothing) == 3
    assert nothing.read_text() == ",".join(columns) + "\n"


HOSTILE = "a\x1b[2J\x1b]0;title\x07\r\n\x9b31m\u202egpj.png"


def plain(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


def test_names_of_files_do_nothing_to_a_terminal_or_a_log(tmp_path, capsys):
    good, bad = tmp_path / HOSTILE, tmp_path / f"bad{HOSTILE}"
    Image.fromarray(scene()).save(good, format="PNG")
    bad.write_text("no image")
    assert raz("predict", good, bad) == 6
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert plain(out)
    assert "a\\x1b[2J\\x1b]0;title\\x07\\r\\n\\x9b31m\\u202egpj.png  1 person" in out
    assert len(err.splitlines()) == 2
    assert plain(err)
    assert raz("predict", bad, "--verbose") == 3
    assert plain(capsys.readouterr().err)
    assert raz("predict", good, "--plot", f"{HOSTILE}.gif") == 2
    assert raz("predict", good, f"--{HOSTILE}") == 2
    assert plain(capsys.readouterr().err)


def test_a_terminal_gets_no_control_characters_in_any_format(tmp_path, capsys, monkeypatch):
    Image.fromarray(scene()).save(tmp_path / HOSTILE, format="PNG")
    command = ["predict", tmp_path, "--format", "csv"]
    assert raz(*command) == 0
    assert HOSTILE in capsys.readouterr().out  # a file or a program gets the name as it is
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert raz(*command) == 0
    assert plain(capsys.readouterr().out)


def test_lines_are_printed_as_soon_as_they_are_there(folder, capsys, monkeypatch):
    printed = []

    def watched(*arguments, **settings):
        printed.append(len(capsys.readouterr().out.splitlines()))
        return count_and_locate(*arguments, **settings)

    monkeypatch.setattr("raz.zoom.count_and_locate", watched)
    assert raz("predict", folder, "--format", "jsonl") == 0
    assert printed == [0, 1, 1]
    assert len(json.loads(capsys.readouterr().out)["points"]) == 1


def test_printed_json_beside_a_file_of_another_format(photo, tmp_path, capsys):
    out = tmp_path / "out"
    assert raz("predict", photo, "--output", out, "--format", "nwpu", "--json") == 0
    assert json.loads(capsys.readouterr().out)["count"] == 1.25
    assert out.read_text() == "photo 1 10 6\n"


def test_a_georeferenced_image_is_put_on_the_map(tmp_path, capsys):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, kind, value in (
        (33550, 12, (0.5, 0.5, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, 399_000.0, 5_757_000.0, 0.0)),
        (34735, 3, (1, 1, 0, 1, 3072, 0, 1, 32632)),
    ):
        directory.tagtype[tag] = kind
        directory[tag] = value
    Image.fromarray(scene()).save(tmp_path / "photo.tif", tiffinfo=directory)
    assert raz("predict", tmp_path / "photo.tif", "--format", "geojson") == 0
    read = json.loads(capsys.readouterr().out)
    assert read["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32632"
    assert read["features"][0]["geometry"]["coordinates"] == [399_005, 5_756_997]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "SOURCE"),
        (["photo.png", "--depth", "0"], "0 is below 1"),
        (["photo.png", "--depth", "two"], "'two' is not an integer"),
        (["photo.png", "--plot", "plot.gif"], "must end in .png"),
        (["a.png", "b.png", "--plot", "plot.png"], "several images need a folder"),
        (["photo.png", "--output", "out.xls"], "--output: out.xls: the file name must end in one"),
        (["a.png", "b.png", "--out", "out.geojson"], "must end in one of .json, .jsonl"),
        (["photo.png", "--output", "out.json", "--format", "xls"], "--format: format is 'xls'"),
        (["a.png", "b.png", "--format", "geojson"], "format of several images is 'geojson'"),
        (["a.png", "b.png", "--format", "geojson"], "'geojson', which holds one image; it must be"),
        (["a.png", "b.png", "--out", "out.geojson"], "; geojson (.geojson) holds one image"),
        (["a.png", "b.png", "--out", "out.npz"], "; npz (.npz) holds one image"),
        (["photo.png", "--tile", "100"], "raz predict: --tile is 100; it must be a multiple of 32"),
        (["photo.png", "--threads", "1000000"], "raz predict: --threads: 1000000 is above 1024"),
        (["photo.png", "--format", "npz"], "npz is no text; it needs --output"),
        (["photo.png", "--format", "csv", "--json"], "--format: beside --json it is for --output"),
        (["a.png", "my b.png", "--output", "out.txt"], "my b.png: image_id is 'my b'"),
        (["a.png", "my b.png", "--format", "nwpu"], "my b.png: image_id is 'my b'"),
        (["photo.png", "--quiet", "--verbose"], "not allowed with"),
        (["photo.png", "--device", "tpu7"], "device is 'tpu7'"),
        (["photo.png", "--model", "unknown"], "unknown model unknown; one of fake"),
        (["photo.png", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_use_is_2_before_any_work(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert raz("predict", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert err.endswith(" (see raz predict --help)\n")
    assert not list(tmp_path.iterdir())


def raising(error):
    def raise_it(*_, **__):
        raise error

    return raise_it


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ResourceError("time ran out"), 5, "raz: time ran out"),
        (MemoryError(), 5, "memory ran out"),
        (KeyboardInterrupt(), 130, "raz: interrupted"),
        (RuntimeError("two\nlines"), 1, "raz: RuntimeError: two lines"),
    ],
)
@pytest.mark.parametrize("several", [False, True])
def test_exit_codes(error, code, line, several, photo, capsys, monkeypatch):
    monkeypatch.setattr("raz.zoom.count_and_locate", raising(error))
    assert raz("predict", *[photo] * (1 + several)) == code
    [printed] = errors_of(capsys)
    assert line in printed


def test_weights_error_is_4(photo, capsys):
    assert raz("predict", photo, "--weights", "gone", "--json") == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "raz: weights 'gone' are not there\n"


def test_traceback_only_when_asked_for(tmp_path, capsys):
    assert raz("predict", missing(tmp_path), "--verbose") == 3
    assert "Traceback" in capsys.readouterr().err


def test_interruption_keeps_what_there_is_under_another_name(folder, tmp_path, capsys, monkeypatch):
    calls = []

    def second_fails(*arguments, **settings):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return count_and_locate(*arguments, **settings)

    monkeypatch.setattr("raz.zoom.count_and_locate", second_fails)
    out = tmp_path / "results" / "out.csv"
    out.parent.mkdir()
    assert raz("predict", folder, "--out", out) == 130
    assert [file.name for file in out.parent.iterdir()] == ["out.partial.csv"]
    rows = list(csv.DictReader((out.parent / "out.partial.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == [str(folder / "img1.png")]
    assert errors_of(capsys)[0].endswith("out.partial.csv: holds the first 1 results")


def test_termination_is_an_interruption(folder, tmp_path, monkeypatch):
    def terminated(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("it went on")

    monkeypatch.setattr("raz.zoom.count_and_locate", terminated)
    assert raz("predict", folder, "--out", tmp_path / "out.csv") == 130
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_every_signal_keeps_what_was_finished(number, folder, tmp_path, monkeypatch):
    def signalled(model, image, settings, *, path):
        if path.endswith("img10.png"):
            os.kill(os.getpid(), getattr(signal, number))
            pytest.fail("it went on")
        return count_and_locate(model, image, settings, path=path)

    monkeypatch.setattr("raz.zoom.count_and_locate", signalled)
    out = tmp_path / "results" / "out.csv"
    out.parent.mkdir()
    assert raz("predict", folder, "--out", out) == 130
    [kept] = out.parent.iterdir()
    assert kept.name == "out.partial.csv"
    assert len(kept.read_text().splitlines()) == 3


def test_two_kinds_of_signals_at_once_are_one_interruption(folder, tmp_path, monkeypatch):
    """Closing a terminal or stopping a service sends SIGHUP and SIGTERM."""

    def signalled(model, image, settings, *, path):
        if path.endswith("img10.png"):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                os.kill(os.getpid(), signal.SIGHUP)
        return count_and_locate(model, image, settings, path=path)

    monkeypatch.setattr("raz.zoom.count_and_locate", signalled)
    out = tmp_path / "results" / "out.csv"
    out.parent.mkdir()
    assert raz("predict", folder, "--out", out) == 130
    assert [file.name for file in out.parent.iterdir()] == ["out.partial.csv"]


def test_a_signal_that_is_ignored_stays_ignored(folder, tmp_path, monkeypatch):
    def hung_up(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGHUP)
        return count_and_locate(*arguments, **settings)

    monkeypatch.setattr("raz.zoom.count_and_locate", hung_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert raz("predict", folder, "--out", tmp_path / "out.csv") == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


def test_a_reader_that_goes_away_keeps_what_was_finished(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results" / "out.csv"
    out.parent.mkdir()
    with broken_pipe() as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert raz("predict", folder, "--out", out) == 1
    assert [file.name for file in out.parent.iterdir()] == ["out.partial.csv"]
    assert errors_of(capsys) == [f"raz: {out.parent}/out.partial.csv: holds the first 1 results"]


def test_a_reader_that_goes_away_costs_one_image_nothing(photo, tmp_path, capsys, monkeypatch):
    with broken_pipe() as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert raz("predict", photo, "--out", tmp_path / "out.csv") == 1
    assert (tmp_path / "out.csv").read_text() == "x,y,score\n10.0,6.0,0.75\n"
    assert errors_of(capsys) == []


def test_a_full_stdout_is_named(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results" / "out.csv"
    out.parent.mkdir()
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert raz("predict", folder, "--out", out) == 1
    assert [file.name for file in out.parent.iterdir()] == ["out.partial.csv"]
    assert errors_of(capsys)[-1] == "raz: stdout: No space left on device"


def full_disk():
    return open("/dev/full", "w")


@pytest.mark.parametrize("open_stderr", [broken_pipe, full_disk])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_stderr_that_takes_nothing_costs_messages_alone(
    terminal, open_stderr, folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    out = tmp_path / "out.csv"
    with open_stderr() as broken:
        monkeypatch.setattr(broken, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stderr", broken)
        assert raz("predict", folder, "--out", out) == 0
        assert sys.stderr is broken
    assert len(out.read_text().splitlines()) == 4
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("streams", [["stdout"], ["stdout", "stderr"]])
def test_files_are_written_whole_though_streams_are_closed(
    streams, folder, tmp_path, capsys, monkeypatch
):
    for stream in streams:
        monkeypatch.setattr(sys, stream, None)
    out = tmp_path / "out.csv"
    assert raz("predict", folder, "--out", out) == 1
    assert len(out.read_text().splitlines()) == 4
    told = [f"raz: wrote {out}", "raz: stdout: Bad file descriptor"]
    assert errors_of(capsys) == (told if streams == ["stdout"] else [])
    assert raz("data", "convert", "nowhere", "--to", "csv", "--output", "a.csv") == 3
    assert [getattr(sys, stream) for stream in streams] == [None] * len(streams)


@pytest.fixture
def no_room():
    """Files cannot grow beyond 200 bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", sorted({*SUFFIXES} - {".csv", ".counts.csv", ".txt"}))
def test_one_line_names_the_file_that_has_no_room(suffix, photo, tmp_path, capsys, no_room):
    out = tmp_path / "results" / f"out{suffix}"
    out.parent.mkdir()
    code = raz("predict", photo, "--out", out)
    if suffix == ".density.npy":
        assert code == 0  # it is that small
        return
    assert code == 1
    assert errors_of(capsys) == [f"raz: {out}: File too large"]
    assert not list(out.parent.iterdir())


@pytest.mark.parametrize(("suffix", "kept"), [(".csv", 2), (".counts.csv", 2), (".txt", 12)])
def test_what_had_room_is_kept(suffix, kept, tmp_path, capsys, monkeypatch, no_room):
    monkeypatch.chdir(tmp_path)
    for number in range(32):
        Image.fromarray(scene()[:2, :2]).save(f"{number:02}.png")
    out = tmp_path / "results" / f"out{suffix}"
    out.parent.mkdir()
    assert raz("predict", ".", "--out", out) == 1
    [file] = out.parent.iterdir()
    assert file.name == f"out.partial{suffix}"
    held, full = errors_of(capsys)
    assert full == f"raz: {out}: File too large"
    results = len(file.read_text().splitlines()) - (suffix != ".txt")
    assert results >= kept
    assert held == f"raz: {file}: holds the first {results} results"


def test_a_full_device_is_named(photo, folder, capsys):
    for source in (photo, folder):
        assert raz("predict", source, "--format", "csv", "--out", "/dev/full") == 1
        assert errors_of(capsys) == ["raz: /dev/full: No space left on device"]


def test_no_output_takes_the_place_of_an_image(folder, tmp_path, capsys):
    before = {file: file.read_bytes() for file in folder.iterdir()}
    first = folder / "img1.png"
    (tmp_path / "link.png").symlink_to(first)
    for output in (first, tmp_path / "link.png"):
        for option in ("--plot", "--out"):
            assert raz("predict", first, option, output) == 2
            assert (
                f"{option.replace('out', 'output')}: {output} is an image"
                in capsys.readouterr().err
            )
    assert raz("predict", folder, "--plot", folder) == 0
    assert raz("predict", first, "--plot", folder) == 0
    assert {file: file.read_bytes() for file in before} == before
    plots = sorted(file.name for file in folder.iterdir() if file not in before)
    assert plots == [f"{file.stem}-2.png" for file in sorted(before)]


def test_interruption_leaves_whole_json_and_names_the_bad_images(folder, capsys, monkeypatch):
    def second_fails(model, image, settings, *, path):
        if path.endswith("img10.png"):
            raise KeyboardInterrupt
        return count_and_locate(model, image, settings, path=path)

    (folder / "img2.png").write_text("no image")
    monkeypatch.setattr("raz.zoom.count_and_locate", second_fails)
    assert raz("predict", folder, "--json") == 130
    out, err = capsys.readouterr()
    assert [result["path"] for result in json.loads(out)] == [str(folder / "img1.png")]
    bad, summary, last = err.splitlines()
    assert bad.startswith(f"raz: {folder / 'img2.png'}: ")
    assert summary == "raz: 1 of 3 images could not be read"
    assert last == "raz: interrupted"


def test_output_that_cannot_be_written_is_1(photo, tmp_path, capsys):
    nowhere = tmp_path / "no" / "folder"
    for option, file in (("--out", nowhere / "out.csv"), ("--plot", nowhere / "plot.png")):
        assert raz("predict", photo, option, file) == 1
        assert errors_of(capsys) == [f"raz: {file}: No such file or directory"]


def test_first_frame_is_mentioned_when_verbose(tmp_path, capsys):
    path = tmp_path / "two.gif"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert raz("predict", path) == 0
    assert errors_of(capsys) == []
    assert raz("predict", path, "--verbose") == 0
    assert "first is used" in errors_of(capsys)[0]


def test_warnings_are_single_lines_and_quiet_hides_them(photo, capsys, monkeypatch):
    def warn(*arguments, **settings):
        warnings.warn("slow\nbut right", RuntimeWarning, stacklevel=1)
        return count_and_locate(*arguments, **settings)

    monkeypatch.setattr("raz.zoom.count_and_locate", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert raz("predict", photo) == 0
        assert errors_of(capsys) == ["raz: slow but right"]
        assert raz("predict", photo, "--quiet") == 0
        assert errors_of(capsys) == []


@pytest.mark.parametrize("rich", [True, False])
def test_progress_only_on_a_terminal(rich, folder, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    assert raz("predict", folder) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert raz("predict", folder) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    if rich:
        assert "images" in err
        assert "2/3" in err
        assert err.endswith("\x1b[2K")
    else:
        assert "\r2/3 images" in err
        assert err.endswith("\r")
        assert "\x1b" not in err
    assert raz("predict", folder, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_logging_is_left_as_it_was(photo):
    log = logging.getLogger("raz")
    before = (log.level, log.propagate, list(log.handlers))
    raz("predict", photo, "--verbose")
    assert (log.level, log.propagate, list(log.handlers)) == before


def test_a_video_is_many_images(tmp_path, capsys):
    clip = write_video(tmp_path / "clip.mp4")
    out = tmp_path / "heads.csv"
    plots = tmp_path / "plots"
    command = ["predict", clip, "--every", 1, "--output", out, "--plot", plots, "--json"]
    assert main([str(word) for word in command]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == [f"{clip}#t=0.000", f"{clip}#t=1.000"]
    assert [row["time"] for row in rows] == [0, 1]
    with out.open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [row["path"] for row in rows]
    assert [path.name for path in sorted(plots.iterdir())] == [
        "clip-00000.000.png",
        "clip-00001.000.png",
    ]


def test_a_broken_video_is_named_and_the_rest_counted(tmp_path, photo, capsys):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    assert main(["predict", str(photo), str(tmp_path / "broken.mp4")]) == 6
    assert f"{tmp_path / 'broken.mp4'}: Invalid data" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "broken.mp4")]) == 3
    assert main(["predict", str(photo), "--every", "0"]) == 2


def test_lines_of_nwpu_have_an_id_for_each_frame(tmp_path, capsys):
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    assert main(["predict", str(clip), "--format", "nwpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["clip-00000.000", "clip-00000.100"]


def test_a_report_is_written_beside_the_line(photo, tmp_path, capsys):
    report = tmp_path / "report.html"
    assert raz("predict", photo, "--report", report, "--ground-sampling-distance", "0.25") == 0
    assert capsys.readouterr().out.startswith(str(photo))
    text = report.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "0.25 metres per pixel" in text
    assert text.count('class="raz-view"') == 1


def test_several_images_share_a_report(folder, tmp_path):
    report = tmp_path / "report.html"
    assert raz("predict", folder, "--report", report, "--output", tmp_path / "out.csv") == 0
    assert report.read_text(encoding="utf-8").count('class="raz-figures"') == 3
    assert raz("predict", folder, "--output", tmp_path / "same.html") == 0
    assert (tmp_path / "same.html").read_bytes() == report.read_bytes()


def test_known_points_tell_the_ground(photo, tmp_path):
    corners = ("0,0,0,0", "20,0,10,0", "20,12,10,6", "0,12,0,6")
    points = [f"--ground-point={corner}" for corner in corners]
    assert raz("predict", photo, "--report", tmp_path / "report.html", *points) == 0
    assert "4 known points" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--ground-sampling-distance", "0.5"], "is for --report, which is not given"),
        (["--ground-sampling-distance", "0"], "not a finite number above 0"),
        (["--ground-point", "1,2,3"], "is not X,Y,EAST,NORTH"),
        (["--ground-point", "1,2,3,nan"], "is not X,Y,EAST,NORTH"),
        (["--report", "r.html", "--ground-point", "1,2,3,4"], "must be at least 4 times"),
        (
            ["--report", "r.html", "--ground-point=1,2,3,4", "--ground-sampling-distance=1"],
            "not allowed with --ground-sampling-distance",
        ),
        (["--report", "photo.png"], "photo.png is an image to count, and would be overwritten"),
        (["--report", "r.html", "--output", "r.html"], "is where --output goes, too"),
    ],
)
def test_a_report_that_cannot_be_is_wrong_use(options, reason, photo, monkeypatch, capsys):
    monkeypatch.chdir(photo.parent)
    assert raz("predict", photo.name, *options) == 2
    assert reason in capsys.readouterr().err
    assert not (photo.parent / "r.html").exists()
