"""NumPy's files, read back by NumPy without pickle."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from hypothesis import given

from formats.results import few, make, results


@few
@given(results())
def test_arrays(result):
    with (
        tempfile.TemporaryDirectory() as folder,
        np.load(result.save(Path(folder) / "out.npz"), allow_pickle=False) as arrays,
    ):
        np.testing.assert_array_equal(arrays["points"], result.points.numpy(), strict=True)
        np.testing.assert_array_equal(arrays["scores"], result.scores.numpy(), strict=True)
        np.testing.assert_array_equal(arrays["density"], result.density.numpy(), strict=True)
        assert (arrays["count"], arrays["count_density"]) == (2.25, 2.5)
        assert tuple(arrays["image_size"]) == result.image_size


def test_density_alone(tmp_path):
    density = torch.linspace(-0.01, 2, 6).reshape(2, 3)
    path = make(density=density).save(tmp_path / "out.density.npy")
    assert [file.name for file in tmp_path.iterdir()] == ["out.density.npy"]
    np.testing.assert_array_equal(np.load(path), density.numpy(), strict=True)
