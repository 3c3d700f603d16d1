from __future__ import annotations

import numpy as np
import pytest
import torch

from raz import ops
from raz.data import congestion


def test_congestion_takes_arrays_and_tensors() -> None:
    points = np.random.default_rng(3).uniform(0, 500, (200, 2)).astype(np.float32)
    points.setflags(write=False)
    found = congestion(points, 2)
    assert found.dtype == np.float64
    expected = ops.congestion(torch.tensor(points), neighbours=2)
    np.testing.assert_array_equal(found, expected.numpy())
    np.testing.assert_array_equal(congestion(torch.tensor(points), 2), found)


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"points has shape \[4, 3\]"):
        congestion(np.zeros((4, 3)))
