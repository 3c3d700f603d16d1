"""A data set small enough to train on within seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowds import crowd
from raz.models import registry

from . import tiny

IMAGES = {"A": (1, 2, 5, 10), "B": (1, 2, 5, 10, 25)}
"""Numbers of the images: 5 and 25 choose thresholds, 10 is held out."""


@pytest.fixture(scope="session")
def tiny_shanghaitech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of the example scene in ShanghaiTech's layout."""
    from scipy.io import savemat

    root = tmp_path_factory.mktemp("shanghaitech")
    for part, numbers in IMAGES.items():
        images = root / f"part_{part}" / "train_data" / "images"
        truth = root / f"part_{part}" / "train_data" / "ground-truth"
        images.mkdir(parents=True)
        truth.mkdir()
        for k in numbers:
            scene = crowd(k, (96, 128))
            Image.fromarray(scene.image).save(images / f"IMG_{k}.jpg")
            cell = np.empty((1, 1), dtype=object)
            record = np.empty((1, 1), dtype=[("location", object), ("number", object)])
            record[0, 0] = (scene.points.astype(float), np.array([[len(scene.points)]]))
            cell[0, 0] = record
            savemat(truth / f"GT_IMG_{k}.mat", {"image_info": cell})
    return root


@pytest.fixture(autouse=True)
def _tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small net of `settings` is known by its name."""
    monkeypatch.setattr(registry, "_models", dict(registry._models))
    tiny.register()


@pytest.fixture
def settings(tiny_shanghaitech: Path, tmp_path: Path) -> dict[str, Any]:
    """A run of a few steps, as a configuration file would have it."""
    return {
        "data_root": str(tiny_shanghaitech),
        "output": str(tmp_path / "run"),
        "model": tiny.NAME,
        "steps": 2,
        "batch_size": 2,
        "crops": {"size": 32},
        "workers": 0,
        "threads": 1,
        "bfloat16": False,
        "device": "cpu",
        "validation": {"every": 0},
        "report": {"progress": False},
        "data": [
            {"name": "part A", "layout": "shanghaitech_a"},
            {"name": "part B", "layout": "shanghaitech_b"},
        ],
    }
