from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from raz.errors import InputError
from raz.io.chart import _COLOURS
from raz.training.report import draw_curve
from raz.training.report.curve import _smooth


def draw(folder, lines):
    log, to = folder / "log.jsonl", folder / "curve.png"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    draw_curve(log, to)
    return np.asarray(Image.open(to))


def colours(image, rows=slice(None)):
    """Which of the lines' colours are on an image; the legend and the grey one are left out."""
    return [bool((image[rows, 80:936] == colour).all(2).any()) for colour in _COLOURS[:7]]


def training(*names, steps=range(20, 220, 20)):
    return [{"step": step, "minutes": 1, **dict.fromkeys(names, 1e4 / step)} for step in steps]


def test_losses_and_errors_have_a_panel_each(tmp_path):
    lines = training("density", "localization", "norm", "learning_rate")
    alone = draw(tmp_path, lines)
    lines[4:4] = [{"step": 90, "validation": {"mae": 3.0, "rmse": 9.0}}]
    lines += [{"step": 200, "validation": {"mae": 2.0, "rmse": 9.0}}]
    both = draw(tmp_path, lines)
    assert both.shape[0] > alone.shape[0]
    half = both.shape[0] // 2
    assert colours(both, slice(None, half))[:3] == [False, True, False]  # one over the other
    assert colours(both, slice(half, None))[:3] == [True, False, False]


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        ({"mae": 1.0, "localization_mae": 2.0, "rmse": 3.0}, 2),
        ({"fusion": 1.0, "density": 2.0, "average": 3.0}, 3),
    ],
)
def test_mean_absolute_errors_are_drawn_or_else_everything(tmp_path, record, lines):
    log = [{"step": step, "validation": record} for step in (10, 20)]
    assert sum(colours(draw(tmp_path, log))) == lines


def test_nulls_zeros_and_names_that_come_later_leave_gaps(tmp_path):
    lines = training("density", "zero")
    for line in lines[:5]:
        line["density"] = None
        line["zero"] = 0.0
    lines[7]["zoom"] = 3.0
    image = draw(tmp_path, lines)
    left, right = image[:, 80:400], image[:, 600:936]
    drawn = [(part == _COLOURS[1]).all(2).any() for part in (left, right)]
    assert drawn == [False, True]


def test_one_line_is_enough(tmp_path):
    assert any(colours(draw(tmp_path, training("density", steps=[20]))))


@pytest.mark.parametrize("text", ["", "no log\n", '{"step": 0, "density": 1.0}\n', '{"step": 3}\n'])
def test_a_file_without_figures_is_refused(tmp_path, text):
    log = tmp_path / "log.jsonl"
    log.write_text(text)
    with pytest.raises(InputError, match="no line of a training log"):
        draw_curve(log, tmp_path / "curve.png")


def test_smoothing_keeps_gaps_constants_and_both_ends():
    values = [5.0, *[3.0] * 98, math.nan, 3.0, 7.0]
    smooth = _smooth(values)
    assert smooth[0] == 5
    assert smooth[-1] == 7
    assert smooth[10:80] == pytest.approx([3.0] * 70)
    assert math.isnan(smooth[99])
    assert smooth[96] == pytest.approx(3)
    assert smooth[97] == pytest.approx((7 * 3 + 7) / 8)
