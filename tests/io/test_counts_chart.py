from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image

from raz.io.counts_chart import CHART_SUFFIXES, CountSeries, save_figure
from raz.io.zones import Zones
from raz.result import Result
from raz.smoothing import smoothed

pytest.importorskip("matplotlib")


def frames(counts, zones=None):
    return [
        Result(
            points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.ones(1, 2), count=count,
            count_density=2, count_points=0, image_size=(16, 8), time=k / 2,
            zones=Zones(zones or {}),
        )
        for k, count in enumerate(counts)
    ]  # fmt: skip


def series_of(results):
    series = CountSeries()
    for result in results:
        series.add(result)
    return series


def test_the_line_has_the_counts_at_their_times():
    series = series_of(frames([3.0, 5.0, 4.0]))
    (axes,) = series.figure("clip.mp4").axes
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[0, 3], [0.5, 5], [1, 4]]
    assert axes.get_title(loc="left") == "clip.mp4"
    assert len(series) == 3


def test_zones_have_a_panel_and_the_raw_lines_lie_pale_below():
    left = {"left": [(0, 0), (8, 0), (8, 8), (0, 8)]}
    whole, zones = series_of(smoothed(frames([3.0, 9.0, 4.0], left), 2)).figure("clip.mp4").axes
    raw, smooth = whole.lines
    assert raw.get_ydata().tolist() == [3, 9, 4]
    assert raw.get_alpha() < 1
    assert smooth.get_ydata().tolist() == [4, 4, 4]
    assert [line.get_ydata().tolist() for line in zones.lines] == [[1, 1, 1]] * 2
    assert zones.lines[1].get_label() == "left"
    assert "median over 2s" in whole.get_legend().get_title().get_text()


def test_images_without_a_time_are_passed_over():
    assert len(series_of([replace(frames([3.0])[0], time=None)])) == 0


@pytest.mark.parametrize("suffix", CHART_SUFFIXES)
def test_charts_are_written_as_their_suffix_says(tmp_path, suffix):
    for name in ("a", "b"):
        save_figure(series_of(frames([3.0, 5.0])).figure("clip.mp4"), tmp_path / f"{name}{suffix}")
    a, b = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert len(a) > 1000
    if suffix == ".png":
        with Image.open(tmp_path / "a.png") as image:
            assert image.size == (960, 640)
        assert a == b


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of .png, .svg, .pdf"):
        save_figure(CountSeries().figure(""), tmp_path / "out.gif")
