"""Readers of public data sets, splits, transforms, targets and training mixes."""

from __future__ import annotations

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
