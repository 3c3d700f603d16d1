"""No output of any command takes the place of what the same call reads, or of another output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import published
from raz.cli import main as cli
from raz.cli.main import main
from raz.cli.overwriting import Output, check_overwriting
from raz.files import file_identity


def same(path: Path) -> Path:
    return path


def dotted(path: Path) -> Path:
    return Path(f"{path.parent}/./{path.parent.name}/../{path.name}")


def symbolic_link(path: Path) -> Path:
    link = path.with_name(f"symbolic{path.suffix}")
    link.symlink_to(path.absolute())
    return link


def hard_link(path: Path) -> Path:
    link = path.with_name(f"hard{path.suffix}")
    link.hardlink_to(path)
    return link


def linked_folder(path: Path) -> Path:
    link = path.parent.with_name("linked")
    link.symlink_to(path.parent.absolute())
    return link / path.name


SPELLINGS = [same, dotted, symbolic_link, hard_link, linked_folder]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``in`` with an image, points, a weights file and a data set."""
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Image.new("RGB", (20, 12), "grey").save("photo.png")
    Image.new("RGB", (20, 12), "grey").save("other.png")
    Path("gt.csv").write_text("image,x,y\nphoto.png,3,4\n")
    Path("pred.csv").write_text("image,x,y\nphoto.png,3,4\n")
    Path("sizes.csv").write_text("image,width,height\nphoto.png,20,12\n")
    Path("labels.txt").write_text("photo 0 1\n")
    Path("mine.onnx").write_text("weights, whatever they are called")
    Path("c.toml").write_text("steps = 1\n")
    Path("set").mkdir()
    Path("set/a.png").write_bytes(Path("photo.png").read_bytes())
    Path("set/points.csv").write_text("image,x,y\na.png,3,4\n")
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


