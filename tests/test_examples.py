from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from raz.data.synthetic import crowd_scene

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_scene_is_what_the_generator_draws():
    truth = json.loads((EXAMPLES / "scene.json").read_text())
    scene = crowd_scene(truth["seed"])
    np.testing.assert_allclose(scene.points, np.array(truth["points"]), atol=0.006)
    with Image.open(EXAMPLES / "scene.jpg") as shipped:
        assert [shipped.width, shipped.height] == truth["size"]
        difference = np.asarray(shipped).astype(int) - scene.image
    assert np.abs(difference).mean() < 8  # JPEG compression of a noisy image
