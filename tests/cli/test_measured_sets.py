"""Which images raz eval --data and raz compare measure, and what raz compare says of two models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import published
from raz.cli.main import main
from raz.evaluation import (
    ESTIMATES,
    CountEstimate,
    Measurement,
    count_errors,
    error_differences,
    paired_difference,
)


class Net:
    """A net that counts ``off`` persons too many."""

    def __init__(self, off: float) -> None:
        self.off = off

    def to(self, device: object) -> Net:
        return self


OFFS = {"DEFAULT": 1.0, "mine": 3.0}


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """The names of the images of each measurement."""
    calls = []

    def measure(model, samples, *, depth, quality, dtype, on_image):
        calls.append([sample.name for sample in samples])
        heads = [len(sample.points) for sample in samples]
        estimates = [
            CountEstimate(true, dict.fromkeys(ESTIMATES, true + model.off * (1 + index % 2)))
            for index, true in enumerate(heads)
        ]
        return Measurement(count_errors(estimates), {}, {}, tuple(estimates))

    def get_model(name, weights):
        calls.append((name, weights))
        return Net(OFFS.get(weights, 0.0))

    monkeypatch.setattr("raz.models.get_model", get_model)
    monkeypatch.setattr("raz.evaluation.measure", measure)
    monkeypatch.chdir(tmp_path)
    return calls


def write_own(folder: Path, number: int) -> None:
    for k in range(1, number + 1):
        published.write_image(folder / f"p{k}.png", k)
        (folder / f"p{k}.txt").write_text("3 4\n" * k)


def eval_names(calls, capsys, *options):
    calls.clear()
    assert main(["eval", "--data", "mine", "--json", *options]) == 0
    return calls[1:], json.loads(capsys.readouterr().out)


def test_all_images_of_ones_own_layout_are_measured(measured, capsys):
    write_own(Path("mine"), 12)
    names, figures = eval_names(measured, capsys)
    assert names == [[f"p{k}" for k in range(1, 13)]]
    assert figures["train"]["counts"]["fusion"]["mae"] == 1.5
    names, _ = eval_names(measured, capsys, "--limit", "2")
    assert names == [["p1", "p2"]]
    assert main(["eval", "--data", "mine"]) == 0
    assert capsys.readouterr().out.startswith("mine    ")


def test_every_split_is_measured_by_itself(measured, capsys):
    for split, number in (("train", 3), ("val", 1), ("test", 2)):
        write_own(Path("mine", split), number)
    names, figures = eval_names(measured, capsys)
    assert list(map(len, names)) == [3, 1, 2]
    assert list(figures) == ["train", "val", "test"]
    names, figures = eval_names(measured, capsys, "--split", "test")
    assert (list(map(len, names)), list(figures)) == ([2], ["test"])


def test_counts_over_the_truth_are_drawn_a_panel_for_each_set(measured, capsys):
    pytest.importorskip("matplotlib")
    for split, number in (("train", 3), ("test", 2)):
        write_own(Path("mine", split), number)
    options = ["eval", "--data", "mine", "--quiet"]
    assert main([*options, "--plot", "counts.png"]) == 0
    with Image.open("counts.png") as image:
        assert image.size == (1280, 640)
    measured.clear()
    assert main([*options, "--plot", "counts.svg"]) == 2
    assert main([*options, "--plot", "mine/train/p1.png"]) == 2
    assert "is a file of --data, and would be overwritten" in capsys.readouterr().err
    assert not [call for call in measured if isinstance(call, list)]  # no images


def test_of_shanghaitech_the_held_out_tenth_is_measured(measured, capsys):
    pytest.importorskip("scipy.io")
    published.shanghaitech(Path("mine"))
    published.shanghaitech(Path("mine"), split="test")
    names, figures = eval_names(measured, capsys)
    assert (names, list(figures)) == ([["IMG_10"]], ["A"])
    names, figures = eval_names(measured, capsys, "--split", "test")
    assert (names, list(figures)) == ([["IMG_1", "IMG_2", "IMG_10"]], ["A"])


def test_a_published_layout_is_measured_by_its_splits(measured, capsys):
    published.jhu(Path("mine"))
    names, figures = eval_names(measured, capsys)
    assert list(figures) == ["train", "val", "test"]
    names, figures = eval_names(measured, capsys, "--layout", "jhu", "--split", "val")
    assert names == [["0003"]]


@pytest.mark.parametrize("command", [["eval"], ["compare", "mine", "mine"]])
def test_a_folder_that_does_not_exist_says_so(measured, capsys, command):
    assert main([*command, "--data", "nowhere"]) == 3
    assert capsys.readouterr().err == "raz: nowhere: no such folder\n"
    Path("empty").mkdir()
    assert main([*command, "--data", "empty"]) == 3
    assert "raz: empty: no known layout; looked for " in capsys.readouterr().err


def test_a_part_without_its_name_is_not_measured_twice(measured, capsys):
    pytest.importorskip("scipy.io")
    published.shanghaitech(Path("there"))
    Path("there/part_A").rename("mine")
    assert main(["eval", "--data", "mine"]) == 3
    assert "mine: may be part A or part B of ShanghaiTech; name it by --part" in (
        capsys.readouterr().err
    )
    names, figures = eval_names(measured, capsys, "--part", "B")
    assert (names, list(figures)) == ([["IMG_10"]], ["B"])


def test_a_part_does_not_go_with_another_layout(measured, capsys):
    write_own(Path("mine"), 1)
    assert main(["eval", "--data", "mine", "--part", "A", "--layout", "folder"]) == 2
    assert "--part does not go with --layout folder" in capsys.readouterr().err
    assert main(["eval", "--data", "mine", "--part", "A"]) == 3
    assert "mine: holds no folder part_A nor part_A_final" in capsys.readouterr().err


def test_wrong_points_are_warned_of(measured, capsys):
    write_own(Path("mine"), 2)
    Path("mine/p2.txt").write_text("0.25 0.5\n0.75 0.5\n")
    assert main(["eval", "--data", "mine"]) == 0
    assert "raz: mine/p2.txt: the 2 points of p2.png are within one pixel of the corner" in (
        capsys.readouterr().err
    )


def test_labels_of_ones_own_layout_are_chosen(measured, capsys):
    published.write_image(Path("mine/a.png"), 3)
    rows = "".join(f"{label},9,9,a.png,30,20\n" for label in ("head", "hat", "hat"))
    Path("mine/points.csv").write_text(rows)
    for options, heads in (([], 1), (["--category", "hat"], 2)):
        measured.clear()
        assert main(["compare", "mine", "other", "--data", "mine", "--json", *options]) == 0
        sets = json.loads(capsys.readouterr().out)["sets"]
        assert sets["train"]["first"]["fusion"]["bias_percent"] == 300 / heads


def test_two_models_are_compared_image_by_image(measured, capsys):
    write_own(Path("mine"), 5)
    command = ["compare", "raznet_lite", "mine", "--data", "mine"]
    Path("elsewhere").mkdir()
    assert main(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == [
        "mine,",
        "5",
        "images",
        "MAE",
        "A",
        "MAE",
        "B",
        "A",
        "-",
        "B",
        "95",
        "%",
    ]
    assert [line.split()[0] for line in out[1:]] == list(ESTIMATES)
    assert measured[:2] == [("raznet_lite", "DEFAULT"), ("raznet_lite", "mine")]
    expected = paired_difference([1, 2, 1, 2, 1], [3, 6, 3, 6, 3])
    mean, low, high = expected
    assert out[-1].split() == ["fusion", "1.40", "4.20", f"{mean:+.2f}", f"{low:+.2f}", "to",
                               f"{high:+.2f}"]  # fmt: skip
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"]["second"] == {"model": "raznet_lite", "weights": "mine"}
    figures = document["sets"]["train"]
    assert figures["images"] == 5
    assert figures["difference"]["fusion"] == expected._asdict()
    assert (figures["first"]["fusion"]["mae"], figures["second"]["fusion"]["mae"]) == (1.4, 4.2)


def test_a_file_says_which_model_it_is_of(measured, capsys):
    from raz.models import RAZNetLiteWeights

    write_own(Path("mine"), 2)
    path = str(RAZNetLiteWeights.DEFAULT.path)
    Path("bare.safetensors").write_bytes(b"no weights")
    command = ["compare", path, "bare.safetensors", "--data", "mine", "--model", "raznet_vgg16"]
    assert main(command) == 0
    assert measured[:2] == [("raznet_lite", path), ("raznet_vgg16", "bare.safetensors")]


def test_other_images_cannot_be_compared():
    counts = dict.fromkeys(ESTIMATES, 1.0)
    with pytest.raises(ValueError, match="are not of the same images"):
        error_differences([CountEstimate(1, counts)], [CountEstimate(2, counts)])
    assert np.isnan(error_differences([], [])["fusion"].mean)


@pytest.mark.slow
def test_a_model_equals_itself(tmp_path, capsys):
    for k in (1, 2):
        published.write_image(tmp_path / f"p{k}.png", 100 * k)
        (tmp_path / f"p{k}.txt").write_text("3 4\n")
    command = ["compare", "raznet_lite", "SHANGHAITECH_V4", "--data", str(tmp_path), "--json"]
    assert main([*command, "--depth", "1", "--device", "cpu"]) == 0
    differences = json.loads(capsys.readouterr().out)["sets"]["train"]["difference"]
    assert differences["fusion"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