COMMANDS = {
    "predict --output": ("predict photo.png other.png --format counts --output OUT", "other.png"),
    "predict --plot": ("predict photo.png --plot OUT", "photo.png"),
    "predict --output over --weights": (
        "predict photo.png --weights mine.onnx --format csv --output OUT",
        "mine.onnx",
    ),
    "predict --plot over --weights": (
        "predict photo.png --weights other.png --plot OUT",
        "other.png",
    ),
    "eval --per-image over PRED": (
        "eval pred.csv gt.csv --protocol count --per-image OUT",
        "pred.csv",
    ),
    "eval --per-image over GT": ("eval pred.csv gt.csv --protocol count --per-image OUT", "gt.csv"),
    "eval --per-image over --labels": (
        "eval pred.csv gt.csv --protocol count --labels labels.txt --per-image OUT",
        "labels.txt",
    ),
    "eval --per-image over --sizes": (
        "eval pred.csv gt.csv --protocol count --sizes sizes.csv --per-image OUT",
        "sizes.csv",
    ),
    "eval --plot over an image of --sizes": (
        "eval pred.csv gt.csv --protocol count --sizes . --plot OUT",
        "photo.png",
    ),
    "export --output": (
        "export raznet_lite --weights mine.onnx --output OUT",
        "mine.onnx",
    ),
    "bench --output": ("bench photo.png --output OUT", "photo.png"),
    "bench --output over --weights": ("bench --weights other.png --output OUT", "other.png"),
    "data stats --plot": ("data stats set --plot OUT", "set/a.png"),
    "data convert --output": ("data convert set --to csv --output OUT", "set/points.csv"),
    "train --output over --config": (
        "train --data set --config run/config.toml --output run",
        "run/config.toml",
    ),
    "train --output over --weights": (
        "train --data set --weights run/last/weights.safetensors --output run",
        "run/last/weights.safetensors",
    ),
    "train --output over --data": ("train --data set --output set", "set/weights.json"),
}


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize(
    ("words", "read"),
    [command for name, command in COMMANDS.items() if not name.startswith("train")],
    ids=[name for name in COMMANDS if not name.startswith("train")],
)
def test_no_output_replaces_an_input(
    words: str,
    read: str,
    spelled: Callable[[Path], Path],
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = spelled(here / read)
    before = contents(here)
    assert main([str(output) if word == "OUT" else word for word in words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{output}" in err
    assert contents(here) == before


@pytest.mark.parametrize("linked", [same, symbolic_link, hard_link])
@pytest.mark.parametrize(
    ("words", "read"),
    [command for name, command in COMMANDS.items() if name.startswith("train")],
    ids=[name for name in COMMANDS if name.startswith("train")],
)
def test_no_file_of_a_new_run_replaces_an_input(
    words: str,
    read: str,
    linked: Callable[[Path], Path],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("raz.training.engine.train", lambda config, **options: None)
    Path(read).parent.mkdir(parents=True, exist_ok=True)
    Path(read).write_text("steps = 1\n")
    arguments = [str(linked(Path(read))) if word == read else word for word in words.split()]
    before = contents(here)
    assert main(arguments) == 2
    assert f"{read} is " in capsys.readouterr().err
    assert contents(here) == before


def test_every_command_that_writes_is_among_those_above() -> None:
    """A new option that names an output must be tried above, and so be guarded."""
    tried = {
        (*name.split(" over ")[0].split()[:-1], name.split(" over ")[0].split()[-1])
        for name in COMMANDS
    }
    for command in cli._within(_subparsers()):
        path = tuple(command.prog.split()[1:])
        for action in command._actions:
            for option in {"--output", "--plot", "--per-image"} & set(action.option_strings):
                if command.prog == "raz backbone":  # reads no file
                    continue
                assert (*path, option) in tried, f"{command.prog} {option}"


def _subparsers() -> argparse._SubParsersAction[argparse.ArgumentParser]:
    [found] = [
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return found


@pytest.mark.parametrize(
    "words",
    [
        "predict photo.png --output a.png --plot ./a.png",
        "predict photo.png --output new/../a.png --plot a.png",
        "predict photo.png --output A.png --plot a.PNG",
        "predict photo.png --output dangling.png --plot a.png",
        "eval pred.csv gt.csv --protocol count --per-image a.png --plot a.png",
        "eval pred.csv gt.csv --protocol count --per-image linked.png --plot hard.png",
    ],
)
def test_no_two_outputs_are_one_file(
    words: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("new").mkdir()
    Path("dangling.png").symlink_to("a.png")
    Path("one.png").write_text("an output of an earlier call")
    Path("linked.png").symlink_to("one.png")
    Path("hard.png").hardlink_to("one.png")
    before = contents(here)
    assert main(words.split()) == 2
    assert "goes, too" in capsys.readouterr().err
    assert contents(here) == before


@pytest.mark.parametrize(
    "words",
    [
        "predict photo.png --format csv --output set",
        "predict photo.png other.png --format csv --output set",
        "eval pred.csv gt.csv --protocol count --per-image set",
        "export raznet_lite --format onnx --output set",
    ],
)
def test_a_folder_is_no_name_of_a_file(
    words: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(here)
    assert main(words.split()) == 2
    assert "set is a folder; it must be the name of a file" in capsys.readouterr().err
    assert contents(here) == before


@pytest.mark.parametrize(
    "words",
    [
        "predict photo.png --plot plot.png --output no/out.csv",
        "predict photo.png --plot no/plot.png --output out.csv",
        "predict photo.png other.png --plot plots --output no/out.csv",
        "predict photo.png --output gt.csv/out.csv",
        "eval pred.csv gt.csv --protocol count --per-image table.csv --plot no/a.png",
        "export raznet_lite --output no/a.onnx",
        "data stats set --plot no/a.png",
        "data convert set --to csv --output no/a.csv",
        "backbone raznet_lite --output no/a.pth",
    ],
)
def test_an_output_that_cannot_be_written_is_known_before_anything_is(
    words: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: pytest.fail("too late"))
    before = sorted(here.rglob("*"))
    assert main(words.split()) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert ("No such file or directory" in err) or ("Not a directory" in err)
    assert sorted(here.rglob("*")) == before


def test_an_output_whose_links_lead_in_a_circle_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.csv").symlink_to("b.csv")
    Path("b.csv").symlink_to("a.csv")
    assert main(["predict", "photo.png", "--output", "a.csv"]) == 1
    assert capsys.readouterr().err == "raz: a.csv: Too many levels of symbolic links\n"


def test_what_stdout_is_redirected_to_is_an_output(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("out.csv", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["predict", "photo.png", "--output", "./out.csv"]) == 2
    assert "--output: out.csv is where stdout goes, too" in capsys.readouterr().err


def test_the_part_that_an_interruption_would_leave_replaces_no_image(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photo.png").rename("a.partial.png")
    words = "predict a.partial.png other.png --format csv --output a.png"
    assert main(words.split()) == 2
    assert "a.partial.png is an image to count" in capsys.readouterr().err


def test_published_weights_are_not_replaced(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from raz.models import RAZNetLiteWeights

    Path("link.onnx").symlink_to(RAZNetLiteWeights.DEFAULT.path)
    assert main(["export", "raznet_lite", "--output", "link.onnx"]) == 2
    assert "link.onnx is the file of --weights" in capsys.readouterr().err


def test_outputs_of_an_earlier_call_are_replaced(here: Path) -> None:
    for _ in range(2):
        words = "eval pred.csv gt.csv --protocol count --per-image table.csv -q"
        assert main(words.split()) == 0


def test_a_data_set_is_described_into_its_own_folder_again_and_again(here: Path) -> None:
    pytest.importorskip("matplotlib")
    Path("set/charts").mkdir()
    for _ in range(2):
        assert main(["data", "stats", "set", "--plot", "set/charts/stats.png"]) == 0


def test_a_run_that_goes_on_reads_its_own_files(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raz.training.engine.train", lambda config, **options: None)
    Path("run/last").mkdir(parents=True)
    Path("run/last/state.pt").touch()
    Path("run/config.toml").write_text("steps = 1\n")
    assert main(["train", "--data", "set", "--config", "run/config.toml", "--output", "run"]) == 0


def test_a_run_within_its_data_begins_again_where_it_left_no_checkpoint(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("raz.training.engine.train", lambda config, **options: None)
    words = ["train", "--data", "set", "--output", "set/run", "--steps", "1"]
    Path("set/run").mkdir()
    for name in ("log.jsonl", "config.toml"):
        Path("set/run", name).touch()
    assert main(words) == 0
    Path("set/run/config.toml").unlink()  # no run made that folder
    assert main(words) == 2
    assert "set/run/log.jsonl is a file of --data" in capsys.readouterr().err


def test_pipes_and_terminals_are_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    parser = argparse.ArgumentParser()
    for name in (str(tmp_path / "pipe"), os.devnull):
        outputs = [Output("--output", Path(name)), Output("--plot", Path(name))]
        check_overwriting(parser, outputs, {"read": [name]})
        assert file_identity(name) is None


def test_published_layouts_keep_their_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published.jhu(tmp_path / "set")
    before = contents(tmp_path)
    image = next(path for path in before if path.suffix == ".jpg")
    assert main(["data", "stats", str(tmp_path / "set"), "--plot", str(image)]) == 2
    assert "is a file of the data set" in capsys.readouterr().err
    assert contents(tmp_path) == before
