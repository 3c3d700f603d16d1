"""Charts: what their artists show, and that they can be rendered."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.io.chart import Bars, Line, Panel, bar_figure, line_figure, share_figure, to_image

X = list(range(1, 11))


def shown(axes, label):
    """The data of the line with a label, as the axis shows it: [N, 2], NaN where there is a gap."""
    (line,) = [line for line in axes.lines if line.get_label() == label]
    data = line.get_xydata()
    return np.where(np.isnan(data[:, 1:]), np.nan, data)


def blue(image):
    """Which pixels have the colour of the first line or of bars."""
    return (np.abs(np.asarray(image).astype(int) - (31, 119, 180)) <= 2).all(axis=2)


def test_lines_go_where_the_values_are():
    values = [k / 10 for k in X]
    figure = share_figure(X, {"up": values, "flat": [0.85] * 10}, title="t", x_label="px")
    (axes,) = figure.axes
    np.testing.assert_array_equal(shown(axes, "up"), np.stack([X, values], axis=1))
    np.testing.assert_array_equal(shown(axes, "flat"), np.stack([X, [0.85] * 10], axis=1))
    assert axes.get_xlim()[0] == 0
    assert axes.get_ylim() == (0, 1)
    assert axes.get_title(loc="left") == "t"
    assert axes.get_xlabel() == "px"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["up", "flat"]
    image = to_image(figure)
    assert image.size == (960, 640)
    pixels = blue(image)
    for x, value in zip(X[:6], values[:6], strict=True):  # above lies the other line, or its legend
        column, row = axes.transData.transform((x, value)).round().astype(int)
        row = 640 - row
        assert pixels[row - 2 : row + 3, column].any()
        assert not pixels[row + 20 : row + 25, column].any()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert "20%" in labels


def test_colours_tell_lines_apart():
    names = [str(k) for k in range(10)]
    axes = share_figure(X, dict.fromkeys(names, X), title="t", x_label="px").axes[0]
    colours = [line.get_color() for line in axes.lines]
    assert len(set(colours)) == 10
    assert [line.get_label() for line in axes.lines] == names


def test_undefined_values_leave_a_gap():
    values = [0.5, 0.5, 0.5, math.nan, 0.5, math.inf, 0.5, 0.5, 0.5, 0.5]
    figure = share_figure(X, {"y": values}, title="t", x_label="px")
    found = shown(figure.axes[0], "y")
    assert np.isnan(found[:, 1]).tolist() == [k in (3, 5) for k in range(10)]
    pixels = blue(to_image(figure))
    columns = figure.axes[0].transData.transform([(2, 0.5), (4, 0.5), (8, 0.5)])[:, 0]
    row = 640 - round(float(figure.axes[0].transData.transform((2, 0.5))[1]))
    drawn = [pixels[row - 2 : row + 3, round(column)].any() for column in columns]
    assert drawn == [True, False, True]
    to_image(share_figure(X, {"y": [math.nan] * 10}, title="t", x_label="px"))


def test_a_value_between_gaps_is_a_dot():
    values = [math.nan, 0.5, math.nan, *[0.2] * 7]
    figure = share_figure(X, {"y": values}, title="t", x_label="px")
    pixels = blue(to_image(figure))
    column, row = figure.axes[0].transData.transform((2, 0.5)).round().astype(int)
    assert pixels[640 - row - 2 : 640 - row + 3, column - 2 : column + 3].any()
    (line,) = figure.axes[0].lines
    assert list(line.get_markevery()) == [1]


def test_panels_have_axes_of_their_own():
    panels = [
        Panel({"a": Line([0, 100], [1, 100])}, "losses", log=True),
        Panel({"b": Line([0, 100], [3, 3], pale=[2, 2])}, "errors"),
    ]
    figure = line_figure(panels, title="t", x_label="step")
    assert to_image(figure).height > 640
    top, bottom = figure.axes
    assert (top.get_yscale(), bottom.get_yscale()) == ("log", "linear")
    assert top.get_xlim() == bottom.get_xlim()
    assert bottom.get_ylim()[0] == 0
    assert shown(top, "a").tolist() == [[0, 1], [100, 100]]
    pale, strong = bottom.lines
    assert pale.get_xydata().tolist() == [[0, 2], [100, 2]]
    assert strong.get_xydata().tolist() == [[0, 3], [100, 3]]
    assert pale.get_color() == strong.get_color()
    assert pale.get_alpha() < 1
    assert (top.get_title(loc="left"), bottom.get_xlabel()) == ("t", "step")
    for axes, name, title in ((top, "a", "losses"), (bottom, "b", "errors")):
        legend = axes.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == [name]
        assert legend.get_title().get_text() == title


def test_pale_lines_lie_beneath_all_others():
    lines = {name: Line([0, 1], [1, 2], pale=[2, 1]) for name in "ab"}
    (axes,) = line_figure([Panel(lines)], title="t", x_label="x").axes
    assert [line.get_alpha() is None for line in axes.lines] == [False, False, True, True]


def test_what_is_not_positive_leaves_a_gap_on_a_logarithmic_axis():
    line = Line([0, 1, 2, 3, 4], [5, 5, 0, -5, 5], pale=[1, 0, 1, 1, 1])
    figure = line_figure([Panel({"a": line}, log=True)], title="t", x_label="x")
    pale, strong = figure.axes[0].lines
    assert np.isnan(strong.get_ydata()).tolist() == [False, False, True, True, False]
    assert np.isnan(pale.get_ydata()).tolist() == [False, True, False, False, False]
    to_image(figure)


def test_a_linear_axis_reaches_below_zero_where_values_do():
    panel = Panel({"a": Line([0, 1], [-3, 5])})
    assert line_figure([panel], title="t", x_label="x").axes[0].get_ylim()[0] <= -3


@settings(max_examples=30)
@given(st.lists(st.floats(-1e12, 1e12) | st.just(math.nan), min_size=1, max_size=5), st.booleans())
def test_values_lie_on_their_axis(values, log):
    panel = Panel({"a": Line(range(len(values)), values)}, log=log)
    (axes,) = line_figure([panel], title="t", x_label="x").axes
    low, high = axes.get_ylim()
    assert all(low <= v <= high for v in values if not math.isnan(v) and (v > 0 or not log))
    assert low < high
    places = [place for place, v in enumerate(values) if not math.isnan(v) and (v > 0 or not log)]
    assert axes.get_xlim()[1] >= max(places, default=0)


@pytest.mark.parametrize("values", [[math.nan], [0.0], [1e-30, 1e30], [7.0], [0.0, math.nan, -1]])
@pytest.mark.parametrize("log", [False, True])
def test_odd_values_can_be_rendered(values, log):
    panel = Panel({"a": Line(range(len(values)), values, pale=values)}, log=log)
    assert to_image(line_figure([panel], title="t", x_label="x")).size == (960, 640)


def test_bars_are_as_high_as_their_counts():
    figure = bar_figure([Bars((0, 1, 3, 10), (0, 5, 10), title="t", x_label="heads")])
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0, 5, 10]
    assert len({bar.get_width() for bar in axes.patches}) == 1
    assert [bar.get_x() for bar in axes.patches] == [0, 1, 2]
    assert [text.get_text() for text in axes.texts] == ["0", "5", "10"]
    assert axes.get_xticks().tolist() == [0, 1, 2, 3]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "3", "10"]
    image = to_image(figure)
    assert image.size == (960, 640)
    pixels = blue(image)
    columns = axes.transData.transform([(k + 0.5, 0) for k in range(3)])[:, 0].round().astype(int)
    heights = pixels[:, columns].sum(axis=0)
    assert heights[0] <= 1
    assert abs(heights[2] - 2 * heights[1]) <= 2
    assert heights[2] > 400


def test_nothing_at_all_is_a_chart_too():
    figure = bar_figure([Bars((0, 1), (0,), title="t", x_label="heads")])
    assert to_image(figure).size == (960, 640)


def test_bar_charts_lie_one_below_the_other():
    charts = [Bars((0, 1), (n,), title=f"t{n}", x_label="heads") for n in (3, 4)]
    figure = bar_figure(charts)
    assert to_image(figure).size == (960, 1280)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["t3", "t4"]
    assert [axes.patches[0].get_height() for axes in figure.axes] == [3, 4]
    tops = [axes.get_position().y1 for axes in figure.axes]
    assert all(above > below for above, below in itertools.pairwise(tops))


def test_no_state_is_left_in_pyplot():
    to_image(share_figure(X, {"y": X}, title="t", x_label="px"))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'needs matplotlib: pip install "\.\[plot\]"'):
        share_figure(X, {"y": X}, title="t", x_label="px")


def test_names_are_shown_as_they_are():
    names = ["_door", "$a$", "$\\broken$"]
    figure = line_figure(
        [Panel({name: Line(X, X) for name in names})], title="$\\broken$.mp4", x_label="s"
    )
    legend = figure.axes[0].get_legend()
    assert [text.get_text().strip() for text in legend.get_texts()] == names
    to_image(figure)  # as mathematics it could not be drawn
    broken = "$\\broken$"
    to_image(share_figure(X, {broken: [0.5] * len(X)}, title=broken, x_label="px"))
    to_image(bar_figure([Bars((0, 1), (5,), title=broken, x_label="heads")]))
