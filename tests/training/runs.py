"""Settings of short runs, and what is equal of two."""

from __future__ import annotations

from typing import Any

import torch

from raz.training.config import TrainingConfig, make_config
from raz.training.settings import merged


def config_of(settings: dict[str, Any], **changes: Any) -> TrainingConfig:
    """The configuration with some settings changed, tables joined."""
    return make_config(merged(settings, changes))


def assert_bit_equal(first, second) -> None:
    """Nested mappings and lists of tensors and numbers hold the same bits."""
    if isinstance(first, torch.Tensor):
        torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for name, value in first.items():
            assert_bit_equal(value, second[name])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for each in zip(first, second, strict=True):
            assert_bit_equal(*each)
    else:
        assert first == second
