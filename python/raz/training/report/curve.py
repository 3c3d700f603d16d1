"""The curve of a run: its loss terms and validation errors over steps, as an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raz.errors import InputError
from raz.io.chart import Line, Panel, draw_panels, linear_axis, log_axis
from raz.io.formats import save_plot
from raz.training.report.log import TAKEN, read_log

NOT_LOSSES = frozenset({"norm", "learning_rate"})
"""Figures of a step that are no loss terms: the curve leaves them out."""

_WINDOWS = 25  # a smoothed value is the mean over about this part of the run, to either side


def draw_curve(log: Path, to: Path) -> None:
    """Draw the log of a run: loss terms on a logarithmic axis, the validation's MAE below.

    Of the losses the strong line is the mean over neighbouring steps and the pale one what was
    logged. Of a validation the figures with "mae" in their name are drawn, or all where none has.

    Args:
        log: a file ``log.jsonl``, of a run that is done, stopped or still going on.
        to: the image, ``.png`` or ``.jpg``.

    Raises:
        InputError: the file holds no line of a log.
        OSError: a file cannot be read or written.
        ValueError: ``to`` has another suffix.
    """
    lines = read_log(log)
    training = [line for line in lines if "validation" not in line]
    validation = [{"step": line["step"], **line["validation"]} for line in lines
                  if "validation" in line]  # fmt: skip
    panels = []
    if losses := _lines(training, without=TAKEN | NOT_LOSSES):
        smooth = {name: Line(line.x, _smooth(line.y), line.y) for name, line in losses.items()}
        panels.append(Panel(smooth, log_axis(_all_values(losses)), "loss"))
    if figures := _lines(validation, without=TAKEN):
        errors = {name: line for name, line in figures.items() if "mae" in name.lower()} or figures
        values = [0.0, *_all_values(errors)]
        panels.append(Panel(errors, linear_axis(values), "validation error (persons)"))
    if not panels:
        raise InputError(f"{log}: no line of a training log, or none with a step above 0")
    title = f"{log.resolve().parent.name}: training"
    save_plot(draw_panels(panels, title=title, x_label="step"), to)


def _lines(records: Sequence[Mapping[str, Any]], *, without: frozenset[str]) -> dict[str, Line]:
    """A line for every name in any record; NaN where a record lacks it or holds null."""
    records = [record for record in records if record["step"] > 0]
    steps = [float(record["step"]) for record in records]
    names = dict.fromkeys(name for record in records for name in record if name not in without)
    return {name: Line(steps, [_number(record.get(name)) for record in records]) for name in names}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _all_values(lines: Mapping[str, Line]) -> list[float]:
    return [value for line in lines.values() for value in line.y]


def _smooth(values: Sequence[float]) -> list[float]:
    """Mean over as many values to either side, NaN left out; fewer towards both ends."""
    present = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(present, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(present)])
    centre = np.arange(len(values))
    half = np.minimum(len(values) // _WINDOWS, np.minimum(centre, centre[::-1]))
    low, high = centre - half, centre + half + 1
    number = counts[high] - counts[low]
    means = (sums[high] - sums[low]) / np.maximum(number, 1)
    smooth: list[float] = np.where(present, means, np.nan).tolist()
    return smooth
