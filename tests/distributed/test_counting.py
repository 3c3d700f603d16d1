"""A worker of bulk prediction, in this process: it needs no Ray."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import raz
from raz.distributed.bulk import _tables
from raz.distributed.counting import ImageCounter
from raz.distributed.recipe import Recipe
from raz.distributed.storage import Storage

pa = pytest.importorskip("pyarrow")

SETTINGS = raz.ZoomSettings(depth=1)


def test_rows_are_the_results_of_predict_and_a_bad_image_is_one(tmp_path: Path) -> None:
    scene = Image.open(Path(__file__).parents[2] / "examples" / "scene.jpg")
    names = [str(tmp_path / name) for name in ("a.png", "bad.png", "b.png", "missing.png")]
    scene.crop((256, 512, 416, 640)).save(names[0])
    Path(names[1]).write_bytes(b"no image")
    scene.crop((0, 384, 128, 528)).save(names[2])
    counter = ImageCounter(Recipe(settings=SETTINGS), Storage(), threads=1)
    a, bad, b, missing = counter(pa.table({"path": names})).to_pylist()
    predictor = raz.Predictor(settings=SETTINGS)
    for row, name in ((a, names[0]), (b, names[2])):
        result = predictor(name)
        assert len(result) > 0
        assert row["path"] == name
        assert row["count"] == result.count
        assert (row["count_low"], row["count_high"]) == result.interval(0.9)
        np.testing.assert_array_equal(np.float32(row["points"]), result.points.numpy())
        np.testing.assert_array_equal(np.float32(row["scores"]), result.scores.numpy())
        assert (row["width"], row["height"]) == result.image_size
    assert bad["error"].startswith(f"{names[1]}: ")
    assert missing["error"] == f"{names[3]}: no such file"


def test_images_whose_names_are_not_utf_8_are_counted(tmp_path: Path) -> None:
    names = [tmp_path / os.fsdecode(name) for name in (b"\xff.png", b"\xfe.png")]
    try:
        Image.new("RGB", (64, 48)).save(names[0])
    except OSError:
        pytest.skip("this disk holds only names in UTF-8")
    counter = ImageCounter(Recipe(settings=SETTINGS), Storage(), threads=1)
    [table] = _tables([str(name) for name in names])
    good, missing = counter(table).to_pylist()
    assert (good["path"], good["width"]) == (f"{tmp_path}/\ufffdFF.png", 64)
    assert missing["error"] == f"{tmp_path}/\ufffdFE.png: no such file"


def test_an_image_that_needs_too_much_memory_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    counter = ImageCounter(Recipe(settings=SETTINGS), Storage(), threads=1)
    monkeypatch.setattr("raz.zoom.memory.available_bytes", lambda *_: 1000)
    [row] = counter(pa.table({"path": [str(tmp_path / "a.png")]})).to_pylist()
    assert row["count"] is None
    assert row["error"].startswith(f"{tmp_path / 'a.png'}: ")
    assert "GB are available" in row["error"]
