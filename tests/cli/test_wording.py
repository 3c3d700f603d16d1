"""Errors in the words of the command line, in one line."""

from __future__ import annotations

import argparse
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import raz
from raz.cli.main import main
from raz.cli.wording import printable, spoken
from raz.zoom import ZoomSettings


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (
            "predict a.png --model yolo",
            2,
            "raz predict: unknown model yolo; one of raznet_lite, raznet_lite_2, raznet_vgg16 (see "
            "raz predict --help)",
        ),
        ("export yolo --output a.onnx", 2, "raz export: unknown model yolo; one of raznet_lite, "),
        ("bench --model yolo", 2, "raz bench: unknown model yolo; one of raznet_lite, "),
        ("eval --data d --model yolo", 2, "raz eval: unknown model yolo; one of raznet_lite, "),
        ("train --data d --output o --model yolo", 2, "raz train: unknown model yolo; one of "),
        (
            "train --data d --output o --crop-size 3",
            2,
            "raz train: --crop-size is 3; it must be a ",
        ),
        ("predict a.png --tile 100", 2, "raz predict: --tile is 100; it must be a multiple of 32"),
        (
            "predict a.png --tile 96",
            2,
            "raz predict: --tile is 96; with --overlap exact it must be at least 704: this network",
        ),
        ("predict a.png --device cuda:77", 2, "raz predict: --device is 'cuda:77'"),
        ("predict a.png --depth x", 2, "raz predict: --depth: 'x' is not an integer"),
        ("predict a.png --threads 2000", 2, "raz predict: --threads: 2000 is above 1024"),
        ("data check d --threads 2000", 2, "raz data check: --threads: 2000 is above 1024"),
        ("train --threads 2000", 2, "raz train: --threads: 2000 is above 1024"),
        ("predict", 2, "raz predict: the following arguments are required: SOURCE"),
        (
            "predict a.png --nonsense",
            2,
            "raz predict: unrecognized arguments: --nonsense (see raz ",
        ),
        ("data check d --nonsense", 2, "raz data check: unrecognized arguments: --nonsense (see "),
        ("nonsense", 2, "raz: COMMAND: invalid choice: 'nonsense'"),
        ("predict a.png --weights none.pt", 4, "raz: raznet_lite has no weights 'none.pt'"),
        ("predict a.png --model raznet_vgg16", 4, "raz: raznet_vgg16 has no weights 'DEFAULT'"),
        ("export raznet_vgg16 --output a.onnx", 4, "raz: raznet_vgg16 has no weights 'DEFAULT'"),
    ],
)
def test_an_error_is_one_line_about_options(words, code, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert "None" not in err
    if code == 4:
        assert "--weights takes the path of a weights file" in err
    assert not list(tmp_path.iterdir())


def test_the_help_says_how_small_a_tile_may_be(capsys):
    assert main(["predict", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in raz.list_models():
        field = raz.get_model(name, weights=None).receptive_field
        for overlap in ("exact", "fast"):
            least = next(
                tile
                for tile in range(32, 4096, 32)
                if _fits(ZoomSettings(tile=tile, overlap=overlap), field)
            )
            assert f"{least} for {name}" in text if overlap == "exact" else f"or {least} if" in text


def _fits(settings: ZoomSettings, receptive_field: int) -> bool:
    try:
        settings.tiling(receptive_field)
    except ValueError:
        return False
    return True


@given(st.text())
def test_printable_text_does_nothing_and_reads_back(text):
    safe = printable(text)
    assert "\n" not in safe
    assert "\x1b" not in safe
    assert printable(safe) == safe
    kept = string.printable[:95]
    assert not set(text) <= set(kept) or safe == text


def test_letters_of_all_scripts_stay():
    for text in ("photo.jpg", "\u00e4\u4eba\u7fa4.jpg", "\U0001f468\u200d\U0001f469.png"):
        assert printable(text) == text
    assert printable("a\udcff") == "a\\udcff"


def test_what_is_no_option_is_left_alone():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-seconds")
    assert spoken("photo.jpg: is damaged", parser) == "photo.jpg: is damaged"
    assert spoken("x is 1; it must be 2", parser) == "x is 1; it must be 2"
