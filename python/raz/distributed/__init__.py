"""Counting on several machines: many images on Ray Data, or one large image on many workers.

Ray (extra ``ray``) schedules, moves data, restarts what died and remembers what is done. Workers
hold a :class:`raz.Predictor`. :func:`predict` counts a folder, a bucket or a Ray dataset into a
folder of Parquet. :func:`predict_image` counts one image whose tiles the workers share.

Names are looked up when first used: importing this imports neither Ray nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raz.distributed.bulk import Summary, predict
    from raz.distributed.image import predict_image

_HOMES = {
    "Summary": "raz.distributed.bulk",
    "predict": "raz.distributed.bulk",
    "predict_image": "raz.distributed.image",
}

__all__ = ["Summary", "predict", "predict_image"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'raz.distributed' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
