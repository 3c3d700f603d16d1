"""``raz predict --cluster`` without a cluster: what it asks for, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from raz import distributed
from raz.cli.main import main
from raz.distributed import Summary

FOLDER = ["predict", "photos", "--cluster", "local"]


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (64, 48)).save(tmp_path / "photos" / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["predict", "photos", "--workers", "2"], "--workers: is for --cluster"),
        (["predict", "photos", "--gpus", "1"], "--gpus: is for --cluster"),
        (["predict", "a.png", "--checkpoint", "kept"], "--checkpoint: is for --cluster"),
        (FOLDER, "--cluster: several images need --output"),
        ([*FOLDER, "--output", "out", "--plot", "plots"], "--plot: does not go with --cluster"),
        ([*FOLDER, "--output", "out", "--dry-run"], "--dry-run: does not go with --cluster"),
        ([*FOLDER, "--output", "out", "--model", "net.onnx"], "--model: with --cluster"),
        (["predict", "s3://photos/a.png", "--cluster", "auto"], "several images need --output"),
        (
            [*FOLDER[:2], "http://10.0.0.2/front", *FOLDER[2:], "--output", "out", "--stream"],
            "--stream: does not go with --cluster",
        ),
        (["predict", "photos", "--output", "s3://b/out"], "--output: is an address"),
        (
            ["predict", "photos/a.png", "--cluster", "auto", "--output", "gs://b/heads.csv"],
            "--output: is an address",
        ),
    ],
)
def test_wrong_use_is_named(
    command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        ["--area", "0,0 5,0 5,5"],
        ["--smooth", "3"],
        ["--reconnect", "0"],
        ["--ground-sampling-distance", "0.05"],
        ["--ground-point", "1,2,3,4"],
        ["--runtime", "openvino"],
    ],
)
def test_no_option_is_silently_ignored(
    option: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(distributed, "predict", lambda *_, **__: Summary("", 2, 0), raising=False)
    assert main([*FOLDER, "--output", "out", *option]) == 2
    assert f"{option[0]}: does not go with --cluster" in capsys.readouterr().err


@pytest.mark.parametrize(("failed", "code"), [(0, 0), (1, 6), (2, 3)])
def test_a_folder_is_given_to_ray_data(
    failed: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[Any] = []

    def predict(source: Any, output: str, **options: Any) -> Summary:
        asked.append((source, output, options))
        return Summary("/out", 2, failed)

    monkeypatch.setattr(distributed, "predict", predict, raising=False)
    options = ["--output", "out", "--workers", "3", "--threads", "2", "--gpus", "0.5"]
    assert main([*FOLDER, *options, "--depth", "1", "--quiet"]) == code
    [(source, output, found)] = asked
    assert (source, output) == (["photos"], "out")
    assert (found["cluster"], found["workers"]) == ("local", 3)
    assert (found["cpus"], found["gpus"], found["settings"].depth) == (2, 0.5, 1)
    assert capsys.readouterr().out.startswith("/out  2 images")


def test_results_go_to_the_address_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def predict(source: Any, output: str, **_: Any) -> Summary:
        asked.append(output)
        return Summary(output, 2, 0)

    monkeypatch.setattr(distributed, "predict", predict, raising=False)
    address = "s3://photos/results?endpoint_override=minio:9000&scheme=http"
    assert main([*FOLDER, "--output", address, "--quiet"]) == 0
    assert asked == [address]


def test_of_one_image_the_tiles_are_shared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shared: list[Any] = []

    @contextmanager
    def tiles(recipe: Any, cluster: str, workers: Any, checkpoint: Any) -> Iterator[None]:
        shared.append((recipe.settings.depth, cluster, workers.number, checkpoint))
        yield

    monkeypatch.setattr("raz.distributed.tiles.shared_tiles", tiles)
    command = ["predict", "photos/a.png", "--depth", "1"]
    assert main(command) == 0
    here = capsys.readouterr().out
    command += ["--cluster", "local", "--workers", "2", "--checkpoint", "kept"]
    assert main(command) == 0
    assert capsys.readouterr().out == here
    assert shared == [(1, "local", 2, Path("kept"))]
