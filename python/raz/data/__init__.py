"""Readers of public data sets, splits, transforms, targets and training mixes.

Names are looked up when first used: the readers do without torch, the rest does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .crop_plan import Augmentation
    from .device_mix import DeviceMix
    from .folder import AnnotatedFolder
    from .jhu import JHUCrowd
    from .layouts import LAYOUTS, open_data_set
    from .mix import SyntheticScenes, TrainingMix
    from .nwpu import NWPUCrowd
    from .sample import AnnotatedPhotographs, Sample, SampleSequence, Subset
    from .shanghaitech import ShanghaiTech
    from .splits import Holdout, holdout
    from .targets import congestion
    from .ucf_cc_50 import UCFCC50
    from .ucf_qnrf import UCFQNRF

_HOMES = {
    "LAYOUTS": "layouts",
    "UCFCC50": "ucf_cc_50",
    "UCFQNRF": "ucf_qnrf",
    "AnnotatedFolder": "folder",
    "AnnotatedPhotographs": "sample",
    "Augmentation": "crop_plan",
    "DeviceMix": "device_mix",
    "Holdout": "splits",
    "JHUCrowd": "jhu",
    "NWPUCrowd": "nwpu",
    "Sample": "sample",
    "SampleSequence": "sample",
    "ShanghaiTech": "shanghaitech",
    "Subset": "sample",
    "SyntheticScenes": "mix",
    "TrainingMix": "mix",
    "congestion": "targets",
    "holdout": "splits",
    "open_data_set": "layouts",
}

__all__ = [
    "LAYOUTS",
    "UCFCC50",
    "UCFQNRF",
    "AnnotatedFolder",
    "AnnotatedPhotographs",
    "Augmentation",
    "DeviceMix",
    "Holdout",
    "JHUCrowd",
    "NWPUCrowd",
    "Sample",
    "SampleSequence",
    "ShanghaiTech",
    "Subset",
    "SyntheticScenes",
    "TrainingMix",
    "congestion",
    "holdout",
    "open_data_set",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"raz.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'raz.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
