"""A data set small enough to train on within seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.data.synthetic import crowd_scene


@pytest.fixture(scope="session")
def tiny_shanghaitech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn scenes in ShanghaiTech's layout: parts A and B of pictures 1, 2, 5, 10."""
    from scipy.io import savemat

    root = tmp_path_factory.mktemp("shanghaitech")
    for part in ("A", "B"):
        images = root / f"part_{part}" / "train_data" / "images"
        truth = root / f"part_{part}" / "train_data" / "ground-truth"
        images.mkdir(parents=True)
        truth.mkdir()
        for k in (1, 2, 5, 10):
            scene = crowd_scene(k, (96, 128), heads=8)
            Image.fromarray(scene.image).save(images / f"IMG_{k}.jpg")
            cell = np.empty((1, 1), dtype=object)
            record = np.empty((1, 1), dtype=[("location", object), ("number", object)])
            record[0, 0] = (scene.points.astype(float), np.array([[len(scene.points)]]))
            cell[0, 0] = record
            savemat(truth / f"GT_IMG_{k}.mat", {"image_info": cell})
    return root
