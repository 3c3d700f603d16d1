"""One image on a cluster: the same result as in one process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import raz
from raz.cli.main import main
from raz.distributed import predict_image

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize("depth", [1, None])
@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_the_result_is_that_of_one_process(scene: Image.Image, depth: int | None) -> None:
    pixels = np.tile(np.asarray(scene.crop((0, 384, 512, 768))), (3, 3, 1))
    settings = raz.ZoomSettings(depth=depth, tile=704)
    here = raz.Predictor(settings=settings)(pixels)
    there = predict_image(pixels, settings=settings, cluster="auto", workers=2)
    assert len(here) > 100
    assert torch.equal(here.points, there.points)
    assert torch.equal(here.scores, there.scores)
    assert torch.equal(here.density, there.density)
    assert (here.count, here.regions, here.warnings) == (there.count, there.regions, there.warnings)


@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_the_command_line_prints_the_same(
    tmp_path: Path, scene: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.png"
    scene.crop((0, 384, 400, 768)).save(file)
    assert main(["predict", str(file)]) == 0
    here = capsys.readouterr().out
    assert main(["predict", str(file), "--cluster", "auto", "--workers", "1"]) == 0
    assert capsys.readouterr().out == here
