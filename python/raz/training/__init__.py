"""Train a model: settings, stages, the engine, checkpoints, and the file that ships.

- :func:`make_config` and :func:`read_config` give the settings, a :class:`TrainingConfig`.
- :func:`train` trains by them, and continues where it was interrupted.
- :func:`publish` chooses thresholds, measures the model and writes its weights.

``raz train`` is these three. The guide is ``docs/training.md``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raz.training.config import TrainingConfig, config_toml, make_config, read_config
    from raz.training.engine import train
    from raz.training.publishing import publish

_HOMES = {
    "TrainingConfig": "config",
    "config_toml": "config",
    "make_config": "config",
    "publish": "publishing",
    "read_config": "config",
    "train": "engine",
}

__all__ = ["TrainingConfig", "config_toml", "make_config", "publish", "read_config", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"raz.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'raz.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
