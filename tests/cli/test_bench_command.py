from __future__ import annotations

import json
import weakref

import pytest
import torch
from PIL import Image

from images import missing, scene
from raz.cli import bench
from raz.cli.main import main
from raz.result import Region, Result
from raz.zoom.inference import NetworkCall

REGION = Region(
    box=(0.0, 0.0, 8.0, 8.0),
    score=0.5,
    depth=2,
    scale=2.0,
    points_before=0,
    points_after=0,
    count_before=0.25,
    count_after=0.5,
)


class Net(torch.nn.Identity):
    """Stands for a model; what counting does with it is replaced below."""

    receptive_field = bytes_per_pixel = 0
    stride = 8


class Counting:
    """In place of raz.zoom.count_and_locate: the k-th call took 10 k milliseconds."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, model, image, settings, *, path) -> Result:
        size = (image.shape[2], image.shape[1])
        self.sizes.append(size)
        milliseconds = 10.0 * len(self.sizes)
        return Result(
            points=torch.empty(0, 2),
            scores=torch.empty(0),
            density=torch.zeros(1, 1),
            count=0.0,
            count_density=0.0,
            count_points=0,
            image_size=size,
            regions=(REGION, REGION),
            model="fake",
            path=path,
            speed={"main": milliseconds, "total": milliseconds},
        )


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    fake = Counting()
    monkeypatch.setattr("raz.models.get_model", lambda name, weights: Net())
    monkeypatch.setattr("raz.zoom.count_and_locate", fake)
    return fake


def told(capsys, *arguments: object):
    assert main(["bench", "--json", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_first_run_is_not_timed(capsys, counting):
    report = told(capsys, "--repeats", 4, "--size", 96, 64)
    assert counting.sizes == [(96, 64)] * 5
    assert report["image_size"] == [96, 64]
    assert report["milliseconds"]["main"] == {"median": 35, "least": 20, "most": 50}
    total = report["milliseconds"]["total"]["median"]
    assert report["pixels_per_second"] == pytest.approx(96 * 64 / total * 1000)
    assert (report["regions"], report["repeats"], report["image"]) == (2, 4, None)
    assert report["peak_bytes"] > 2**20


def test_the_built_in_crowd_fills_the_size():
    crowd = bench._crowd((1000, 300))
    assert crowd.shape == (3, 300, 1000)
    assert crowd.dtype == torch.uint8
    assert torch.equal(crowd[:, :, :384], crowd[:, :, 384:768])
    assert crowd.float().std() > 20


def test_no_result_is_kept_beside_the_last(capsys, counting, monkeypatch):
    results = []

    def watched(*args, **settings):
        assert sum(result() is not None for result in results) <= 1
        result = counting(*args, **settings)
        results.append(weakref.ref(result.points))
        return result

    monkeypatch.setattr("raz.zoom.count_and_locate", watched)
    told(capsys, "--repeats", 5, "--size", 64, 32)
    assert len(results) == 6


def test_an_image_of_ones_own(tmp_path, capsys, counting):
    path = tmp_path / "photo.png"
    pixels = scene()
    Image.fromarray(pixels).save(path)
    report = told(capsys, path, "--repeats", 1)
    assert report["image"] == str(path)
    assert counting.sizes[0] == pixels.shape[1::-1]
    assert report["milliseconds"]["decode"]["least"] > 0


def test_writing_is_timed_if_asked_for(tmp_path, capsys):
    file = tmp_path / "result.json"
    report = told(capsys, "--repeats", 2, "--size", 64, 32, "--output", file)
    milliseconds = report["milliseconds"]
    assert list(milliseconds) == ["decode", "main", "total", "write", "end to end"]
    assert 0 < milliseconds["write"]["least"] <= milliseconds["end to end"]["median"]
    assert json.loads(file.read_text())["image_size"] == [64, 32]
    assert main(["bench", "--repeats", "1", "--size", "64", "32", "--output", str(file)]) == 0
    assert "\nend to end  " in capsys.readouterr().out


def test_outputs_that_cannot_be(tmp_path, capsys):
    photo = tmp_path / "photo.png"
    Image.fromarray(scene()).save(photo)
    before = photo.read_bytes()
    assert main(["bench", str(photo), "--output", str(photo)]) == 2
    assert photo.read_bytes() == before
    assert main(["bench", "--output", str(tmp_path / "result.unknown")]) == 2
    assert "unknown" in capsys.readouterr().err


def test_lines(capsys):
    assert main(["bench", "--repeats", "2", "--size", "64", "32", "--depth", "1"]) == 0
    first, head, *stages, last = capsys.readouterr().out.splitlines()
    assert first.startswith("fake on cpu in float32, ")
    assert first.endswith(" threads, 64 x 32 pixels, depth 1, 2 regions, 2 runs")
    assert head.split() == ["milliseconds", "median", "least", "most"]
    assert [line.split()[0] for line in stages] == ["decode", "main", "total"]
    assert "megapixels per second, memory at most" in last


def test_account_of_what_went_through_the_net(counting):
    """Two regions of 16 x 16 enlarged pixels, seen with context in one call, and the image."""
    result = counting(None, torch.zeros(3, 30, 50), None, path=None)
    calls = [
        NetworkCall(1.0, 1, (30, 50), 0.25),
        NetworkCall(2.0, 2, (32, 40), 0.5),
    ]
    first, second = bench.account(calls, result)
    assert first == {
        "scale": 1.0, "calls": 1, "images": 1, "sizes": 1,
        "asked": 1500, "shown": 1500, "padded": 32 * 64, "milliseconds": 250.0,
    }  # fmt: skip
    assert second == {
        "scale": 2.0, "calls": 1, "images": 2, "sizes": 1,
        "asked": 512, "shown": 2 * 32 * 40, "padded": 2 * 32 * 64, "milliseconds": 500.0,
    }  # fmt: skip


def test_a_zoomed_image_is_accounted_for(capsys, monkeypatch):
    """The real net on the built-in crowd: what is asked for is shown, what is shown is padded."""
    monkeypatch.undo()
    report = told(capsys, "--repeats", 2, "--size", 192, 128, "--depth", 2)
    scales = [each["scale"] for each in report["passes"]]
    assert scales == [1, 2]
    for each in report["passes"]:
        assert 0 < each["asked"] <= each["shown"] <= each["padded"]
        assert each["images"] == (1 if each["scale"] == 1 else report["regions"])
        assert each["milliseconds"] > 0
    assert main(["bench", "--repeats", "1", "--size", "192", "128", "--depth", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-4:-1]] == ["scale", "1", "2"]


def test_memory_that_the_system_does_not_tell(monkeypatch, capsys):
    monkeypatch.setattr(bench, "_peak_bytes", lambda device: None)
    assert main(["bench", "--repeats", "1", "--size", "64", "32"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("megapixels per second")


def test_bad_images_and_arguments(tmp_path):
    assert main(["bench", str(missing(tmp_path))]) == 3
    assert main(["bench", "--repeats", "0"]) == 2
    assert main(["bench", "--tile", "33"]) == 2
