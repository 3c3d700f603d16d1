"""Measure a model on images with known heads, and choose the thresholds that belong to its weights.

The net runs once per image. Everything else is computed from the kept traces, so thresholds can be
changed afterwards without another run.

- :func:`measure` gives the counting and localization errors of a model: what ``raz eval --data``
  prints.
- :func:`collect_traces` and :func:`calibrate` choose thresholds: what ``raz train`` does last.
- :func:`counted`, :func:`fit_spread` and :func:`coverage` learn the intervals of counts, and test
  them on other images.
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
    comparison_table,
    count_errors,
    count_image,
    difference_lines,
    error_differences,
    error_table,
    estimate_counts,
    fusion_minus,
    relative_error,
)
from raz.evaluation.measurement import Measurement, measure
from raz.evaluation.spread import CountedAreas, Coverage, counted, coverage, fit_spread

__all__ = [
    "ESTIMATES",
    "BootstrapMean",
    "Calibration",
    "CountError",
    "CountEstimate",
    "CountedAreas",
    "Coverage",
    "Measurement",
    "TracedImage",
    "bootstrap_mean",
    "calibrate",
    "collect_traces",
    "comparison_table",
    "count_errors",
    "count_image",
    "counted",
    "coverage",
    "difference_lines",
    "error_differences",
    "error_table",
    "estimate_counts",
    "fit_spread",
    "fusion_minus",
    "measure",
    "paired_difference",
    "relative_error",
]
