from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image

from images import scene
from raz.cli.main import main
from raz.result import Result


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8
    architecture = "net"
    operating_point = None


@pytest.fixture(autouse=True)
def _counting(monkeypatch):
    def count_and_locate(model, image, settings, *, path=None) -> Result:
        height, width = image.shape[1:]
        return Result(
            points=torch.empty(0, 2), scores=torch.empty(0), density=torch.ones(1, 1), count=1.0,
            count_density=1.0, count_points=0, image_size=(width, height), path=path,
            speed={"total": 1.0},
        )  # fmt: skip

    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: Net())
    monkeypatch.setattr("raz.zoom.count_and_locate", count_and_locate)


@pytest.fixture
def give(monkeypatch):
    def stdin(data: bytes) -> None:
        file = io.BytesIO(data)
        file.name = "<stdin>"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))

    return stdin


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["a.png", "b c.png", "d\u00e9.png"]
    for name in names:
        Image.fromarray(scene()).save(name)
    return names


def content() -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, "PNG")
    return file.getvalue()


def raz(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def paths(capsys) -> list[str]:
    return [entry["path"] for entry in json.loads(capsys.readouterr().out)]


def test_a_dash_is_one_image_on_standard_input(give, capsys, tmp_path):
    give(content())
    assert raz("predict", "-", "--json", "--plot", tmp_path) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["path"], result["image_size"]) == ("stdin", [20, 12])
    assert os.listdir(tmp_path) == ["stdin.png"]


def test_a_dash_among_others_keeps_its_place(give, photos, capsys):
    give(content())
    assert raz("predict", "a.png", "-", "b c.png", "--json") == 0
    assert paths(capsys) == ["a.png", "stdin", "b c.png"]


def test_what_standard_input_takes_can_be_estimated(give, capsys, monkeypatch):
    monkeypatch.setattr("raz.cli.dry_run.pixels_per_second", lambda _: 1e6)
    monkeypatch.setattr("raz.cli.dry_run.estimate", lambda predictor, source, *_, **__: {
        "size": predictor.reader.examine(source).size
    })  # fmt: skip
    give(content())
    assert raz("predict", "-", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"size": [12, 20]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no bytes"),
        (b"a.jpg\nb.jpg\n", "stdin: not an image file of a known format, or damaged"),
    ],
)
def test_what_is_no_image_on_standard_input_is_3(data, words, give, capsys):
    give(data)
    assert raz("predict", "-") == 3
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\0"])
@pytest.mark.parametrize("last", [True, False])
def test_names_are_read_from_a_file_or_standard_input(ends, last, photos, give, tmp_path, capsys):
    names = ends.join(map(os.fsencode, photos)) + ends * last
    (tmp_path / "list.txt").write_bytes(names)
    assert raz("predict", "--files-from", "list.txt", "--json") == 0
    assert paths(capsys) == photos
    give(names)
    assert raz("predict", "a.png", "--files-from", "-", "--json") == 0
    assert paths(capsys) == ["a.png", *photos]


def test_one_name_in_a_list_is_still_an_array(photos, give, capsys):
    give(b"a.png\n")
    assert raz("predict", "--files-from", "-", "--json") == 0
    assert paths(capsys) == ["a.png"]


def test_a_list_may_name_folders_and_patterns(photos, give, capsys):
    os.mkdir("more")
    Image.fromarray(scene()).save("more/e.png")
    give(b"more\nb*.png\n\nmissing.png\n")
    assert raz("predict", "--files-from", "-", "--json") == 6
    out, err = capsys.readouterr()
    found = [entry["path"] for entry in json.loads(out)]
    assert found == [os.path.join("more", "e.png"), "b c.png"]
    assert "missing.png: no such file" in err


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_a_list_that_names_nothing_is_3(data, give, capsys):
    give(data)
    assert raz("predict", "--files-from", "-") == 3
    assert "names no image" in capsys.readouterr().err


def test_a_list_that_is_missing_is_3(tmp_path, capsys):
    assert raz("predict", "--files-from", tmp_path / "none.txt") == 3
    assert "none.txt: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: SOURCE, or --files-from FILE"),
        (["-", "-"], "standard input can be read only once"),
        (["-", "--files-from", "-"], "standard input can be read only once"),
        (["--files-from", "list.txt", "--output", "list.txt", "--format", "csv"], "list.txt"),
    ],
)
def test_wrong_use_is_2(arguments, words, give, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("a.png\n")
    give(content())
    assert raz("predict", *arguments) == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "list.txt").read_text() == "a.png\n"


def test_an_address_is_3(capsys):
    assert raz("predict", "https://example.org/a.jpg") == 3
    assert raz("predict", "https://example.org/a.mp4", "ftp://camera") == 3
    assert capsys.readouterr().err.count("is an address, not a file; images are not fetched") == 3


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="no such device")
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("piped", [True, False])
def test_standard_input_of_a_process(name, piped, tmp_path):
    code = (
        "import sys\n"
        "from raz.cli.sources import named_sources\n"
        "from raz.io.images import ImageReader, is_many\n"
        "import argparse\n"
        "args = argparse.Namespace(sources=[sys.argv[1]], files_from=None, stream=False)\n"
        "[source] = named_sources(args)\n"
        "assert not is_many(source)\n"
        "print(ImageReader(windows_above=8).open(source).info.size)\n"
    )
    path = tmp_path / "photo.png"
    path.write_bytes(content())
    with open(path, "rb") as file:
        given = {"input": content()} if piped else {"stdin": file}
        command = [sys.executable, "-c", code, name]
        run = subprocess.run(command, capture_output=True, check=True, **given)
    assert run.stdout == b"(12, 20)\n"


def test_a_file_of_other_content_is_no_list(capsys, tmp_path):
    (tmp_path / "list").write_bytes(b"a" * 40_000)
    assert main(["predict", "--files-from", str(tmp_path / "list")]) == 3
    assert capsys.readouterr().err.endswith("list: is no list: a line has more than 32,767 bytes\n")
