"""Readers of public data sets, splits, transforms, targets and training mixes."""

from __future__ import annotations

from .mix import SyntheticScenes, TrainingMix
from .sample import Sample, SampleSequence, Subset
from .shanghaitech import ShanghaiTech
from .splits import Holdout, holdout
from .targets import congestion

__all__ = [
    "Holdout",
    "Sample",
    "SampleSequence",
    "ShanghaiTech",
    "Subset",
    "SyntheticScenes",
    "TrainingMix",
    "congestion",
    "holdout",
]
