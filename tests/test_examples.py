from __future__ import annotations

import numpy as np
import pytest
import torch

import raz
from crowds import EXAMPLES, example


def test_the_scene_fits_its_truth():
    scene = example()
    assert scene.size == (768, 1024)
    assert len(scene.annotation.heads) == len(scene.points) > 300
    assert len(np.unique(scene.points, axis=0)) == len(scene.points)


@pytest.mark.slow
def test_what_is_found_on_the_scene_are_its_heads():
    truth = torch.from_numpy(example().points)
    result = raz.predict(EXAMPLES / "scene.jpg", depth=1)
    away = torch.cdist(result.points, truth).amin(dim=1)
    assert 0.7 * len(truth) < result.count < 1.3 * len(truth)
    assert (away < 8).float().mean() > 0.7
