"""Recurrent attentive zooming: from the network's maps to one `Result` (Liu et al., CVPR 2019).

`count_and_locate` does all of it. To calibrate, call `collect_trace` once per image with low
floors, then `resolve` at as many thresholds as needed, or `cell_counts` and `fuse_cells` for fusion
alone. `fixed_step` is one round of fixed sizes, for compiled graphs.

Names are looked up when first used, so the settings can be read without importing torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raz.density import calibrated_density, without_faint_cells
    from raz.network import Network

    from .fixed import fixed_step
    from .fusion import average_counts, cell_counts, fuse_cells, fuse_counts
    from .merging import merge_points, resolve
    from .passes import MAX_BATCH_PIXELS, collect_trace
    from .pipeline import count_and_locate
    from .settings import Overlap, ZoomOptions, ZoomSettings
    from .trace import Pass, Trace
    from .views import ImageSource

_HOMES = {
    "MAX_BATCH_PIXELS": "raz.zoom.passes",
    "ImageSource": "raz.zoom.views",
    "Network": "raz.network",
    "Overlap": "raz.zoom.settings",
    "Pass": "raz.zoom.trace",
    "Trace": "raz.zoom.trace",
    "ZoomOptions": "raz.zoom.settings",
    "ZoomSettings": "raz.zoom.settings",
    "average_counts": "raz.zoom.fusion",
    "calibrated_density": "raz.density",
    "cell_counts": "raz.zoom.fusion",
    "collect_trace": "raz.zoom.passes",
    "count_and_locate": "raz.zoom.pipeline",
    "fixed_step": "raz.zoom.fixed",
    "fuse_cells": "raz.zoom.fusion",
    "fuse_counts": "raz.zoom.fusion",
    "merge_points": "raz.zoom.merging",
    "resolve": "raz.zoom.merging",
    "without_faint_cells": "raz.density",
}

__all__ = [
    "MAX_BATCH_PIXELS",
    "ImageSource",
    "Network",
    "Overlap",
    "Pass",
    "Trace",
    "ZoomOptions",
    "ZoomSettings",
    "average_counts",
    "calibrated_density",
    "cell_counts",
    "collect_trace",
    "count_and_locate",
    "fixed_step",
    "fuse_cells",
    "fuse_counts",
    "merge_points",
    "resolve",
    "without_faint_cells",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'raz.zoom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
