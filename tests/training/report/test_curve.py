from __future__ import annotations

import json
import logging
import math
import sys

import numpy as np
import pytest
from PIL import Image

from raz.errors import InputError
from raz.training.report import draw_curve, open_report
from raz.training.report.curve import _smooth, curve_figure


def draw(folder, lines):
    """The axes of the curve of a log; the curve is written as an image as well."""
    log, to = folder / "log.jsonl", folder / "curve.png"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    draw_curve(log, to)
    with Image.open(to) as image:
        assert image.format == "PNG"
        assert image.width == 960
    return curve_figure(log).axes


def lines_of(axes):
    """Steps and values of the strong lines by name, without gaps."""
    data = {line.get_label(): line.get_xydata() for line in axes.lines if line.get_alpha() is None}
    return {name: values[~np.isnan(values[:, 1])].tolist() for name, values in data.items()}


def training(*names, steps=range(20, 220, 20)):
    return [{"step": step, "minutes": 1, **dict.fromkeys(names, 1e4 / step)} for step in steps]


def test_losses_and_errors_have_a_panel_each(tmp_path):
    lines = training("density", "localization", "norm", "learning_rate")
    (alone,) = draw(tmp_path, lines)
    expected = [[step, 1e4 / step] for step in range(20, 220, 20)]
    found = lines_of(alone)
    assert list(found) == ["density", "localization"]
    for values in found.values():
        np.testing.assert_allclose(values, expected)
    assert alone.get_yscale() == "log"
    assert alone.get_xlabel() == "step"
    lines[4:4] = [{"step": 90, "validation": {"mae": 3.0, "rmse": 9.0}}]
    lines += [{"step": 200, "validation": {"mae": 2.0, "rmse": 9.0}}]
    losses, errors = draw(tmp_path, lines)
    assert lines_of(losses) == lines_of(alone)
    assert lines_of(errors) == {"mae": [[90, 3], [200, 2]]}
    assert errors.get_yscale() == "linear"
    assert errors.get_ylim()[0] == 0
    assert tmp_path.name in losses.get_title(loc="left")


def test_what_was_logged_lies_beneath_its_mean(tmp_path):
    lines = training("density", steps=range(1, 101))
    (axes,) = draw(tmp_path, lines)
    pale, strong = axes.lines
    assert pale.get_alpha() < 1
    np.testing.assert_allclose(pale.get_ydata(), [1e4 / step for step in range(1, 101)])
    np.testing.assert_allclose(strong.get_ydata(), _smooth(pale.get_ydata().tolist()))
    assert not np.allclose(strong.get_ydata(), pale.get_ydata())


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"mae": 1.0, "localization_mae": 2.0, "rmse": 3.0}, ["mae", "localization_mae"]),
        ({"fusion": 1.0, "density": 2.0, "average": 3.0}, ["fusion", "density", "average"]),
    ],
)
def test_mean_absolute_errors_are_drawn_or_else_everything(tmp_path, record, names):
    log = [{"step": step, "validation": record} for step in (10, 20)]
    (axes,) = draw(tmp_path, log)
    assert lines_of(axes) == {name: [[10, record[name]], [20, record[name]]] for name in names}


def test_nulls_zeros_and_names_that_come_later_leave_gaps(tmp_path):
    lines = training("density", "zero")
    for line in lines[:5]:
        line["density"] = None
        line["zero"] = 0.0
    lines[7]["zoom"] = 3.0
    (axes,) = draw(tmp_path, lines)
    steps = {name: [step for step, _ in values] for name, values in lines_of(axes).items()}
    assert steps == {"density": [120, 140, 160, 180, 200], "zero": [120, 140, 160, 180, 200],
                     "zoom": [160]}  # fmt: skip


def test_one_line_is_enough(tmp_path):
    (axes,) = draw(tmp_path, training("density", steps=[20]))
    assert lines_of(axes) == {"density": [[20, 500]]}


def test_a_run_without_matplotlib_ends_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with (
        caplog.at_level(logging.WARNING, "raz"),
        open_report(tmp_path, total_steps=20, resume_step=0, tensorboard=False, progress=False)
        as report,
    ):  # fmt: skip
        report.step({"density": 1.0}, step=20)
    assert "no curve" in caplog.text
    assert 'pip install ".[plot]"' in caplog.text
    assert not (tmp_path / "curve.png").exists()


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


def test_a_validation_that_names_a_step_changes_none(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 5, "validation": {"mae": 3.5, "step": [[3.5]]}}\n')
    (axes,) = curve_figure(path).axes
    assert lines_of(axes) == {"mae": [[5.0, 3.5]]}
