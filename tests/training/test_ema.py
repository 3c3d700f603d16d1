from __future__ import annotations

import pytest
import torch
from torch import nn

from raz.training.ema import ExponentialMovingAverage


def test_mean_of_weights():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 0.0)
    ema = ExponentialMovingAverage(model, decay=0.9)
    nn.init.constant_(model.weight, 1.0)
    ema.update(model)
    # The first decay is (1 + 1) / (10 + 1).
    assert ema.mean["weight"].item() == pytest.approx(1 - 2 / 11)


def test_decay_ends_at_its_value():
    model = nn.Linear(1, 1, bias=False)
    ema = ExponentialMovingAverage(model, decay=0.5)
    ema.updates = 1000
    ema.mean["weight"].fill_(0.0)
    nn.init.constant_(model.weight, 1.0)
    ema.update(model)
    assert ema.mean["weight"].item() == pytest.approx(0.5)


def test_integer_buffers_are_copied():
    model = nn.BatchNorm1d(2)
    ema = ExponentialMovingAverage(model, decay=0.9)
    model(torch.randn(4, 2))
    ema.update(model)
    assert ema.mean["num_batches_tracked"] == 1


def test_state_survives():
    model = nn.Linear(2, 2)
    ema = ExponentialMovingAverage(model, decay=0.9)
    nn.init.ones_(model.weight)
    ema.update(model)
    other = ExponentialMovingAverage(nn.Linear(2, 2), decay=0.9)
    other.load_state_dict(ema.state_dict())
    assert other.updates == 1
    assert torch.equal(other.mean["weight"], ema.mean["weight"])


def test_bad_decay():
    with pytest.raises(ValueError, match=r"decay is 1\.0"):
        ExponentialMovingAverage(nn.Linear(1, 1), decay=1.0)
