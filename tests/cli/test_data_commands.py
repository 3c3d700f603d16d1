"""raz data check, convert, stats: what they print, and their exit codes."""

from __future__ import annotations

import json
import sys

import pytest
from PIL import Image

import published
from raz.cli.data import convert, source
from raz.cli.main import main
from raz.data import LAYOUTS, AnnotatedPhotographs, open_data_set
from raz.io.points import read_points
from raz.io.points.writing import FORMS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published.jhu(tmp_path / "set")
    return tmp_path


def break_truth(folder, *paths):
    for path in paths:
        (folder / "set" / path).write_text("1 2\n")


def test_names_are_those_of_the_library():
    assert source.LAYOUTS == LAYOUTS
    assert source.SPLITS == AnnotatedPhotographs.SPLITS
    assert tuple(FORMS) == convert.FORMS


def test_check_of_a_good_set(folder, capsys):
    assert main(["data", "check", "set"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == (
        "note: set/train/gt/0001.txt: 1 of 2 points lie outside the 30 x 20 pixels of 0001.jpg "
        "(the first at 31.5, -2)"
    )
    assert [line for line in lines if not line.startswith("note: ")] == [
        "train  images 3  good 3  heads 4  outside 2  bad 0  notes 2",
        "val  images 1  good 1  heads 2  outside 1  bad 0  notes 1",
        "test  images 1  good 1  heads 2  outside 1  bad 0  notes 1",
    ]


def test_check_some_bad_is_6_all_bad_is_3(folder, capsys):
    break_truth(folder, "val/gt/0003.txt", "train/gt/0001.txt")
    assert main(["data", "check", "set"]) == 6
    bad = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bad: ")]
    assert bad == [
        f"bad: set/{path}:1: has 2 fields; it must be 6"
        for path in ("train/gt/0001.txt", "val/gt/0003.txt")
    ]
    assert main(["data", "check", "set", "--split", "train", "--threads", "1"]) == 6
    assert main(["data", "check", "set", "--split", "val"]) == 3
    assert main(["data", "check", "set", "--split", "test"]) == 0


def test_check_as_json(folder, capsys):
    break_truth(folder, "val/gt/0003.txt")
    assert main(["data", "check", "set", "--split", "val", "--layout", "jhu", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {
        "val": {
            "images": 1,
            "good": 0,
            "heads": 0,
            "outside": 0,
            "wrong": 0,
            "bad": [
                {
                    "file": "set/val/gt/0003.txt",
                    "message": "set/val/gt/0003.txt:1: has 2 fields; it must be 6",
                }
            ],
            "notes": [],
        }
    }


@pytest.mark.parametrize("command", ["check", "stats"])
def test_what_cannot_be_opened_is_3(folder, capsys, command):
    assert main(["data", command, "nowhere"]) == 3
    assert capsys.readouterr().err == "raz: nowhere: no such folder\n"
    assert main(["data", command, "set", "--layout", "nwpu"]) == 3
    assert capsys.readouterr().err == "raz: set: holds no split of layout nwpu\n"
    (folder / "empty").mkdir()
    assert main(["data", command, "empty"]) == 3
    assert "empty: no known layout; looked for " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["check"], "DIR"),
        (["check", "set", "--split", "best"], "invalid choice: 'best'"),
        (["check", "set", "--layout", "voc"], "invalid choice: 'voc'"),
        (
            ["check", "shanghaitech", "--split", "val"],
            "split is 'val'; it must be one of train, test",
        ),
        (["stats", "set", "--plot", "a.svg"], "--plot: a.svg must end in .png"),
        (["convert", "set", "--to", "csv", "--output", "a.csv"], "--split is needed: there are tr"),
        (
            ["convert", "set", "--split", "val", "--to", "csv", "--output", "a.txt"],
            "raz data convert: --output is a.txt; it must end in .csv for csv",
        ),
        (["convert", "set", "--to", "xml", "--output", "a.xml"], "invalid choice: 'xml'"),
    ],
)
def test_wrong_use_is_2(folder, capsys, arguments, words):
    pytest.importorskip("scipy.io")
    published.shanghaitech(folder / "shanghaitech")
    assert main(["data", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_quiet_goes_with_either_word(folder, capsys):
    command = ["convert", "set", "--split", "val", "--to", "csv", "--output", "a.csv"]
    assert main(["data", *command]) == 0
    assert capsys.readouterr().err == "raz: a.csv: written  split val  images 1\n"
    assert main(["data", *command, "--quiet"]) == 0
    assert main(["data", "--quiet", *command]) == 0
    assert capsys.readouterr() == ("", "")


def test_convert_there_and_back(folder, capsys):
    options = ["--split", "train", "--to"]
    assert main(["data", "convert", "set", *options, "coco", "--output", "points.json"]) == 0
    for path in (folder / "set/train/images").iterdir():
        path.rename(folder / path.name)
    assert main(["data", "convert", ".", *options, "csv", "--output", "other.csv"]) == 0
    first, second = read_points("points.json"), read_points("other.csv")
    assert list(first.images) == list(second.images) == ["0001", "0002", "0010"]
    for key, image in first.images.items():
        assert image.points.tolist() == second.images[key].points.tolist()
    assert open_data_set(".").points(0).tolist() == published.heads(1).tolist()


def test_convert_stops_at_a_bad_file(folder, capsys):
    break_truth(folder, "val/gt/0003.txt")
    command = ["convert", "set", "--split", "val", "--to", "csv", "--output", "a.csv"]
    assert main(["data", *command]) == 3
    assert "0003.txt:1: has 2 fields" in capsys.readouterr().err
    assert not (folder / "a.csv").exists()


def test_stats(folder, capsys):
    assert main(["data", "stats", "set", "--split", "train", "--plot", "plot.png"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "train  images 3  heads 4  images without heads 1"
    assert lines[3].split() == ["width", "(pixels)", "30.0", "30.0", "30.0", "30.0"]
    assert lines[5].split() == ["heads", "of", "an", "image", "0.0", "2.0", "1.3", "2.0"]
    at = lines.index("images by their heads")
    assert lines[at + 1].split() == ["0", "to", "1", "1", "#" * 20]
    assert lines[at + 2].split() == ["1", "to", "3", "2", "#" * 40]
    assert "\x1b" not in out
    with Image.open(folder / "plot.png") as image:
        assert image.size == (960, 1280)


def test_stats_without_matplotlib_end_before_the_work(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["data", "stats", "set", "--plot", "plot.png"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert 'pip install ".[plot]"' in err
    assert main(["data", "stats", "set"]) == 0


def test_stats_as_json(folder, capsys):
    (folder / "set/val/gt/0003.txt").write_text("")
    assert main(["data", "stats", "set", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["train", "val", "test"]
    assert document["train"]["heads_histogram"] == {"edges": [0, 1, 3], "counts": [1, 2]}
    assert document["val"]["nearest_head"]["median"] is None
    assert document["val"]["without_heads"] == 1


def test_stats_of_bad_files(folder, capsys):
    break_truth(folder, "val/gt/0003.txt")
    assert main(["data", "stats", "set"]) == 6
    assert capsys.readouterr().err == "raz: set/val/gt/0003.txt:1: has 2 fields; it must be 6\n"
    assert main(["data", "stats", "set", "--split", "val", "--plot", "plot.png"]) == 3


def test_folds(tmp_path, capsys):
    pytest.importorskip("scipy.io")
    published.ucf_cc_50(tmp_path)
    for fold, heads in ((1, 18), (2, 20)):
        options = ["--fold", str(fold), "--split", "test", "--json"]
        assert main(["data", "stats", str(tmp_path), *options]) == 0
        assert json.loads(capsys.readouterr().out)["test"]["heads"] == heads
    assert main(["data", "stats", str(tmp_path), "--fold", "6"]) == 2


def test_a_split_that_cannot_be_opened_leaves_the_others(folder, capsys):
    for path in (folder / "set/val/images").iterdir():
        path.unlink()
    message = "set/val/images: holds no images 0001.jpg and so on"
    assert main(["data", "check", "set", "--json"]) == 6
    document = json.loads(capsys.readouterr().out)
    assert document["val"]["bad"] == [{"file": "set", "message": message}]
    assert document["test"]["good"] == 1
    assert main(["data", "stats", "set"]) == 6
    assert capsys.readouterr().err == f"raz: {message}\n"
    assert main(["data", "check", "set", "--split", "val"]) == 3


def test_category_is_another_word_for_label(tmp_path, capsys):
    published.write_image(tmp_path / "a.jpg", 9)
    boxes = [
        {"image_id": 5, "category_id": category, "bbox": [1, 1, 4, 4]} for category in (1, 18, 18)
    ]
    (tmp_path / "points.json").write_text(
        json.dumps(
            {
                "images": [{"id": 5, "file_name": "a.jpg"}],
                "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
                "annotations": boxes,
            }
        )
    )
    for options, heads in (([], 1), (["--category", "Dog"], 2), (["--label", "dog"], 2)):
        assert main(["data", "stats", str(tmp_path), "--json", *options]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["train"]["heads"] == heads
        assert f"{3 - heads} annotations of other categories left out" in err


def test_more_than_a_stated_share_of_wrong_points_is_6(tmp_path, capsys):
    for number in range(4):
        published.write_image(tmp_path / f"{number}.jpg", number)
        (tmp_path / f"{number}.txt").write_text("5 5\n20 9\n" if number else "0.2 0.3\n0.7 0.5\n")
    command = ["data", "check", str(tmp_path)]
    assert main(command) == 6
    out, err = capsys.readouterr()
    assert "0.jpg are within one pixel of the corner" in out
    assert out.splitlines()[-1].endswith("bad 0  notes 1  wrong 1")
    assert err == (
        f"raz: {tmp_path}: 1 of 4 images have points that cannot be right; --max-wrong is 0.01\n"
    )
    assert main([*command, "--max-wrong", "0.25"]) == 0
    assert main([*command, "--max-wrong", "0.2", "--json"]) == 6
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["train"]["wrong"] == 1
    for share in ("-1", "1.5", "nan", "few"):
        assert main([*command, "--max-wrong", share]) == 2
