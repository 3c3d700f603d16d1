from __future__ import annotations

import numpy as np
import torch

from raz import Result
from raz.io.annotated import annotated_frame


def test_a_frame_keeps_its_size_and_gets_its_count_and_heads():
    plain = np.full((120, 160, 3), 90, np.uint8)
    result = Result(
        points=torch.tensor([[100.0, 80.0]]), scores=torch.ones(1), density=torch.zeros(15, 20),
        count=1, count_density=0, count_points=1, image_size=(160, 120), time=0.5,
        image=torch.from_numpy(plain).permute(2, 0, 1),
    )  # fmt: skip
    changed = np.abs(np.asarray(annotated_frame(result)).astype(int) - plain).max(axis=2)
    assert changed.shape == (120, 160)
    assert changed[80, 100] > 50
    assert changed[:20, :60].max() > 100  # the count, in the corner
    assert not changed[30:70].any()
