"""The main job on real photographs, with the shipped weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import raz
from raz.data import ShanghaiTech, Subset, holdout
from raz.evaluation import measure

IMAGES = (("A", 10), ("A", 40), ("B", 20), ("B", 110))


@pytest.fixture(scope="module")
def model():
    return raz.get_model("raznet_lite")


@pytest.fixture(scope="module")
def paths(raz_data):
    folder = raz_data / "shanghaitech"
    return [folder / f"part_{p}/train_data/images/IMG_{k}.jpg" for p, k in IMAGES]


@pytest.mark.slow
def test_count_points_and_density_belong_together(model, paths):
    for result in raz.predict(paths, model=model):
        width, height = result.image_size
        x, y = result.points.unbind(1)
        assert ((x > 0) & (x < width) & (y > 0) & (y < height)).all()
        assert result.count_points == len(result.points) == len(result.scores)
        total = float(result.density.double().sum())
        assert abs(total - result.count_density) <= 1e-4 * max(1.0, result.count)
        assert result.count >= 0


@pytest.mark.slow
def test_a_dense_crowd_is_zoomed_into(model, paths):
    [dense] = raz.predict(paths[:1], model=model)
    assert dense.regions
    for region in dense.regions:
        assert region.depth == 2
        assert region.scale == 2


@pytest.mark.slow
def test_same_answer_without_the_native_module(paths):
    with_native, quiet = _command(paths[1:3], disabled=False)
    without, warning = _command(paths[1:3], disabled=True)
    assert quiet == ""
    assert warning.count("RAZ_DISABLE_NATIVE is set") == 1
    assert len(warning.splitlines()) == 1
    for a, b in zip(with_native, without, strict=True):
        # Convolutions are the same in both; scores at a threshold could only differ with them.
        np.testing.assert_array_equal(np.array(a["points"])[:, :2], np.array(b["points"])[:, :2])
        assert abs(a["count"] - b["count"]) <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(("part", "most"), [("A", 110.0), ("B", 20.0)])
def test_held_out_photographs_are_counted(model, raz_data, part, most):
    images = ShanghaiTech(raz_data / "shanghaitech", part)
    held_out = Subset(images, holdout(images.names).validation)
    errors = measure(model, held_out, depth=1).counts
    assert errors["fusion"].mae <= most
    assert errors["density"].mae <= most


def _command(paths, *, disabled):
    command = [sys.executable, "-m", "raz.cli", "predict", *map(str, paths), "--json"]
    environment = os.environ | {"RAZ_DISABLE_NATIVE": "1" if disabled else "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr
