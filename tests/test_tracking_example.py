"""examples/tracking.py counts who crosses a line."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
import torch

from crowds import EXAMPLES
from raz import Result, predict

if not (EXAMPLES / "tracking.py").is_file():
    pytest.skip("examples are not in the source distribution", allow_module_level=True)


@pytest.fixture(scope="module")
def tracking():
    pytest.importorskip("supervision")
    pytest.importorskip("trackers", exc_type=ImportError)
    spec = importlib.util.spec_from_file_location("tracking", EXAMPLES / "tracking.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def walkers(rightwards, leftwards, frames=60):
    """Results in which rows of people walk through 200 x 400 pixels, 3 pixels a frame."""
    for k in range(frames):
        points = [(10 + 3 * k, 20 + 20 * row) for row in range(rightwards)]
        points += [(190 - 3 * k, 220 + 20 * row) for row in range(leftwards)]
        yield Result(
            points=torch.tensor(points).reshape(-1, 2).float(),
            scores=torch.full((len(points),), 0.6),
            density=torch.zeros(50, 25), count=len(points), count_density=0,
            count_points=len(points), image_size=(200, 400), time=k / 25,
        )  # fmt: skip


@pytest.mark.parametrize(("rightwards", "leftwards"), [(7, 4), (0, 5), (3, 0)])
def test_both_directions_are_counted_apart(tracking, rightwards, leftwards):
    found = tracking.crossings(walkers(rightwards, leftwards), (100, 0), (100, 400))
    assert found == (leftwards, rightwards)


def test_frames_without_heads(tracking):
    assert tracking.crossings(walkers(0, 0), (100, 0), (100, 400)) == (0, 0)


def test_boxes_lie_around_heads_and_reach_to_the_neighbours(tracking):
    result = next(iter(walkers(2, 0)))
    boxes = tracking.boxes_around(result)
    assert boxes.xyxy.tolist() == [[0, 10, 20, 30], [0, 30, 20, 50]]
    assert np.allclose(boxes.confidence, 0.6)


@pytest.mark.slow
def test_crossings_of_the_panned_scene(tracking):
    """183 of 179 when this was written."""
    left, right = tracking.crossings(predict(tracking.panned_scene()), *tracking.middle((512, 384)))
    truth = tracking.heads_passing()
    assert truth > 150
    assert abs(left - right - truth) < 0.1 * truth
    assert right < 0.05 * truth
