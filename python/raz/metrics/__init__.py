"""The field's evaluation protocols, exact to the digit: how far predictions are from the truth.

Functions take NumPy arrays, one entry an image, and return rows of named figures
(:data:`raz.metrics.tally.Figures`), NaN where a figure is undefined. The classes of the same
protocols are torchmetrics metrics and need ``pip install raz[metrics]``.

=================================  =============================  =======================
protocol                           function                       class
=================================  =============================  =======================
nwpu                               nwpu_localization              NWPULocalization
fixed                              fixed_radius_localization      FixedRadiusLocalization
qnrf                               qnrf_localization              QNRFLocalization
coco                               coco_points                    COCOPoints
coco-macro                         coco_points_macro              COCOPointsMacro
nap                                normalized_ap                  NormalizedAP
mle                                mean_localization_error        MLE
count                              crowd_count                    CrowdCount
count, over a grid                 game                           GAME
count, JHU-CROWD++'s categories    jhu_categories                 JHUCategories
count, NWPU-Crowd's categories     nwpu_categories                NWPUCategories
=================================  =============================  =======================

:func:`evaluate` applies a protocol to point files; see :mod:`raz.io.points`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raz.metrics.coco import coco_points, coco_points_macro
    from raz.metrics.counting import crowd_count, jhu_categories, nwpu_categories
    from raz.metrics.evaluation import Evaluation, evaluate
    from raz.metrics.fixed_radius import fixed_radius_localization
    from raz.metrics.grid import game
    from raz.metrics.mle import mean_localization_error
    from raz.metrics.modules import (
        GAME,
        MLE,
        COCOPoints,
        COCOPointsMacro,
        CrowdCount,
        FixedRadiusLocalization,
        JHUCategories,
        NormalizedAP,
        NWPUCategories,
        NWPULocalization,
        QNRFLocalization,
    )
    from raz.metrics.nap import normalized_ap
    from raz.metrics.nwpu import nwpu_localization
    from raz.metrics.protocols import PROTOCOLS
    from raz.metrics.qnrf import qnrf_localization

_HOMES = {
    "GAME": "modules",
    "MLE": "modules",
    "PROTOCOLS": "protocols",
    "COCOPoints": "modules",
    "COCOPointsMacro": "modules",
    "CrowdCount": "modules",
    "Evaluation": "evaluation",
    "FixedRadiusLocalization": "modules",
    "JHUCategories": "modules",
    "NWPUCategories": "modules",
    "NWPULocalization": "modules",
    "NormalizedAP": "modules",
    "QNRFLocalization": "modules",
    "coco_points": "coco",
    "coco_points_macro": "coco",
    "crowd_count": "counting",
    "evaluate": "evaluation",
    "fixed_radius_localization": "fixed_radius",
    "game": "grid",
    "jhu_categories": "counting",
    "mean_localization_error": "mle",
    "normalized_ap": "nap",
    "nwpu_categories": "counting",
    "nwpu_localization": "nwpu",
    "qnrf_localization": "qnrf",
}

__all__ = [
    "GAME",
    "MLE",
    "PROTOCOLS",
    "COCOPoints",
    "COCOPointsMacro",
    "CrowdCount",
    "Evaluation",
    "FixedRadiusLocalization",
    "JHUCategories",
    "NWPUCategories",
    "NWPULocalization",
    "NormalizedAP",
    "QNRFLocalization",
    "coco_points",
    "coco_points_macro",
    "crowd_count",
    "evaluate",
    "fixed_radius_localization",
    "game",
    "jhu_categories",
    "mean_localization_error",
    "normalized_ap",
    "nwpu_categories",
    "nwpu_localization",
    "qnrf_localization",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"raz.metrics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'raz.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
