"""Settings of short runs."""

from __future__ import annotations

from typing import Any

from raz.training.config import TrainingConfig, make_config
from raz.training.settings import merged


def config_of(settings: dict[str, Any], **changes: Any) -> TrainingConfig:
    """The configuration with some settings changed, tables joined."""
    return make_config(merged(settings, changes))
