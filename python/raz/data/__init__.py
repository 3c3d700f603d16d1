"""Readers of public data sets, splits, transforms, targets and training mixes."""

from __future__ import annotations

from .crops import Augmentation
from .device_mix import DeviceMix
from .folder import AnnotatedFolder
from .layouts import LAYOUTS, open_data_set
from .mix import SyntheticScenes, TrainingMix
from .sample import AnnotatedPhotographs, Sample, SampleSequence, Subset
from .shanghaitech import ShanghaiTech
from .splits import Holdout, holdout
from .targets import congestion

__all__ = [
    "LAYOUTS",
    "AnnotatedFolder",
    "AnnotatedPhotographs",
    "Augmentation",
    "DeviceMix",
    "Holdout",
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
