"""CVAT's XML between raz and datumaro, the library of CVAT's authors; `make test-tools` has it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from interchange.scene import SCENE, counted
from raz.io.points import read_points

pytestmark = pytest.mark.slow

_DECIMALS = 0.005 + 1e-9
"""CVAT's XML has two decimals of a coordinate."""


@pytest.fixture
def dataset():
    return pytest.importorskip("datumaro").Dataset


def test_datumaro_reads_what_raz_writes(dataset, tmp_path):
    result = counted()
    (tmp_path / "images").mkdir()
    shutil.copy(SCENE, tmp_path / "images")
    result.save(tmp_path / "annotations.xml")
    [item] = dataset.import_from(str(tmp_path), "cvat")
    assert item.id == "scene"
    points = np.array([annotation.points for annotation in item.annotations])
    np.testing.assert_allclose(points, result.points, atol=_DECIMALS)
    scores = [float(annotation.attributes["score"]) for annotation in item.annotations]
    np.testing.assert_array_equal(np.float32(scores), result.scores)


def test_raz_reads_what_datumaro_writes(dataset, tmp_path):
    datumaro = pytest.importorskip("datumaro")
    rng = np.random.default_rng(0)
    corrected = np.round(rng.random((50, 2)) * (1024, 768), 2)
    heads = [datumaro.Points(point.tolist(), label=0) for point in corrected]
    image = datumaro.Image.from_file(path=str(SCENE))
    item = datumaro.DatasetItem("scene", media=image, annotations=heads, attributes={"frame": 0})
    dataset.from_iterable([item], categories=["head"]).export(
        str(tmp_path / "out"), "cvat", save_media=True
    )
    [file] = (tmp_path / "out").rglob("*.xml")
    [found] = read_points(file).images.values()
    assert found.size == (1024, 768)
    np.testing.assert_allclose(found.points, corrected, atol=_DECIMALS)
