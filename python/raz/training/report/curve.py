"""The curve of a run: its loss terms and validation errors over steps, as an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError
from raz.io.chart import Line, Panel, line_figure, to_image
from raz.io.formats import save_plot
from raz.training.clock import SECONDS
from raz.training.report.log import TAKEN, read_log

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOT_LOSSES = frozenset({"norm", "learning_rate"})
"""Figures of a step that are no loss terms: the curve leaves them out, and all times."""

_WINDOWS = 25  # a smoothed value is the mean over about this part of the run, to either side


def draw_curve(log: Path, to: Path) -> None:
    """Draw the log of a run as an image; see :func:`curve_figure`.

    Args:
        log: a file ``log.jsonl``, of a run that is done, stopped or still going on.
        to: the image, ``.png`` or ``.jpg``.

    Raises:
        ImportError: matplotlib is not installed.
        InputError: the file holds no line of a log.
        OSError: a file cannot be read or written.
        ValueError: ``to`` has another suffix.

    Example:
        >>> log = Path("log.jsonl")
        >>> steps = ('{"step": 20, "density": 300.0}', '{"step": 40, "density": 150.0}')
        >>> _ = log.write_text("\\n".join(steps))
        >>> draw_curve(log, Path("curve.png"))
        >>> Path("curve.png").exists()
        True
    """
    save_plot(to_image(curve_figure(log)), to)


def curve_figure(log: Path) -> Figure:
    """Draw the log of a run: loss terms on a logarithmic axis, the validation's MAE below.

    Each loss has a strong line, the mean over neighbouring steps, and a pale one, the values as
    they were logged. Of a validation the figures with "mae" in their names are drawn, or all
    figures where none has.

    Raises:
        ImportError: matplotlib is not installed.
        InputError: the file holds no line of a log.
        OSError: the file cannot be read.
    """
    lines = read_log(log)
    training = [line for line in lines if "validation" not in line]
    validation = [{**line["validation"], "step": line["step"]} for line in lines
                  if "validation" in line]  # fmt: skip
    panels = []
    if losses := _lines(training, without=TAKEN | NOT_LOSSES):
        smooth = {name: Line(line.x, _smooth(line.y), line.y) for name, line in losses.items()}
        panels.append(Panel(smooth, "loss", log=True))
    if figures := _lines(validation, without=TAKEN):
        errors = {name: line for name, line in figures.items() if "mae" in name.lower()} or figures
        panels.append(Panel(errors, "validation error (persons)"))
    if not panels:
        raise InputError(f"{log}: no line of a training log, or none with a step above 0")
    return line_figure(panels, title=f"{log.resolve().parent.name}: training", x_label="step")


def _lines(records: Sequence[Mapping[str, Any]], *, without: frozenset[str]) -> dict[str, Line]:
    """A line for every name in any record; NaN where a record lacks it or holds null."""
    records = [record for record in records if record["step"] > 0]
    steps = [float(record["step"]) for record in records]
    names = dict.fromkeys(
        name
        for record in records
        for name in record
        if name not in without and not name.startswith(SECONDS)
    )
    return {name: Line(steps, [_number(record.get(name)) for record in records]) for name in names}


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:  # of a whole number beyond all floats
        return math.nan


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
