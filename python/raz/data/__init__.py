"""Readers of public data sets, splits, transforms, targets and training mixes."""

from __future__ import annotations

from .crops import Augmentation
from .device_mix import DeviceMix
from .mix import SyntheticScenes, TrainingMix
from .sample import Sample, SampleSequence, Subset
from .shanghaitech import ShanghaiTech
from .splits import Holdout, holdout
from .targets import attention_map, congestion

__all__ = [
    "Augmentation",
    "DeviceMix",
    "Holdout",
    "Sample",
    "SampleSequence",
    "ShanghaiTech",
    "Subset",
    "SyntheticScenes",
    "TrainingMix",
    "attention_map",
    "congestion",
    "holdout",
]
