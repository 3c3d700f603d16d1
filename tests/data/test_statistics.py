from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import published
from raz.data import open_data_set
from raz.data.statistics import Histogram, Summary, describe, merged


def test_figures_of_a_small_set(tmp_path: Path) -> None:
    published.own_folder(tmp_path)
    seen: list[None] = []
    figures = describe(open_data_set(tmp_path), on_image=lambda: seen.append(None))
    assert (figures.images, figures.heads, figures.without_heads) == (3, 4, 1)
    assert figures.width == Summary(30, 30, 30, 30)
    assert figures.height == Summary(20, 20, 20, 20)
    assert figures.heads_per_image == Summary(0, 2, 4 / 3, 2)
    distances = [math.hypot(31.5 - k, 2.25) for k in (1, 10)]
    assert figures.nearest_head.minimum == pytest.approx(distances[1])
    assert figures.nearest_head.maximum == pytest.approx(distances[0])
    assert figures.heads_histogram == Histogram((0, 1, 3), (1, 2))
    assert figures.nearest_histogram == Histogram((0, 1, 2, 4, 8, 16, 32), (0, 0, 0, 0, 0, 4))
    assert figures.bad == []
    assert len(seen) == 3


def test_pixels_are_not_needed(tmp_path: Path) -> None:
    published.own_folder(tmp_path)
    samples = open_data_set(tmp_path)
    path = samples.image_path(0)
    path.write_bytes(path.read_bytes()[:-25])
    assert describe(samples).images == 3


def test_bad_files_are_left_out_and_named(tmp_path: Path) -> None:
    published.jhu(tmp_path)
    (tmp_path / "train/gt/0001.txt").write_text("1")
    (tmp_path / "train/images/0002.jpg").write_text("no image")
    figures = describe(open_data_set(tmp_path))
    assert (figures.images, figures.heads) == (1, 2)
    assert ["0001.txt" in figures.bad[0], "0002.jpg" in figures.bad[1]] == [True, True]


def test_nothing_is_undefined_not_zero(tmp_path: Path) -> None:
    published.write_image(tmp_path / "a.png", 9)
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "a.png").write_text("no image")
    figures = describe(open_data_set(tmp_path))
    assert (figures.images, figures.heads) == (0, 0)
    assert math.isnan(figures.width.median)
    assert math.isnan(figures.nearest_head.mean)
    assert figures.heads_histogram == Histogram((0, 1), (0,))


def test_every_value_is_in_one_bin() -> None:
    values = np.array([0, 0.5, 1, 1, 2, 4, 5])
    histogram = Histogram.of(values, [0, 1, 2, 4, 8, 16])
    assert histogram == Histogram((0, 1, 2, 4, 8), (2, 2, 1, 2))
    assert histogram.labels == ("0 to 1", "1 to 2", "2 to 4", "4 to 8")


def test_merged_histograms_are_as_long_as_the_longest() -> None:
    parts = [Histogram((0, 1), (3,)), Histogram((0, 1, 3, 10), (1, 0, 2)), Histogram((0, 1), (1,))]
    assert merged(parts) == Histogram((0, 1, 3, 10), (5, 0, 2))
