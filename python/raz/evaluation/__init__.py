"""Measure a model on images with known heads, and choose the thresholds that belong to its weights.

The net runs once per image. Everything else is computed from the kept traces, so thresholds can be
changed afterwards without another run.

- :func:`measure` gives the counting and localization errors of a model: what ``raz eval --data``
  prints.
- :func:`collect_traces` and :func:`calibrate` choose thresholds: what ``raz train`` does last.
- :func:`count_image`, :func:`count_errors` and :func:`relative_error` are the parts of both.
- :func:`bootstrap_mean` and :func:`paired_difference` tell what a set of images can show.

Errors of saved points against true ones, by the protocols of the field, are in :mod:`raz.metrics`.
"""

from __future__ import annotations

from raz.evaluation.bootstrap import BootstrapMean, bootstrap_mean, paired_difference
from raz.evaluation.calibration import Calibration, TracedImage, calibrate, collect_traces
from raz.evaluation.estimates import (
    ESTIMATES,
    CountError,
    CountEstimate,
    count_errors,
    count_image,
    difference_lines,
    error_table,
    estimate_counts,
    fusion_minus,
    relative_error,
)
from raz.evaluation.measurement import Measurement, measure

__all__ = [
    "ESTIMATES",
    "BootstrapMean",
    "Calibration",
    "CountError",
    "CountEstimate",
    "Measurement",
    "TracedImage",
    "bootstrap_mean",
    "calibrate",
    "collect_traces",
    "count_errors",
    "count_image",
    "difference_lines",
    "error_table",
    "estimate_counts",
    "fusion_minus",
    "measure",
    "paired_difference",
    "relative_error",
]
