"""One image on a cluster: the same result as in one process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import raz
from raz.cli.main import main
from raz.distributed import predict_image
from raz.errors import InputError

from .processes import until, workers_of_this_process

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def same(one: raz.Result, other: raz.Result) -> bool:
    pairs = [(one.points, other.points), (one.scores, other.scores), (one.density, other.density)]
    return all(torch.equal(a, b) for a, b in pairs) and (
        (one.count, one.regions, one.warnings) == (other.count, other.regions, other.warnings)
    )


@pytest.mark.parametrize("depth", [1, None])
@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_the_result_is_that_of_one_process(scene: Image.Image, depth: int | None) -> None:
    pixels = np.tile(np.asarray(scene.crop((0, 384, 512, 768))), (2, 2, 1))
    settings = raz.ZoomSettings(depth=depth, tile=320, overlap="fast")
    here = raz.Predictor(settings=settings)(pixels)
    there = predict_image(pixels, settings=settings, cluster="auto", workers=2)
    assert len(here) > 100
    assert same(here, there)


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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path, scene: Image.Image) -> None:
    pixels = np.tile(np.asarray(scene.crop((0, 384, 512, 768))), (2, 2, 1))
    settings = raz.ZoomSettings(depth=1, tile=320, overlap="fast")
    kept, killed = tmp_path / "kept", list[int]()

    def kill() -> None:
        until(lambda: list(kept.glob("*.safetensors")))
        [worker, *_] = until(lambda: workers_of_this_process("TileWorker"))
        os.kill(worker, signal.SIGKILL)
        killed.append(len(list(kept.glob("*.safetensors"))))

    killer = threading.Thread(target=kill)
    killer.start()
    there = predict_image(pixels, settings=settings, cluster="auto", workers=2, checkpoint=kept)
    killer.join()
    [finished] = killed
    assert finished < len(list(kept.glob("*.safetensors"))) / 2
    assert same(there, raz.Predictor(settings=settings)(pixels))


def test_a_checkpoint_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    with pytest.raises(InputError, match=r"checkpoint is .*kept; it must be a folder"):
        predict_image(np.zeros((64, 64, 3), np.uint8), checkpoint=tmp_path / "kept")
    with pytest.raises(TypeError, match="checkpoint is int; it must be a path or None"):
        predict_image(np.zeros((64, 64, 3), np.uint8), checkpoint=5)  # type: ignore[arg-type]


CALL = """
import sys, numpy, raz, raz.distributed
if __name__ == "__main__":
    raz.distributed.predict_image(
        numpy.load(sys.argv[1]), workers=2, checkpoint=sys.argv[2],
        settings=raz.ZoomSettings(depth=1, tile=320, overlap="fast"),
    )
"""


@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_after_the_call_was_killed_the_same_call_computes_the_rest(
    tmp_path: Path, scene: Image.Image
) -> None:
    pixels = np.tile(np.asarray(scene.crop((0, 384, 512, 768))), (2, 2, 1))
    np.save(tmp_path / "image.npy", pixels)
    (tmp_path / "call.py").write_text(CALL)
    kept = tmp_path / "kept"
    paths = [path for path in sys.path if path and Path(path).name != "sandbox"]
    with subprocess.Popen(
        [sys.executable, tmp_path / "call.py", tmp_path / "image.npy", kept],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    ) as process:
        until(lambda: len(list(kept.glob("*.safetensors"))) > 1)
        process.kill()
    before = {file: file.stat().st_mtime_ns for file in kept.glob("*.safetensors")}
    settings = raz.ZoomSettings(depth=1, tile=320, overlap="fast")
    there = predict_image(pixels, settings=settings, cluster="auto", workers=2, checkpoint=kept)
    after = {file: file.stat().st_mtime_ns for file in kept.glob("*.safetensors")}
    assert 1 < len(before) < len(after)
    assert before.items() <= after.items()
    assert same(there, raz.Predictor(settings=settings)(pixels))
