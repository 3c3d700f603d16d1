"""Recurrent Attentive Zooming (RAZ-Net, CVPR 2019): how many people, and where exactly.

Example:
    >>> import raz
    >>> result = raz.predict("photo.jpg")
    >>> len(result) == result.count_points
    True

Names are looked up when first used: importing raz itself imports nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raz import data, evaluation, export, io, metrics, models, ops, reference, training, zoom
    from raz.errors import InputError, RazError, ResourceError, WeightsError
    from raz.models import get_model, get_model_weights, list_models, register_model
    from raz.prediction import Predictor, predict
    from raz.result import Region, Result
    from raz.zoom.settings import ZoomSettings

    __version__: str

_HOMES = {
    "InputError": "raz.errors",
    "Predictor": "raz.prediction",
    "RazError": "raz.errors",
    "Region": "raz.result",
    "ResourceError": "raz.errors",
    "Result": "raz.result",
    "WeightsError": "raz.errors",
    "ZoomSettings": "raz.zoom.settings",
    "get_model": "raz.models",
    "get_model_weights": "raz.models",
    "list_models": "raz.models",
    "predict": "raz.prediction",
    "register_model": "raz.models",
}
_PACKAGES = (
    "data",
    "evaluation",
    "export",
    "io",
    "metrics",
    "models",
    "ops",
    "reference",
    "training",
    "zoom",
)

__all__ = [
    "InputError",
    "Predictor",
    "RazError",
    "Region",
    "ResourceError",
    "Result",
    "WeightsError",
    "ZoomSettings",
    "__version__",
    "data",
    "evaluation",
    "export",
    "get_model",
    "get_model_weights",
    "io",
    "list_models",
    "metrics",
    "models",
    "ops",
    "predict",
    "reference",
    "register_model",
    "training",
    "zoom",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        # Kept, since it is read from a file, and every JSON of a result states it.
        found = globals()[name] = version("raz")
        return found
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"raz.{name}")
    raise AttributeError(f"module 'raz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
